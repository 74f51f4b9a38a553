// CharacterCuts: places between characters of three bytes that no token reaches across, so that no merge does.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/vocabulary/token_strings.h"

namespace lm {

/// Long pieces of scripts without spaces hardly come again, but what is between such places does. All of ideographs, kana, hangul and most
/// scripts of southern Asia are characters of three bytes. A few places that no token reaches across are not known, never the reverse.
class CharacterCuts {
 public:
  /// Takes the tokens that merges can make, or more. Nothing can be cut then if it would take too much memory.
  void build(const TokenStrings& tokens);
  bool is_empty() const { return pairs_.bits.empty(); }
  /// Appends to `starts` the places inside text[begin, end), a pretoken, where to cut it.
  void append(std::string_view text, std::uint32_t begin, std::uint32_t end, std::vector<std::uint32_t>& starts) const;

 private:
  /// Numbers that were put in, and a few more.
  struct HashedSet {
    std::vector<std::uint64_t> bits;
    int shift = 26;
    void build(const std::vector<std::uint32_t>& numbers);
    bool holds(std::uint32_t number) const {
      const std::uint32_t place = number * 0x9E3779B1U >> shift;
      return (bits[place / 64] >> (place % 64) & 1) != 0;
    }
  };
  bool joins(std::uint32_t before, std::uint32_t after) const {
    return pairs_.holds(before << 16 | after) || tails_.holds((before & 0x3F) << 16 | after);
  }

  HashedSet pairs_;  // characters, by their 16 bits, that a token has next to each other
  HashedSet tails_;  // the last 6 bits of a character with which a token begins, and the next character
};

}  // namespace lm
