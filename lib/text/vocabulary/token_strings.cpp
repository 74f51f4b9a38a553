#include "text/vocabulary/token_strings.h"

#include <bit>

namespace lm {

std::optional<TokenId> find_token(const TokenStrings& tokens, std::string_view bytes) {
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (tokens[id] == bytes) return id;
  }
  return std::nullopt;
}

void TokenIndex::reset(const TokenStrings& strings, std::uint32_t count) {
  strings_ = &strings;
  slots_.assign(std::bit_ceil(std::uint64_t{count} + count / 2 + 2), Slot{});
}

std::size_t TokenIndex::slot_of(std::string_view bytes, std::uint64_t hash) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  for (; slots_[slot].id != kFree; slot = (slot + 1) & mask) {
    if (slots_[slot].tag == tag_of(hash) && (*strings_)[slots_[slot].id] == bytes) break;
  }
  return slot;
}

bool TokenIndex::insert(TokenId id) {
  const std::uint64_t hash = hash_bytes((*strings_)[id]);
  Slot& slot = slots_[slot_of((*strings_)[id], hash)];
  if (slot.id != kFree) return false;
  slot = {.tag = tag_of(hash), .id = id};
  return true;
}

std::optional<TokenId> TokenIndex::find(std::string_view bytes, std::uint64_t hash) const {
  if (slots_.empty()) return std::nullopt;
  const TokenId id = slots_[slot_of(bytes, hash)].id;
  return id == kFree ? std::nullopt : std::optional(id);
}

}  // namespace lm
