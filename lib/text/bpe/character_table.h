// CharacterTable: what a vocabulary knows about each character, and which characters are neighbours in some token.
#pragma once

#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/token.h"

namespace lm {

class CharacterTable {
 public:
  static constexpr TokenId kNoSymbol = 0xFFFFFFFF;
  struct Character {
    std::uint32_t index = 0;     // from 1 on, in the order of adding; 0: in no token
    TokenId symbol = kNoSymbol;  // what stands for it in merges
  };

  /// Returns what is known about a code point; of one beyond U+10FFFF (invalid UTF-8) that it is in no token.
  Character of(std::uint32_t code_point) const {
    if (code_point >= kCodePoints) return {};
    const Page* page = pages_[code_point / kPage].get();
    return page == nullptr ? Character{} : (*page)[code_point % kPage];
  }
  /// Returns the entry of a code point below 0x110000, with an index of its own.
  Character& at(std::uint32_t code_point);
  /// Adds the characters of a token's spelling, and that they are neighbours in this order.
  void add_neighbours(std::string_view spelling);
  /// Returns whether the characters of two indices are neighbours, in this order, in some token.
  bool joins(std::uint32_t before, std::uint32_t after) const {
    if ((before | after) < kDense) return dense_[before * kDense + after];
    return find_pair(before, after);
  }
  std::uint32_t size() const { return count_; }

 private:
  static constexpr std::uint32_t kCodePoints = 0x110000, kPage = 256, kDense = 256;
  using Page = std::array<Character, kPage>;
  bool find_pair(std::uint32_t before, std::uint32_t after) const;
  void add_pair(std::uint32_t before, std::uint32_t after);
  void rehash(std::size_t slots);

  std::vector<std::unique_ptr<Page>> pages_ = std::vector<std::unique_ptr<Page>>(kCodePoints / kPage);
  std::uint32_t count_ = 0;
  std::bitset<std::size_t{kDense} * kDense> dense_;                   // of indices below kDense
  std::vector<std::uint64_t> pairs_ = std::vector<std::uint64_t>(1);  // of others, open addressing; 0 is free
  std::size_t pair_count_ = 0;
};

}  // namespace lm
