// Random texts of what scanners tell apart: few characters of each class, in runs.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/rng.h"

namespace lm::test {

/// Letters of every case and script, marks, numbers, whitespace, symbols, parts of contractions, and bytes that are not UTF-8.
inline constexpr std::array<std::string_view, 47> kMixedAlphabet = {"a",
                                                                    "B",
                                                                    "s",
                                                                    "S",
                                                                    "t",
                                                                    "l",
                                                                    "L",
                                                                    "e",
                                                                    "'",
                                                                    "'",
                                                                    " ",
                                                                    " ",
                                                                    "\n",
                                                                    "\r",
                                                                    "\t",
                                                                    "\v",
                                                                    "1",
                                                                    "2",
                                                                    "/",
                                                                    ".",
                                                                    "(",
                                                                    "-",
                                                                    "\xC3\xA9",
                                                                    "\xC3\x89",
                                                                    "\xC5\xBF",
                                                                    "\xC7\x85",
                                                                    "\xCA\xB0",
                                                                    "\xE4\xB8\xAD",
                                                                    "\xE3\x81\x82",
                                                                    "\xCC\x81",
                                                                    "\xE0\xA4\xBE",
                                                                    "\xC2\xB2",
                                                                    "\xD9\xA1",
                                                                    "\xF0\x9D\x9F\x8E",
                                                                    "\xC2\xA0",
                                                                    "\xE3\x80\x80",
                                                                    "\xE2\x80\xA8",
                                                                    "\xE2\x80\x94",
                                                                    "\xE2\x80\x99",
                                                                    "\xF0\x9F\x98\x80",
                                                                    "\xF0\x9D\x92\x9C",
                                                                    "\xFF",
                                                                    "\xC3",
                                                                    "\xE4\xB8",
                                                                    "\xED\xA0\x80",
                                                                    "\xF4\x90",
                                                                    std::string_view("\0", 1)};

/// Appends characters of the first `letters` of the alphabet until there are `size` bytes; runs of one are common.
inline std::string mixed_text(Rng& random, std::size_t size, std::size_t letters = kMixedAlphabet.size()) {
  std::string text;
  while (text.size() < size) {
    const std::string_view character = kMixedAlphabet[random.below(letters)];
    const std::uint64_t times = random.below(8) == 0 ? 1 + random.below(random.below(16) == 0 ? 200 : 6) : 1;
    for (std::uint64_t i = 0; i < times; ++i) text += character;
  }
  return text;
}

}  // namespace lm::test
