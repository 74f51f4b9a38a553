// Character classes of Unicode 16.0, as the pretokenizer needs them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/utf8.h"

namespace lm {

inline constexpr std::string_view kUnicodeVersion = "16.0";

/// The classes that patterns tell apart. `letter`: Lm and Lo; upper: Lu and Lt; space: White_Space; other: everything else,
/// invalid UTF-8 included.
enum class CharClass : std::uint8_t { other, upper, lower, letter, mark, number, space };

struct UnicodeRange {
  std::uint32_t first, last;
  CharClass character_class;
};
/// Returns disjoint ascending ranges; what is in none of them is `other`.
std::span<const UnicodeRange> unicode_ranges();

/// Two-stage look-up, built once from the ranges.
class UnicodeClasses {
 public:
  static const UnicodeClasses& get();
  CharClass of(std::uint32_t code_point) const {
    return code_point < kCodePoints ? pages_[page_of_[code_point / kPage]][code_point % kPage] : CharClass::other;
  }

  /// The stages as plain arrays: the class of c is pages()[page_of()[c / 128] * 128 + c % 128].
  const std::uint16_t* page_of() const { return page_of_.data(); }
  const CharClass* pages() const { return pages_.front().data(); }

 private:
  static constexpr std::uint32_t kCodePoints = 0x110000, kPage = 128;
  UnicodeClasses();
  std::array<std::uint16_t, kCodePoints / kPage> page_of_;
  std::vector<std::array<CharClass, kPage>> pages_;
};

}  // namespace lm
