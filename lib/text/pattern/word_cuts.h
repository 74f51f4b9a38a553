// Places between two ASCII characters where a text can be cut into words, whatever else is in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/simd_tier.h"

namespace lm {

/// Where words end. Other bytes than ASCII, and controls, are never beside a cut.
enum class WordCuts : std::uint8_t {
  none,
  before_blank,       // between what is visible (a letter, digit or punctuation) and a ' '
  around_punctuation  // also on both sides of punctuation, and before all whitespace, but not behind it
};

/// Returns whether there is a cut between two characters: the reference.
bool is_word_cut(WordCuts cuts, unsigned char before, unsigned char at);

/// Writes where words begin in `blocks` blocks of 64 bytes that begin at text + place, and returns how many. There is a byte before them;
/// at `starts` is room for 64 a block, and 64 more.
using FindWords = std::size_t (*)(const unsigned char* text, std::uint32_t place, std::size_t blocks, std::uint32_t* starts);

/// Finds the words of a text, some hundreds at a time.
class WordSpans {
 public:
  /// Texts must be shorter.
  static constexpr std::size_t kTextBytes = std::size_t{1} << 31;
  static constexpr std::size_t kMost = 192;  // words that next() gives, except for those of its last blocks

  WordSpans(WordCuts cuts, SimdTier tier);

  void begin(std::string_view text);
  /// Finds some more words, and returns how many; 0 if there are no more.
  std::size_t next();
  /// Returns where the words of the last next() begin, and where the last of them ends.
  const std::uint32_t* starts() const { return starts_.data(); }

 private:
  static constexpr std::size_t kBlock = 64, kBlocks = 8;  // that are searched at once

  WordCuts cuts_;
  FindWords find_;
  std::string_view text_;
  std::size_t at_ = 0;  // the next place to look at
  std::size_t count_ = 0;
  std::array<std::uint32_t, kMost + (kBlocks + 1) * kBlock + 2> starts_{};
};

}  // namespace lm
