// block_scan.h for one SIMD tier. Like the kernels' files it is compiled once for each tier with LM_TIER as the tier's namespace,
// and shares no function with other files. A pattern's derivation is beside its rules; "begins" is short for: a pretoken begins.
#include "text/pattern/simd/block_scanners.h"
#include "text/pattern/simd/byte_masks.h"
#include "text/unicode/unicode.h"

namespace lm::LM_TIER {

BlockScanners block_scanners();

namespace {

struct Rules {
  bool modern = true;              // cl100k and what came after it
  int group = 3;                   // so many numbers are a pretoken, 0 for any
  bool marks_are_letters = false;  // else they are symbols
  bool cased = false;              // words end before a capital behind a small letter, and take slashes behind newlines
  bool contractions = true;        // cased: at the end of words
};

/// The classes of a block's bytes. All bytes of a character have its class; `inner`: all but its first.
struct Block {
  Bits letter, upper, number, other, space, newline, blank, quote, slash, inner;
  Bits caseless = 0;  // letters that are neither capital nor small
};

constexpr std::uint32_t kInvalid = 0xFFFFFFFF;

/// Decodes a character beyond ASCII; kInvalid for what is not UTF-8.
std::uint32_t decode(const unsigned char* text, unsigned& length) {
  const std::uint32_t lead = text[0];
  const auto rest = [text](int i) { return text[i] & 0x3Fu; };
  const auto is_inner = [text](int i) { return (text[i] & 0xC0) == 0x80; };
  if (lead >= 0xE0 && lead < 0xF0) {
    length = 3;
    const std::uint32_t c = ((lead & 15u) << 12) | (rest(1) << 6) | rest(2);
    return is_inner(1) && is_inner(2) && c >= 0x800 && (c & 0xFFFFF800u) != 0xD800 ? c : kInvalid;
  }
  if (lead >= 0xC2 && lead < 0xE0) {
    length = 2;
    return is_inner(1) ? ((lead & 31u) << 6) | rest(1) : kInvalid;
  }
  length = 4;
  if (lead < 0xF0 || lead > 0xF4 || !is_inner(1) || !is_inner(2) || !is_inner(3)) return kInvalid;
  const std::uint32_t c = ((lead & 7u) << 18) | (rest(1) << 12) | (rest(2) << 6) | rest(3);
  return c >= 0x10000 && c < 0x110000 ? c : kInvalid;
}

CharClass class_of(const ClassPages& pages, std::uint32_t c) {
  return static_cast<CharClass>(pages.classes[pages.page_of[c / 128] * 128u + c % 128]);
}

Bits low_bits(unsigned count) { return count >= 64 ? ~Bits{0} : (Bits{1} << count) - 1; }

/// Gives the bytes of a character their class; returns false if the reference has to take the block.
template <Rules rules>
bool add_character(Block& block, CharClass its_class, Bits bytes) {
  switch (its_class) {
    case CharClass::upper:
      block.upper |= bytes;
      block.letter |= bytes;
      return true;
    case CharClass::lower:
      block.letter |= bytes;
      return true;
    case CharClass::letter:
      block.letter |= bytes;
      block.caseless |= bytes;
      return true;
    case CharClass::mark:
      if (rules.marks_are_letters) block.letter |= bytes;
      return !rules.cased;
    case CharClass::number:
      block.number |= bytes;
      return rules.group != 3;
    case CharClass::space:
      return false;
    case CharClass::other:
      return true;
  }
  return true;
}

/// Adds what is not ASCII.
template <Rules rules>
bool add_characters(BlockScan& scan, const unsigned char* text, Bits high, Block& block) {
  if (scan.rest != 0 && !add_character<rules>(block, static_cast<CharClass>(scan.rest_class), scan.rest)) return false;
  block.inner = scan.rest;
  high &= ~scan.rest;
  scan.rest = 0;
  while (high != 0) {
    const auto place = static_cast<unsigned>(__builtin_ctzll(high));
    unsigned length = 0;
    const std::uint32_t c = decode(text + place, length);
    if (c == kInvalid) return false;
    const CharClass its_class = class_of(scan.pages, c);
    const Bits bytes = low_bits(length) << place;
    if (!add_character<rules>(block, its_class, bytes)) return false;
    block.inner |= bytes & (bytes << 1);
    high &= ~bytes;
    if (place + length > 64) {
      scan.rest = low_bits(place + length - 64);
      scan.rest_class = static_cast<Bits>(its_class);
    }
  }
  return true;
}

bool is_space(const BlockScan& scan, const unsigned char* text) {
  if (*text < 0x80) return *text == ' ' || (*text >= 9 && *text <= 13);
  unsigned length = 0;
  const std::uint32_t c = decode(text, length);
  return c != kInvalid && class_of(scan.pages, c) == CharClass::space;
}

/// Returns the length of a contraction at `text`, an apostrophe, else 0.
unsigned contraction(const unsigned char* text, bool folds_case) {
  const auto letter = [&](int i) -> unsigned {
    const unsigned c = text[i];
    return folds_case && c >= 'A' && c <= 'Z' ? c + 32 : c;
  };
  const unsigned first = letter(1);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
  if (first == 'l') return letter(2) == 'l' ? 3 : 0;
  if (first == 'r' || first == 'v') return letter(2) == 'e' ? 3 : 0;
  return folds_case && first == 0xC5 && text[2] == 0xBF ? 3 : 0;  // U+017F, the long s
}

/// Bits that contractions set and clear in this block and the next.
class Contractions {
 public:
  explicit Contractions(const BlockScan& scan) : set_(scan.set), clear_(scan.clear) {}
  bool ends_at(unsigned place) const { return ((set_ >> place) & 1) != 0; }
  /// Nothing begins between `from` and `to`; there something does.
  void add(unsigned from, unsigned to) {
    for (unsigned i = from; i < to; ++i) (i < 64 ? clear_ : next_clear_) |= Bits{1} << (i % 64);
    (to < 64 ? set_ : next_set_) |= Bits{1} << (to % 64);
  }
  Bits apply(Bits begins, BlockScan& scan) const {
    scan.set = next_set_;
    scan.clear = next_clear_;
    return (begins & ~clear_) | set_;
  }

