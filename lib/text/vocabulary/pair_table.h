// PairTable: the merge that joins two neighbouring tokens, by their ids.
#pragma once

#include <cstdint>
#include <vector>

#include "base/token.h"

namespace lm {

struct MergePair {
  TokenId left, right;
};

/// Open addressing over packed pairs, one cache line a look-up if the table is cold.
class PairTable {
 public:
  static constexpr std::uint32_t kNoMerge = 0xFFFFFFFF;
  struct Merge {
    std::uint32_t rank = kNoMerge;  // lower applies first
    TokenId result = 0;
  };

  /// Empties the table and makes room for `count` pairs.
  void reset(std::uint64_t count);
  /// Adds a pair. Returns false, and changes nothing, if it is there already.
  bool insert(MergePair pair, Merge merge);
  /// Returns the merge of a pair; its rank is kNoMerge if the pair does not merge.
  Merge find(TokenId left, TokenId right) const;

 private:
  struct Slot {
    std::uint64_t pair = kFree;
    Merge merge;
  };
  static constexpr std::uint64_t kFree = 0xFFFFFFFFFFFFFFFF;
  std::vector<Slot> slots_ = std::vector<Slot>(1);
};

}  // namespace lm
