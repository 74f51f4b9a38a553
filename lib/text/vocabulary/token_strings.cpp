#include "text/vocabulary/token_strings.h"

#include <bit>

#include "text/vocabulary/byte_hash.h"

namespace lm {

std::optional<TokenId> find_token(const TokenStrings& tokens, std::string_view bytes) {
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (tokens[id] == bytes) return id;
  }
  return std::nullopt;
}

void TokenIndex::reset(const TokenStrings& strings, std::uint32_t count) {
  strings_ = &strings;
  slots_.assign(std::bit_ceil(std::uint64_t{count} + count / 4 + 2), kFree);
}

std::size_t TokenIndex::slot_of(std::string_view bytes) const {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash_bytes(bytes) & mask;
  while (slots_[slot] != kFree && (*strings_)[slots_[slot]] != bytes) slot = (slot + 1) & mask;
  return slot;
}

bool TokenIndex::insert(TokenId id) {
  const std::size_t slot = slot_of((*strings_)[id]);
  if (slots_[slot] != kFree) return false;
  slots_[slot] = id;
  return true;
}

std::optional<TokenId> TokenIndex::find(std::string_view bytes) const {
  if (slots_.empty()) return std::nullopt;
  const TokenId id = slots_[slot_of(bytes)];
  return id == kFree ? std::nullopt : std::optional(id);
}

}  // namespace lm
