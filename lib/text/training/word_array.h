// WordArray: the distinct pretokens while their symbols merge, in little memory.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <string_view>

#include "base/page_array.h"
#include "base/token.h"

namespace lm {

/// All words are in one array of places, a place for each byte and one between neighbours. The id of a symbol is at the place of
/// its first byte and at that of its last; so neighbours are found both ways without links, and a merge writes two to four
/// places. Which word a place is in is found by counting the boundaries since the last multiple of kBlock places.
///
/// Symbol: 16 bits where all ids fit, else 32.
template <class Symbol>
class WordArray {
 public:
  using Place = std::uint32_t;
  static constexpr Symbol kBoundary = std::numeric_limits<Symbol>::max();  // between words
  static constexpr Symbol kInside = kBoundary - 1;  // of a symbol, neither its first nor its last place
  static constexpr std::uint64_t kLargestId = kInside - 1;
  static constexpr std::uint64_t kMostPlaces = std::numeric_limits<Place>::max();

  /// Returns the bytes that so many words with so many bytes take.
  static std::uint64_t memory(std::uint64_t words, std::uint64_t bytes) {
    const std::uint64_t places = words + bytes + 1;
    return Pages::rounded(places * sizeof(Symbol)) + Pages::rounded((places / kBlock + 1) * sizeof(std::uint32_t)) +
           Pages::rounded(words * sizeof(std::uint32_t));
  }
  /// Makes room for them.
  void reserve(std::uint64_t words, std::uint64_t bytes) {
    at_.resize(words + bytes + 1);
    block_words_.resize((words + bytes + 1) / kBlock + 1);
    counts_.resize(words);
    append(kBoundary);
  }
  /// Adds a word that occurs `count` times; id_of(byte) is the symbol of a byte.
  template <class IdOf>
  void add(std::string_view word, std::uint64_t count, IdOf&& id_of) {
    counts_[words_] = static_cast<std::uint32_t>(count < kLarge ? count : kLarge);
    if (count >= kLarge) large_counts_[static_cast<std::uint32_t>(words_)] = static_cast<std::int64_t>(count);
    for (const char byte : word) append(static_cast<Symbol>(id_of(static_cast<unsigned char>(byte))));
    ++words_;
    append(kBoundary);
  }

  std::uint64_t places() const { return used_; }
  Symbol operator[](std::uint64_t place) const { return at_[place]; }
  const Symbol* front() const { return at_.data(); }
  /// Returns how often the word at a place occurs.
  std::int64_t count_at(Place place) const {
    // All of a block is looked at, which pages have room for.
    const Place begin = place / kBlock * kBlock;
    std::uint32_t word = block_words_[place / kBlock] - 1;
    for (Place p = begin; p < begin + kBlock; ++p) word += p < place && at_[p] == kBoundary ? 1U : 0U;
    const std::uint32_t count = counts_[word];
    return count < kLarge ? count : large_counts_.find(word)->second;
  }
  /// Makes two neighbours one symbol.
  void merge(Place place, Place left_length, Place right_length, TokenId made) {
    const Place last = place + left_length + right_length - 1;
    at_[place + left_length - 1] = kInside;
    at_[place + left_length] = kInside;
    at_[place] = at_[last] = static_cast<Symbol>(made);
  }
  /// Calls visit(place, left, right, count) for each two neighbours in the order of their places.
  template <class LengthOf, class Visit>
  void for_each_pair(LengthOf&& length_of, Visit&& visit) const {
    std::uint32_t word = 0;
    std::int64_t count = 0;
    for (Place place = 0; place + 1 < used_;) {
      if (at_[place] == kBoundary) {
        if (++place == used_) break;
        count = counts_[word] < kLarge ? counts_[word] : large_counts_.find(word)->second;
        ++word;
      }
      const Symbol left = at_[place];
      const Place after = place + static_cast<Place>(length_of(left));
      if (at_[after] != kBoundary) visit(place, TokenId{left}, TokenId{at_[after]}, count);
      place = after;
    }
  }

 private:
  static constexpr Place kBlock = 32;
  static constexpr std::uint32_t kLarge = 0xFFFFFFFF;
  void append(Symbol symbol) {
    if (used_ % kBlock == 0) block_words_[used_ / kBlock] = static_cast<std::uint32_t>(boundaries_);
    if (symbol == kBoundary) ++boundaries_;
    at_[used_++] = symbol;
  }

  PageArray<Symbol> at_;
  PageArray<std::uint32_t> block_words_;  // by block: the boundaries before it
  PageArray<std::uint32_t> counts_;       // by word
  std::map<std::uint32_t, std::int64_t> large_counts_;
  std::uint64_t used_ = 0, words_ = 0, boundaries_ = 0;
};

}  // namespace lm
