// From a pair of neighbouring tokens to the merge that joins them.
#pragma once

#include <cstdint>
#include <vector>

#include "base/token.h"

namespace lm {

struct MergePair {
  TokenId left, right;
};

/// Open addressing over packed pairs, one cache line a look-up where the table is cold.
class PairTable {
 public:
  static constexpr std::uint32_t kNoMerge = 0xFFFFFFFF;
  struct Merge {
    std::uint32_t rank = kNoMerge;  // lower applies first
    TokenId result = 0;
  };

  /// Room for `count` pairs.
  void reset(std::uint64_t count);
  /// False, and nothing changed, where the pair is there already.
  bool insert(MergePair pair, Merge merge);
  /// rank kNoMerge where the pair does not merge.
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
