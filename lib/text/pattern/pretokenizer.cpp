#include "text/pattern/pretokenizer.h"

#include <array>

#include "text/pattern/deepseek.h"
#include "text/unicode/code_points.h"
#include "text/unicode/unicode.h"

namespace lm {

namespace {

using Mask = unsigned;  // a set of CharClass, bit by bit
constexpr Mask bit(CharClass c) { return 1u << static_cast<unsigned>(c); }
constexpr Mask kUpper = bit(CharClass::upper), kLower = bit(CharClass::lower), kCaseless = bit(CharClass::letter);
constexpr Mask kLetter = kUpper | kLower | kCaseless;
constexpr Mask kMark = bit(CharClass::mark), kNumber = bit(CharClass::number), kSpace = bit(CharClass::space);
constexpr Mask kOther = bit(CharClass::other);
constexpr Mask kNewline = 1u << 30;  // in a Char's own mask, with kSpace: \r and \n

constexpr std::array<Mask, 128> make_ascii_masks() {
  std::array<Mask, 128> masks{};
  for (unsigned c = 0; c < 128; ++c) {
    masks[c] = c >= 'A' && c <= 'Z'              ? kUpper
               : c >= 'a' && c <= 'z'            ? kLower
               : c >= '0' && c <= '9'            ? kNumber
               : c == '\n' || c == '\r'          ? kSpace | kNewline
               : c == ' ' || (c >= 9 && c <= 13) ? kSpace
                                                 : kOther;
  }
  return masks;
}
constexpr std::array<Mask, 128> kAsciiMasks = make_ascii_masks();

/// A character of the text: its class as a mask (0 at the end of the text) and length in bytes.
struct Char {
  Mask mask;
  std::size_t length;
  bool is(Mask set) const { return (mask & set) != 0; }
};

class Scanner {
 public:
  explicit Scanner(std::string_view text)
      : begin_(text.data()), end_(text.data() + text.size()), classes_(UnicodeClasses::get()) {}

  Pretoken scan(Pattern pattern) {
    const std::size_t length = match(pattern);
    return {length, saw_end_};
  }

 private:
  std::size_t match(Pattern pattern) {
    switch (pattern) {
      case Pattern::gpt2:
      case Pattern::r50k:
        return gpt2();
      case Pattern::cl100k:
        return modern({.letters = kLetter, .digits = 3, .end_takes_newlines = true});
      case Pattern::llama3:
        return modern({.letters = kLetter, .digits = 3});
      case Pattern::qwen2:
        return modern({.letters = kLetter, .digits = 1});
      case Pattern::qwen35:
        return modern({.letters = kLetter | kMark, .digits = 1});
      case Pattern::o200k:
        return modern({.letters = kLetter, .digits = 3, .cased_words = true});
      case Pattern::tekken:
        return modern({.letters = kLetter, .digits = 1, .cased_words = true, .contractions = false});
      case Pattern::smollm:
        digits_apart_ = &component_classes();
        return gpt2();
      case Pattern::deepseek_coder:
      case Pattern::deepseek_llm:
      case Pattern::deepseek_v3:  // not ours
      case Pattern::none:
        break;
    }
    saw_end_ = true;
    return static_cast<std::size_t>(end_ - begin_);
  }

  Char peek(std::size_t at) {
    const char* p = begin_ + at;
    if (p == end_) {
      saw_end_ = true;
      return {0, 0};
    }
    const auto byte = static_cast<unsigned char>(*p);
    if (byte < 0x80) return {kAsciiMasks[byte], 1};
    const DecodedChar c = decode_utf8(p, end_);
    if (digits_apart_ != nullptr && (digits_apart_->of(c.code_point) & ComponentClass::number) != 0)
      return {kNumber, c.length};
    return {bit(classes_.of(c.code_point)), c.length};
  }

  /// Returns the end of the run of characters in `set` that starts at `at`; at most `limit` characters.
  std::size_t run(std::size_t at, Mask set, std::size_t limit = SIZE_MAX) {
    for (; limit > 0; --limit) {
      const Char c = peek(at);
      if (!c.is(set)) break;
      at += c.length;
    }
    return at;
  }

