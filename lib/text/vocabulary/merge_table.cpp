#include "text/vocabulary/merge_table.h"

#include <algorithm>
#include <bit>
#include <span>

namespace lm {

void MergeTable::reset(std::uint64_t count, std::uint64_t ids, std::uint64_t ranks) {
  results_.assign(ranks, 0);
  buckets_ = nullptr;
  memory_ = {};
  is_shifted_ = false;
  // The largest id is left out: two of it would look like a free slot.
  const bool is_packed = ids < (std::uint64_t{1} << kIdBits) && ranks < kRankMask - 1;
  wide_.reset(is_packed ? 0 : count);
  if (!is_packed) return;
  const std::uint64_t places = std::bit_ceil(count / 2 + 2);
  shift_ = 64 - std::countr_zero(places);
  memory_ = ZeroedMemory(places * sizeof(Bucket));
  buckets_ = static_cast<Bucket*>(memory_.data());
  std::fill_n(buckets_, places, Bucket{});
  mask_ = places - 1;
}

bool MergeTable::insert(MergePair pair, PairTable::Merge merge) {
  if (buckets_ == nullptr) {
    if (!wide_.insert(pair, merge)) return false;
  } else if (!insert_packed(packed(pair.left, pair.right), merge.rank)) {
    return false;
  }
  results_[merge.rank] = merge.result;
  return true;
}

bool MergeTable::insert_packed(std::uint64_t pair, std::uint32_t rank) {
  for (std::size_t place = hash_pair(pair) >> shift_;; place = (place + 1) & mask_) {
    for (std::uint64_t& slot : buckets_[place].slots) {
      if (slot == kFree) {
        slot = pair | (rank + 1);
        return true;
      }
      if (((slot ^ pair) >> kRankBits) == 0) return false;
    }
  }
}

void MergeTable::finish() {
  std::vector<bool> used(results_.size());
  for (const Bucket& bucket : std::span(buckets_, is_packed() ? mask_ + 1 : 0)) {
    for (const std::uint64_t slot : bucket.slots) {
      if (slot != kFree) used[(slot & kRankMask) - 1] = true;
    }
  }
  const auto some = std::find(used.begin(), used.end(), true);
  if (some == used.end()) return;
  const auto first = static_cast<std::size_t>(some - used.begin());
  first_ = results_[first] - static_cast<TokenId>(first);  // modulo 2^32
  is_shifted_ = true;
  for (std::size_t rank = first; rank < used.size(); ++rank)
    is_shifted_ = is_shifted_ && (!used[rank] || results_[rank] == static_cast<TokenId>(rank + first_));
}

}  // namespace lm
