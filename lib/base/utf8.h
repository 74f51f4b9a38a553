// UTF-8: decoding, validity, and spelling code points.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace lm {

/// A character: its code point and length in bytes. Invalid UTF-8 gives kInvalidCodePoint and the length of the maximal
/// invalid part (Unicode's "substitution of maximal subparts"), which ends at the text's end too.
struct DecodedChar {
  std::uint32_t code_point;
  std::uint32_t length;
};
inline constexpr std::uint32_t kInvalidCodePoint = 0xFFFFFFFF;

/// Decodes the character at the start of [at, end), which is not empty.
inline DecodedChar decode_utf8(const char* at, const char* end) {
  const auto byte = [at](std::ptrdiff_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(at[i])); };
  const std::uint32_t lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  if (lead < 0xC2 || lead > 0xF4) return {kInvalidCodePoint, 1};
  const std::uint32_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  // The second byte's range excludes overlong forms, surrogates and what lies beyond U+10FFFF (Unicode 16.0, table 3-7).
  const std::uint32_t low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const std::uint32_t high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  if (end - at < 2 || byte(1) < low || byte(1) > high) return {kInvalidCodePoint, 1};
  std::uint32_t code_point = ((lead & (0x7Fu >> length)) << 6) | (byte(1) & 0x3F);
  for (std::uint32_t i = 2; i < length; ++i) {
    if (end - at <= static_cast<std::ptrdiff_t>(i) || (byte(i) & 0xC0) != 0x80) return {kInvalidCodePoint, i};
    code_point = (code_point << 6) | (byte(i) & 0x3F);
  }
  return {code_point, length};
}

/// Returns the length of the well-formed UTF-8 sequence at the front of `text`, which is not empty, or 0; then `invalid` is
/// the length of the maximal invalid part.
inline std::size_t utf8_length(std::string_view text, std::size_t& invalid) {
  const DecodedChar character = decode_utf8(text.data(), text.data() + text.size());
  if (character.code_point != kInvalidCodePoint) return character.length;
  invalid = character.length;
  return 0;
}

/// Returns whether `text` is well-formed throughout.
inline bool is_utf8(std::string_view text) {
  for (std::size_t invalid = 0; !text.empty();) {
    const std::size_t length = utf8_length(text, invalid);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

/// Returns how many bytes at the end of `text` are the beginning of a character that more bytes might complete (0 to 3).
inline std::size_t incomplete_utf8_tail(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    if (byte < 0xC2 || byte > 0xF4) return 0;
    const std::size_t length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    if (back >= length) return 0;
    // Incomplete only if all that is there is a valid beginning: then decoding takes it as one invalid part.
    const char* start = text.data() + text.size() - back;
    return decode_utf8(start, text.data() + text.size()).length == back ? back : 0;
  }
  return 0;
}

/// Appends the spelling of a code point below 0x110000.
inline void append_utf8(std::string& out, unsigned code) {
  const auto byte = [&](unsigned value) { out += static_cast<char>(value); };
  if (code < 0x80) return byte(code);
  if (code < 0x800) {
    byte(0xC0 | code >> 6);
  } else {
    if (code < 0x10000) {
      byte(0xE0 | code >> 12);
    } else {
      byte(0xF0 | code >> 18);
      byte(0x80 | (code >> 12 & 0x3F));
    }
    byte(0x80 | (code >> 6 & 0x3F));
  }
  byte(0x80 | (code & 0x3F));
}

}  // namespace lm
