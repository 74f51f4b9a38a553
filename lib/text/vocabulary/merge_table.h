// MergeTable: the rank of the merge that joins two neighbouring tokens, eight bytes a pair, and what it makes.
#pragma once

#include <cstdint>
#include <vector>

#include "base/token.h"
#include "text/vocabulary/byte_hash.h"
#include "text/vocabulary/pair_table.h"

namespace lm {

/// A merge's rank says what it makes: it is that of one pair, or of one string. Where ids or ranks are too large to pack into eight bytes, a
/// PairTable serves.
class MergeTable {
 public:
  static constexpr std::uint32_t kNoMerge = PairTable::kNoMerge;

  /// Empties the table and makes room for `count` pairs of ids below `ids`, with ranks below `ranks`.
  void reset(std::uint64_t count, std::uint64_t ids, std::uint64_t ranks);
  /// Adds a pair. Returns false, and changes nothing, if it is there already.
  bool insert(MergePair pair, PairTable::Merge merge);
  /// Returns the rank of a pair's merge, or kNoMerge.
  std::uint32_t find(TokenId left, TokenId right) const {
    if (slots_.empty()) return wide_.find(left, right).rank;
    const std::uint64_t pair = packed(left, right);
    for (std::size_t slot = hash_pair(pair) >> shift_;; slot = (slot + 1) & (slots_.size() - 1)) {
      const std::uint64_t found = slots_[slot];
      if ((found ^ pair) >> kRankBits == 0) return static_cast<std::uint32_t>(found & kRankMask);
      if (found == kFree) return kNoMerge;
    }
  }
  /// Returns what the merge of a rank makes.
  TokenId result_of(std::uint32_t rank) const { return results_[rank]; }
  /// Returns a number above all ranks.
  std::uint32_t ranks() const { return static_cast<std::uint32_t>(results_.size()); }

 private:
  static constexpr int kIdBits = 20, kRankBits = 24;
  static constexpr std::uint64_t kRankMask = (std::uint64_t{1} << kRankBits) - 1, kFree = 0xFFFFFFFFFFFFFFFF;
  static std::uint64_t packed(TokenId left, TokenId right) {
    return ((std::uint64_t{left} << kIdBits) | right) << kRankBits;
  }

  std::vector<std::uint64_t> slots_;  // left, right and rank; a power of two, half of them free at least
  int shift_ = 63;
  std::vector<TokenId> results_;
  PairTable wide_;
};

}  // namespace lm
