#include "text/vocabulary/merge_table.h"

#include <bit>

namespace lm {

void MergeTable::reset(std::uint64_t count, std::uint64_t ids, std::uint64_t ranks) {
  results_.assign(ranks, 0);
  slots_.clear();
  // The largest id is left out: two of it would look like a free slot.
  const bool is_packed = ids < (std::uint64_t{1} << kIdBits) && ranks < kRankMask;
  wide_.reset(is_packed ? 0 : count);
  if (!is_packed) return;
  const std::uint64_t places = std::bit_ceil(2 * count + 2);
  shift_ = 64 - std::countr_zero(places);
  slots_.assign(places, kFree);
}

bool MergeTable::insert(MergePair pair, PairTable::Merge merge) {
  if (slots_.empty()) {
    if (!wide_.insert(pair, merge)) return false;
  } else {
    const std::uint64_t key = packed(pair.left, pair.right);
    std::size_t slot = hash_pair(key) >> shift_;
    for (; slots_[slot] != kFree; slot = (slot + 1) & (slots_.size() - 1)) {
      if ((slots_[slot] ^ key) >> kRankBits == 0) return false;
    }
    slots_[slot] = key | merge.rank;
  }
  results_[merge.rank] = merge.result;
  return true;
}

}  // namespace lm
