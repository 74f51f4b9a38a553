#include "text/vocabulary/pair_table.h"

#include <bit>

#include "text/vocabulary/byte_hash.h"

namespace lm {

void PairTable::reset(std::uint64_t count) { slots_.assign(std::bit_ceil(count + count / 2 + 2), Slot{}); }

bool PairTable::insert(MergePair pair, Merge merge) {
  const std::uint64_t key = (std::uint64_t{pair.left} << 32) | pair.right;
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash_pair(key) & mask;
  for (; slots_[slot].pair != kFree; slot = (slot + 1) & mask) {
    if (slots_[slot].pair == key) return false;
  }
  slots_[slot] = {key, merge};
  return true;
}

PairTable::Merge PairTable::find(TokenId left, TokenId right) const {
  const std::uint64_t key = (std::uint64_t{left} << 32) | right;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash_pair(key) & mask; slots_[slot].pair != kFree; slot = (slot + 1) & mask) {
    if (slots_[slot].pair == key) return slots_[slot].merge;
  }
  return {};
}

}  // namespace lm
