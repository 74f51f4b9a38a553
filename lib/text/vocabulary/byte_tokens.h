// The tokens that stand for single bytes of characters without a token: "<0x00>" to "<0xFF>".
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/token.h"

namespace lm {

using ByteTokens = std::array<std::optional<TokenId>, 256>;

/// Returns how the token of a byte is spelled.
inline std::string byte_token_name(unsigned byte) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  return {'<', '0', 'x', kDigits[byte >> 4 & 15], kDigits[byte & 15], '>'};
}

/// Returns the byte whose token is spelled `name`, if it is one's.
inline std::optional<unsigned> byte_of_token_name(std::string_view name) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  if (name.size() != 6 || !name.starts_with("<0x") || name[5] != '>') return std::nullopt;
  const std::size_t high = kDigits.find(name[3]), low = kDigits.find(name[4]);
  if (high == std::string_view::npos || low == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(high * 16 + low);
}

/// Returns the tokens of all bytes, each as `find` (a function of a spelling) has it.
template <class Find>
ByteTokens find_byte_tokens(Find find) {
  ByteTokens tokens;
  for (unsigned byte = 0; byte < 256; ++byte) tokens[byte] = find(byte_token_name(byte));
  return tokens;
}

}  // namespace lm