 private:
  Bits set_, clear_, next_set_ = 0, next_clear_ = 0;
};

/// Shifts the bits to the byte behind; `before` is that of the byte before the block.
Bits behind(Bits bits, Bits before) { return (bits << 1) | before; }

/// GPT-2: ' ?' goes with a run of one class, and of a run of whitespace before something else the last one goes apart. So a
/// run begins unless a ' ' is before it, and whitespace begins a pretoken at its first and, before something else, its last.
template <Rules rules>
Bits begins_gpt2(BlockScan& scan, const unsigned char* text, const Block& block) {
  const Bits same = (block.letter & behind(block.letter, scan.letter)) | (block.number & behind(block.number, scan.digits)) |
                    (block.other & behind(block.other, scan.other));
  Bits begins = ~block.space & ~same & ~behind(block.blank, scan.blank);
  const Bits next_space = (block.space >> 1) | (Bits{is_space(scan, text + 64)} << 63);
  begins |= block.space & (~behind(block.space, scan.space) | ~next_space);
  Contractions contractions(scan);
  for (Bits quotes = block.quote & begins; quotes != 0; quotes &= quotes - 1) {
    const auto place = static_cast<unsigned>(__builtin_ctzll(quotes));
    const unsigned length = contraction(text + place, false);
    if (length != 0) contractions.add(place + 1, place + length);
  }
  begins = contractions.apply(begins, scan);
  scan.letter = block.letter >> 63;
  scan.digits = block.number >> 63;
  scan.other = block.other >> 63;
  scan.space = block.space >> 63;
  scan.blank = block.blank >> 63;
  return begins;
}

/// Where a group of three numbers begins; all of them are ASCII.
Bits begins_of_groups(BlockScan& scan, Bits number) {
  if (number == 0) {
    scan.digits = 0;
    return 0;
  }
  Bits begins = number & ~behind(number, Bits{scan.digits != 0});
  if (scan.digits != 0) {
    const auto left = static_cast<unsigned>(3 - scan.digits);
    if ((number & low_bits(left + 1)) == low_bits(left + 1)) begins |= Bits{1} << left;
  }
  const Bits fourth = number & (number << 1) & (number << 2);
  for (Bits last = begins; last != 0;) {
    last = (last << 3) & fourth & ~begins;
    begins |= last;
  }
  scan.digits = (number >> 63) == 0 ? 0 : static_cast<Bits>(1 + __builtin_clzll(begins));  // a group is shorter than a block
  return begins;
}

/// Returns whether the run of blanks that reaches the end of a block has no newline in it, and sets `decided` unless the text ends before
/// that is known.
bool ends_without_newline(const BlockScan& scan, std::size_t at, bool& decided) {
  for (; at + BlockScan::kSlack <= scan.size; ++at) {
    const unsigned char c = scan.text[at];
    if (c == '\n' || c == '\r') return false;
    if (c >= 0x80 && is_space(scan, scan.text + at)) break;
    if (!is_space(scan, scan.text + at)) return true;
  }
  decided = false;
  return false;
}

/// Whitespace of cl100k: all of a run up to its last newline is one pretoken; of the blanks behind it the last one goes apart
/// if something else follows.
bool add_spaces(const BlockScan& scan, const unsigned char* text, const Block& block, Bits space, Bits newline,
                Bits& begins) {
  const Bits blank = space & ~newline;
  const Bits next_space = (block.space >> 1) | (Bits{is_space(scan, text + 64)} << 63);
  begins |= space & ~behind(space, scan.space);
  begins |= blank & ~next_space;
  bool decided = true;
  for (Bits after = blank & behind(newline, scan.newline) & ~begins; after != 0; after &= after - 1) {
    const auto place = static_cast<unsigned>(__builtin_ctzll(after));
    const Bits run = ~blank >> place;
    const unsigned end = place + (run == 0 ? 64 : static_cast<unsigned>(__builtin_ctzll(run)));
    const bool last = end < 64 ? ((newline >> end) & 1) == 0 : ends_without_newline(scan, scan.at + 64, decided);
    if (last) begins |= Bits{1} << place;
  }
  return decided;
}

/// cl100k and later: a character that is neither letter, number nor newline goes with the letters behind it, if a pretoken begins
/// with it; ' ' goes with symbols; numbers go in groups; symbols take the newlines behind them.
/// Returns false if the reference has to take the block.
template <Rules rules>
bool begins_modern(BlockScan& scan, const unsigned char* text, const Block& block, Bits& begins) {
  // Whether a capital behind a letter that is both capital and small begins a word, what comes later decides. Elsewhere such a letter is as
  // good as a small one: it ends no word.
  if (rules.cased && (block.upper & behind(block.caseless, scan.caseless)) != 0) return false;
  const Bits after_other = block.newline & behind(block.other, scan.other | scan.absorbed);
  const Bits absorbed = block.newline & ~(block.newline + after_other);
  if (rules.cased && (behind(absorbed, scan.absorbed) & block.slash) != 0) return false;
  const Bits space = block.space & ~absorbed, newline = block.newline & ~absorbed, apart = space & ~newline;
  const Bits before_word = behind(apart, scan.space & ~scan.newline);

  const Bits symbols = block.other & ~behind(block.other, scan.other) & ~behind(block.blank, scan.blank);
  begins = symbols;
  Contractions contractions(scan);
  if (!rules.cased) {
    for (Bits quotes = block.quote & symbols; quotes != 0; quotes &= quotes - 1) {
      const auto place = static_cast<unsigned>(__builtin_ctzll(quotes));
      const unsigned length = contraction(text + place, true);
      if (length != 0) contractions.add(place + 1, place + length);
    }
  } else if (rules.contractions) {
    for (Bits quotes = block.quote & behind(block.letter, scan.letter); quotes != 0; quotes &= quotes - 1) {
      const auto place = static_cast<unsigned>(__builtin_ctzll(quotes));
      if (contractions.ends_at(place)) continue;  // the word has one already
      const unsigned length = contraction(text + place, true);
      if (length != 0) contractions.add(place, place + length);
    }
  }
  Bits lone = symbols;  // spread over all bytes of the symbol
  for (int i = 0; i < 3; ++i) lone |= behind(lone, scan.lone) & block.inner;
  begins |= block.letter & ~behind(block.letter, scan.letter) & ~before_word & ~behind(lone, scan.lone);
  if (rules.cased) begins |= block.upper & ~block.inner & behind(block.letter & ~block.upper, scan.lower);
  if (rules.group == 3) {
    begins |= begins_of_groups(scan, block.number);
  } else {
    begins |= block.number & ~block.inner;
  }
  if (!add_spaces(scan, text, block, space, newline, begins)) return false;
  begins = contractions.apply(begins, scan);

  scan.letter = block.letter >> 63;
  scan.lower = (block.letter & ~block.upper) >> 63;
  scan.caseless = block.caseless >> 63;
  scan.other = block.other >> 63;
  scan.space = space >> 63;
  scan.newline = newline >> 63;
  scan.blank = block.blank >> 63;
  scan.absorbed = absorbed >> 63;
  scan.lone = lone >> 63;
  return true;
}

template <Rules rules>
std::size_t scan_blocks(BlockScan& given, std::size_t blocks, std::uint32_t* starts) {
  BlockScan scan = given;
  std::uint32_t* end = starts;
  const std::size_t limit =
      scan.size < BlockScan::kBlock + BlockScan::kSlack ? 0 : scan.size - BlockScan::kBlock - BlockScan::kSlack + 1;
  for (; blocks > 0 && scan.at < limit; --blocks, scan.at += BlockScan::kBlock) {
    const unsigned char* text = scan.text + scan.at;
    const ByteMasks masks = masks_of(text);
    Block block{.letter = masks.upper | masks.lower,
                .upper = masks.upper,
                .number = masks.number,
                .other = 0,
                .space = masks.space,
                .newline = masks.newline,
                .blank = masks.blank,
                .quote = masks.quote,
                .slash = masks.slash,
                .inner = 0};
    bool easy = masks.high == 0 || add_characters<rules>(scan, text, masks.high, block);
    block.other = ~(block.letter | block.number | block.space);
    Bits begins = 0;
    if (!easy) {
    } else if (rules.modern) {
      easy = begins_modern<rules>(scan, text, block, begins);
    } else {
      begins = begins_gpt2<rules>(scan, text, block);
    }
    if (!easy) {
      given.at = scan.at;
      given.is_hard = true;
      return static_cast<std::size_t>(end - starts);
    }
    if (scan.begins) begins &= ~Bits{1};
    scan.begins = false;
    end = write_places(begins, static_cast<std::uint32_t>(scan.at), end);
  }
  given = scan;
  return static_cast<std::size_t>(end - starts);
}

}  // namespace

BlockScanners block_scanners() {
  return {.gpt2 = scan_blocks<Rules{.modern = false, .group = 0}>,
          .llama3 = scan_blocks<Rules{}>,
          .qwen2 = scan_blocks<Rules{.group = 1}>,
          .qwen35 = scan_blocks<Rules{.group = 1, .marks_are_letters = true}>,
          .o200k = scan_blocks<Rules{.cased = true}>,
          .tekken = scan_blocks<Rules{.group = 1, .cased = true, .contractions = false}>};
}

}  // namespace lm::LM_TIER
