// Walking through text by characters, with what is left as it is copied in blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/utf8.h"

namespace lm {

/// Returns the length of the ASCII characters at the start of [at, end).
inline std::size_t ascii_length(const char* at, const char* end) {
  const char* const start = at;
  for (std::uint64_t word = 0; end - at >= 8; at += 8) {
    std::memcpy(&word, at, 8);
    if ((word & 0x8080808080808080U) != 0) break;
  }
  while (at < end && static_cast<unsigned char>(*at) < 0x80) ++at;
  return static_cast<std::size_t>(at - start);
}

/// Appends a text to another with some stretches replaced.
class Rewriter {
 public:
  Rewriter(std::string_view text, std::string& out) : copied_(text.data()), end_(text.data() + text.size()), out_(out) {}

  /// Replaces [from, to), which is behind what was replaced before.
  void replace(const char* from, const char* to, std::string_view with) {
    keep(from);
    out_.append(with);
    copied_ = to;
  }
  /// Replaces [from, to) with what the caller appends to the returned text.
  std::string& begin_replacement(const char* from, const char* to) {
    keep(from);
    copied_ = to;
    return out_;
  }
  void finish() { keep(end_); }

 private:
  void keep(const char* until) { out_.append(copied_, static_cast<std::size_t>(until - copied_)); }

  const char* copied_;
  const char* end_;
  std::string& out_;
};

/// Calls ascii(at, end) for each longest stretch of ASCII and wide(code_point, at, end) for each other character, with
/// kInvalidCodePoint for what is not UTF-8.
template <class Ascii, class Wide>
void walk_characters(std::string_view text, Ascii ascii, Wide wide) {
  const char* at = text.data();
  const char* const end = at + text.size();
  while (at < end) {
    if (static_cast<unsigned char>(*at) < 0x80) {
      const std::size_t length = ascii_length(at, end);
      ascii(at, at + length);
      at += length;
      continue;
    }
    const DecodedChar character = decode_utf8(at, end);
    wide(character.code_point, at, at + character.length);
    at += character.length;
  }
}

}  // namespace lm
