// Character classes of Unicode 16.0 and UTF-8 decoding, as the pretokenizer needs them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace lm {

inline constexpr std::string_view kUnicodeVersion = "16.0";

/// The classes that patterns tell apart. `letter`: Lm and Lo; upper: Lu and Lt; space: White_Space; other: everything else,
/// invalid UTF-8 included.
enum class CharClass : std::uint8_t { other, upper, lower, letter, mark, number, space };

struct UnicodeRange {
  std::uint32_t first, last;
  CharClass character_class;
};
/// Disjoint and ascending; what is in none of them is `other`.
std::span<const UnicodeRange> unicode_ranges();

/// Two-stage look-up, built once from the ranges.
class UnicodeClasses {
 public:
  static const UnicodeClasses& get();
  CharClass of(std::uint32_t code_point) const {
    return code_point < kCodePoints ? pages_[page_of_[code_point / kPage]][code_point % kPage] : CharClass::other;
  }

 private:
  static constexpr std::uint32_t kCodePoints = 0x110000, kPage = 128;
  UnicodeClasses();
  std::array<std::uint16_t, kCodePoints / kPage> page_of_;
  std::vector<std::array<CharClass, kPage>> pages_;
};

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

/// How many bytes at the end of `text` are the beginning of a character that more bytes might complete (0 to 3).
std::size_t incomplete_utf8_tail(std::string_view text);

}  // namespace lm
