// word_cuts.h for one SIMD tier, compiled once for each as block_scan.cpp is.
#include "text/pattern/simd/byte_masks.h"
#include "text/pattern/simd/word_finders.h"

namespace lm::LM_TIER {

WordFinders word_finders();

namespace {

/// Shifts the bits to the byte behind; `before` is that of the byte before the block.
Bits behind(Bits bits, Bits before) { return (bits << 1) | before; }

bool is_visible(unsigned c) { return c > ' ' && c < 0x7F; }
bool is_alphanumeric(unsigned c) { return (c - '0') < 10 || ((c | 32) - 'a') < 26; }

std::size_t before_blank(const unsigned char* text, std::uint32_t place, std::size_t blocks, std::uint32_t* starts) {
  std::uint32_t* end = starts;
  Bits last = is_visible(text[place - 1]) ? 1 : 0;
  for (; blocks > 0; --blocks, place += 64) {
    const Bits visible = visible_of(text + place);
    end = write_places(masks_of(text + place).blank & behind(visible, last), place, end);
    last = visible >> 63;
  }
  return static_cast<std::size_t>(end - starts);
}

std::size_t around_punctuation(const unsigned char* text, std::uint32_t place, std::size_t blocks, std::uint32_t* starts) {
  std::uint32_t* end = starts;
  const unsigned before = text[place - 1];
  Bits last_word = is_alphanumeric(before) ? 1 : 0, last_visible = is_visible(before) ? 1 : 0;
  for (; blocks > 0; --blocks, place += 64) {
    const ByteMasks masks = masks_of(text + place);
    const Bits words = masks.upper | masks.lower | masks.number;
    const Bits visible = visible_of(text + place), symbols = visible & ~words;
    const Bits blanks = masks.blank | masks.newline | tabs_of(text + place);
    const Bits after_visible = behind(visible, last_visible), after_word = behind(words, last_word);
    end = write_places(((symbols | blanks) & after_visible) | (words & after_visible & ~after_word), place, end);
    last_word = words >> 63;
    last_visible = visible >> 63;
  }
  return static_cast<std::size_t>(end - starts);
}

}  // namespace

WordFinders word_finders() { return {.before_blank = before_blank, .around_punctuation = around_punctuation}; }

}  // namespace lm::LM_TIER
