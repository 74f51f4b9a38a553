#include "text/bpe/character_table.h"

#include "base/utf8.h"
#include "text/vocabulary/byte_hash.h"

namespace lm {

CharacterTable::Character& CharacterTable::at(std::uint32_t code_point) {
  std::unique_ptr<Page>& page = pages_[code_point / kPage];
  if (!page) page = std::make_unique<Page>();
  Character& character = (*page)[code_point % kPage];
  if (character.index == 0) character.index = ++count_;
  return character;
}

void CharacterTable::add_neighbours(std::string_view spelling) {
  const char* end = spelling.data() + spelling.size();
  std::uint32_t before = 0;
  for (const char* at_byte = spelling.data(); at_byte != end;) {
    const DecodedChar character = decode_utf8(at_byte, end);
    at_byte += character.length;
    const std::uint32_t index = character.code_point == kInvalidCodePoint ? 0 : at(character.code_point).index;
    if (before != 0 && index != 0) add_pair(before, index);
    before = index;
  }
}

bool CharacterTable::find_pair(std::uint32_t before, std::uint32_t after) const {
  const std::uint64_t pair = (std::uint64_t{before} << 32) | after;
  const std::size_t mask = pairs_.size() - 1;
  for (std::size_t slot = hash_pair(pair) & mask; pairs_[slot] != 0; slot = (slot + 1) & mask) {
    if (pairs_[slot] == pair) return true;
  }
  return false;
}

void CharacterTable::add_pair(std::uint32_t before, std::uint32_t after) {
  if ((before | after) < kDense) {
    dense_[before * kDense + after] = true;
    return;
  }
  if (find_pair(before, after)) return;
  if (2 * (pair_count_ + 1) >= pairs_.size()) rehash(pairs_.size() * 4);
  const std::uint64_t pair = (std::uint64_t{before} << 32) | after;
  const std::size_t mask = pairs_.size() - 1;
  std::size_t slot = hash_pair(pair) & mask;
  while (pairs_[slot] != 0) slot = (slot + 1) & mask;
  pairs_[slot] = pair;
  ++pair_count_;
}

void CharacterTable::rehash(std::size_t slots) {
  std::vector<std::uint64_t> old(slots);
  old.swap(pairs_);
  const std::size_t mask = slots - 1;
  for (const std::uint64_t pair : old) {
    if (pair == 0) continue;
    std::size_t slot = hash_pair(pair) & mask;
    while (pairs_[slot] != 0) slot = (slot + 1) & mask;
    pairs_[slot] = pair;
  }
}

}  // namespace lm