  /// Returns the length of 's 't 're 've 'm 'll 'd at `at`, else 0. Folding case, 's takes U+017F (long s) too.
  std::size_t contraction(std::size_t at, bool fold_case) {
    if (begin_ + at == end_ || begin_[at] != '\'') return 0;
    const auto letter = [&](std::size_t i) -> char {
      if (begin_ + at + i == end_) {
        saw_end_ = true;
        return 0;
      }
      const char c = begin_[at + i];
      return fold_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    const char first = letter(1);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return 2;
    if (first == 'l') return letter(2) == 'l' ? 3 : 0;
    if (first == 'r' || first == 'v') return letter(2) == 'e' ? 3 : 0;
    if (fold_case && first == '\xC5') return letter(2) == '\xBF' ? 3 : 0;
    return 0;
  }

  struct Whitespace {
    bool newlines = true;             // \s*[\r\n]+ is one of the alternatives
    bool end_takes_newlines = false;  // \s++$ comes before it
  };

  /// The alternatives that take whitespace: up to the last newline of the run; all of it at the end of the text; else all
  /// but its last character, which belongs to what follows; a lone one by itself. Digits apart from the rest end the text.
  std::size_t whitespace(Whitespace rules) {
    std::size_t at = 0, last = 0, after_newline = 0;
    for (Char c = peek(0); c.is(kSpace); c = peek(at)) {
      last = at;
      at += c.length;
      if (c.is(kNewline)) after_newline = at;
    }
    const bool at_end = begin_ + at == end_ || (digits_apart_ != nullptr && peek(at).is(kNumber));
    if (at_end && rules.end_takes_newlines) return at;
    if (rules.newlines && after_newline > 0) return after_newline;
    return at_end || last == 0 ? at : last;
  }

  std::size_t gpt2() {
    if (const std::size_t length = contraction(0, false)) return length;
    const Char first = peek(0);
    if (digits_apart_ != nullptr && first.is(kNumber)) return first.length;
    const std::size_t start = *begin_ == ' ' ? 1 : 0;
    const Char c = start == 0 ? first : peek(1);
    for (const Mask set : {kLetter, digits_apart_ != nullptr ? 0 : kNumber, kOther | kMark}) {
      if (c.is(set)) return run(start + c.length, set);
    }
    return whitespace({.newlines = false});
  }

  struct Modern {
    Mask letters;
    std::size_t digits;               // at most so many in one pretoken
    bool end_takes_newlines = false;  // cl100k as tiktoken has it
    bool cased_words = false;         // o200k and tekken
    bool contractions = true;
  };

  std::size_t modern(Modern rules) {
    if (!rules.cased_words) {
      if (const std::size_t length = contraction(0, true)) return length;
    }
    const Char first = peek(0);
    if (const std::size_t length = rules.cased_words ? cased_word(first) : word(first, rules.letters)) {
      return rules.cased_words && rules.contractions ? length + contraction(length, true) : length;
    }
    if (first.is(kNumber)) return run(first.length, kNumber, rules.digits - 1);
    const Mask symbols = (kOther | kMark) & ~rules.letters;
    const std::size_t start = *begin_ == ' ' ? 1 : 0;
    const Char c = start == 0 ? first : peek(1);
    if (c.is(symbols)) {
      const std::size_t end = run(start + c.length, symbols);
      return rules.cased_words ? newlines_and_slashes(end) : run(end, kNewline);
    }
    return whitespace({.end_takes_newlines = rules.end_takes_newlines});
  }

  std::size_t newlines_and_slashes(std::size_t at) {
    for (Char c = peek(at); c.is(kNewline) || (c.length == 1 && begin_[at] == '/'); c = peek(at)) at += c.length;
    return at;
  }

  /// [^\r\n\p{L}\p{N}]?letters+
  std::size_t word(Char first, Mask letters) {
    if (first.is(letters)) return run(first.length, letters);
    if (first.is(kNewline | kNumber)) return 0;
    const Char second = peek(first.length);
    return second.is(letters) ? run(first.length + second.length, letters) : 0;
  }

  /// o200k's two word alternatives: UPPER*LOWER+ before UPPER+LOWER*, with caseless letters and marks in both sets;
  /// each with an optional first character.
  std::size_t cased_word(Char first) {
    constexpr Mask both = kCaseless | kMark, upper = kUpper | both, lower = kLower | both;
    if (first.is(kNewline | kNumber)) return 0;
    const std::size_t start = first.is(kLetter) ? 0 : first.length;
    std::size_t at = start, after_both = 0;
    for (Char c = peek(at); c.is(upper); c = peek(at)) {
      at += c.length;
      if (c.is(both)) after_both = at;
    }
    const std::size_t end = run(at, lower);
    std::size_t stop = 0;
    if (end > at) {
      stop = end;  // lower-case letters follow
    } else if (after_both > 0) {
      stop = after_both;  // UPPER* gives back until LOWER+ has its one character
    } else if (first.is(kMark)) {
      stop = first.length;  // the optional character gives itself back and is LOWER+
    } else if (at > start) {
      stop = at;  // only UPPER+
    } else {
      return 0;
    }
    return stop;
  }

  const char* begin_;
  const char* end_;
  const UnicodeClasses& classes_;
  const CodePointTable* digits_apart_ = nullptr;  // smollm: each digit is a pretoken; what Rust takes for one
  bool saw_end_ = false;
};

}  // namespace

bool ends_words_at_symbols(Pattern pattern) {
  switch (pattern) {
    case Pattern::gpt2:
    case Pattern::r50k:
    case Pattern::cl100k:
    case Pattern::llama3:
    case Pattern::qwen2:
    case Pattern::qwen35:
    case Pattern::o200k:
    case Pattern::smollm:
    case Pattern::tekken:
      return true;
    case Pattern::deepseek_coder:
    case Pattern::deepseek_llm:
    case Pattern::deepseek_v3:
    case Pattern::none:
      break;
  }
  return false;
}

Pretoken next_pretoken(Pattern pattern, std::string_view text) {
  const bool is_deepseek =
      pattern == Pattern::deepseek_coder || pattern == Pattern::deepseek_llm || pattern == Pattern::deepseek_v3;
  return is_deepseek ? next_deepseek_pretoken(pattern, text) : Scanner(text).scan(pattern);
}

}  // namespace lm
