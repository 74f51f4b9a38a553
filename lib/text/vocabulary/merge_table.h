// MergeTable: the rank of the merge that joins two neighbouring tokens, eight bytes a pair, and what it makes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/token.h"
#include "base/zeroed_memory.h"
#include "text/vocabulary/byte_hash.h"
#include "text/vocabulary/pair_table.h"

namespace lm {

/// A merge's rank says what it makes: it is that of one pair, or of one string. Where ids or ranks are too large to pack into eight bytes, a
/// PairTable serves.
class MergeTable {
 public:
  static constexpr std::uint32_t kNoMerge = PairTable::kNoMerge;
  static constexpr TokenId kNoToken = 0xFFFFF;  // merges with no token in a table that is_packed()
  static constexpr int kRankBits = 24;          // of the ranks of a table that is_packed()

  /// Empties the table and makes room for `count` pairs of ids below `ids`, with ranks below `ranks`.
  void reset(std::uint64_t count, std::uint64_t ids, std::uint64_t ranks);
  bool is_packed() const { return buckets_ != nullptr; }
  /// Adds a pair. Returns false, and changes nothing, if it is there already.
  bool insert(MergePair pair, PairTable::Merge merge);
  /// Tells the table that all pairs are there.
  void finish();
  /// Returns the rank of a pair's merge, or kNoMerge.
  std::uint32_t find(TokenId left, TokenId right) const {
    if (buckets_ == nullptr) [[unlikely]]
      return wide_.find(left, right).rank;
    const std::uint64_t pair = packed(left, right);
    for (std::size_t place = hash_pair(pair) >> shift_;; place = (place + 1) & mask_) {
      // No branch on what is found: whether two tokens merge cannot be predicted.
      const auto& slots = buckets_[place].slots;
      const auto rank_in = [pair](std::uint64_t slot) {  // and one more; 0 if it is another pair's
        const std::uint64_t is_other = ((slot ^ pair) >> kRankBits) != 0 ? 1 : 0;
        return slot & kRankMask & (is_other - 1);
      };
      const std::uint64_t found = rank_in(slots[0]) | rank_in(slots[1]) | rank_in(slots[2]) | rank_in(slots[3]);
      if (((found != 0 ? 1U : 0U) | (slots[3] == kFree ? 1U : 0U)) != 0) [[likely]]
        return static_cast<std::uint32_t>(found) - 1;
    }
  }
  /// Begins to fetch what find() reads of a packed table.
  void prefetch(TokenId left, TokenId right) const {
    __builtin_prefetch(buckets_ + (hash_pair(packed(left, right)) >> shift_));
  }
  /// Returns what the merge of a rank makes.
  TokenId result_of(std::uint32_t rank) const { return is_shifted_ ? rank + first_ : results_[rank]; }
  /// Returns a number above all ranks.
  std::uint32_t ranks() const { return static_cast<std::uint32_t>(results_.size()); }

 private:
  bool insert_packed(std::uint64_t pair, std::uint32_t rank);
  static constexpr int kIdBits = 20;
  static constexpr std::uint64_t kRankMask = (std::uint64_t{1} << kRankBits) - 1, kFree = 0xFFFFFFFFFFFFFFFF;
  static std::uint64_t packed(TokenId left, TokenId right) {
    return ((std::uint64_t{left} << kIdBits) | right) << kRankBits;
  }

  struct alignas(32) Bucket {
    std::array<std::uint64_t, 4> slots = {kFree, kFree, kFree, kFree};  // left, right, rank + 1; the free ones last
  };
  ZeroedMemory memory_;
  Bucket* buckets_ = nullptr;  // a power of two; what a bucket has no room for is in the next
  std::size_t mask_ = 0;       // how many, less one
  int shift_ = 63;
  std::vector<TokenId> results_;  // by rank
  bool is_shifted_ = false;       // all of them are their rank and first_, as in nearly all files
  TokenId first_ = 0;
  PairTable wide_;
};

}  // namespace lm
