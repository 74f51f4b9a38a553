#include "text/pattern/deepseek.h"

#include <array>
#include <vector>

#include "base/utf8.h"
#include "text/unicode/code_points.h"

namespace lm {

namespace {

/// What the steps tell apart, as bits of a byte. `cjk`: in the expression of that step. `number`: what is cut as digits are.
struct Deepseek {
  static constexpr std::uint8_t letter = 1, punctuation = 2, space = 4, newline = 8, number = 16, cjk = 32, mark = 64,
                                symbol = 128;
};

/// Returns the set of a bracketed class of plain characters and ranges in `expression`.
CodePointSet class_in(std::string_view expression) {
  std::vector<CodePointRange> ranges;
  const char* at = expression.data() + expression.find('[') + 1;
  const char* const end = expression.data() + expression.rfind(']');
  bool is_range = false;
  while (at < end) {
    const DecodedChar c = decode_utf8(at, end);
    at += c.length;
    if (is_range) {
      ranges.back().last = c.code_point;
      is_range = false;
    } else if (c.code_point == '-' && !ranges.empty() && at < end) {
      is_range = true;
    } else {
      ranges.push_back({c.code_point, c.code_point});
    }
  }
  return CodePointSet(ranges);
}

CodePointTable make_deepseek_table(Pattern pattern) {
  std::vector<std::uint8_t> values(kCodePointCount);
  const auto add = [&](const CodePointSet& set, std::uint8_t bit) {
    for (const CodePointRange& range : set.ranges()) {
      for (std::uint32_t c = range.first; c <= range.last; ++c) values[c] = static_cast<std::uint8_t>(values[c] | bit);
    }
  };
  const bool is_llm = pattern == Pattern::deepseek_llm, is_v3 = pattern == Pattern::deepseek_v3;
  add(is_llm ? class_in(kDeepseekLlmSteps[1]) : *find_property("L"), Deepseek::letter);
  add(is_llm ? class_in(kDeepseekLlmSteps[2]) : *find_property("P"), Deepseek::punctuation);
  add(class_in(is_v3 ? kDeepseekV3Steps[1] : kDeepseekCjk), Deepseek::cjk);
  add(*find_property("Space"), Deepseek::space);
  add({{'\n', '\n'}, {'\r', '\r'}}, Deepseek::newline);
  add(*find_property("M"), Deepseek::mark);
  add(*find_property("S"), Deepseek::symbol);
  if (is_v3) {
    add(*find_property("N"), Deepseek::number);
  } else {
    for (std::uint32_t c = 0; c < kCodePointCount; ++c) {
      if ((component_classes().of(c) & ComponentClass::number) != 0) add({{c, c}}, Deepseek::number);
    }
  }
  return CodePointTable(values, 0);
}

template <Pattern pattern>
const CodePointTable& table_for() {
  static const CodePointTable table = make_deepseek_table(pattern);
  return table;
}

const CodePointTable& deepseek_table(Pattern pattern) {
  return pattern == Pattern::deepseek_coder ? table_for<Pattern::deepseek_coder>()
         : pattern == Pattern::deepseek_llm ? table_for<Pattern::deepseek_llm>()
                                            : table_for<Pattern::deepseek_v3>();
}

class DeepseekScanner {
 public:
  DeepseekScanner(Pattern pattern, std::string_view text)
      : begin_(text.data()), end_(text.data() + text.size()), classes_(deepseek_table(pattern)) {}

  Pretoken scan(Pattern pattern) {
    const std::size_t length = pattern == Pattern::deepseek_v3 ? v3() : words(pattern == Pattern::deepseek_llm);
    return {length, saw_end_};
  }

 private:
  /// A character's bits and length in bytes; 0 and 0 at the end of what is looked at.
  struct Char {
    std::uint8_t bits;
    std::size_t length;
    bool is(unsigned set) const { return (bits & set) != 0; }
  };

  Char peek(std::size_t at) {
    if (begin_ + at == end_) {
      saw_end_ = true;
      return {0, 0};
    }
    const DecodedChar c = decode_utf8(begin_ + at, end_);
    return {classes_.of(c.code_point), c.length};
  }

  // The families of two steps for words: letters with a space before them, then punctuation with a space before it; digits one by
  // one; and every piece is cut between what the CJK step takes and what it does not.

  /// Returns whether letters start at `at`, perhaps with a space before them.
  bool starts_letters(std::size_t at, Char c) {
    return c.is(Deepseek::letter) ||
           (c.is(Deepseek::space) && !c.is(Deepseek::newline) && peek(at + c.length).is(Deepseek::letter));
  }

  /// Returns whether punctuation starts at `at`, where letters do not, perhaps with a space before it.
  bool starts_punctuation(std::size_t at, Char c) {
    if (c.is(Deepseek::punctuation)) return true;
    if (!c.is(Deepseek::space) || c.is(Deepseek::newline)) return false;
    const Char next = peek(at + c.length);
    return next.is(Deepseek::punctuation) && !starts_letters(at + c.length, next);
  }

  /// Returns whether nothing but whitespace is left of the piece that `at` is in: one of punctuation, or one of neither.
  bool is_trailing_space(std::size_t at, bool in_punctuation) {
    for (Char c = peek(at); c.length > 0 && !c.is(Deepseek::newline); c = peek(at)) {
      if (starts_letters(at, c)) break;
      if (in_punctuation ? !c.is(Deepseek::punctuation) : starts_punctuation(at, c)) break;
      if (!c.is(Deepseek::space)) return false;
      at += c.length;
    }
    return true;
  }

  std::size_t words(bool cuts_trailing_space) {
    const Char first = peek(0);
    if (first.is(Deepseek::newline | Deepseek::number)) return first.length;
    const bool in_letters = starts_letters(0, first);
    const bool in_punctuation = !in_letters && starts_punctuation(0, first);
    // Some letters are punctuation too: that step cuts between them and the others.
    const bool both = first.is(Deepseek::punctuation) ||
                      (in_letters && first.is(Deepseek::space) && peek(first.length).is(Deepseek::punctuation));
    bool was_space = first.is(Deepseek::space);
    std::size_t at = first.length;
    for (Char c = peek(at); c.length > 0; c = peek(at)) {
      if (c.is(Deepseek::newline | Deepseek::number) || c.is(Deepseek::cjk) != first.is(Deepseek::cjk)) break;
      if (in_letters) {
        if (!c.is(Deepseek::letter) || c.is(Deepseek::punctuation) != both) break;
      } else {
        if (starts_letters(at, c)) break;
        if (in_punctuation ? !c.is(Deepseek::punctuation) : starts_punctuation(at, c)) break;
      }
      const bool is_space = c.is(Deepseek::space);
      if (cuts_trailing_space && is_space && !was_space && is_trailing_space(at, in_punctuation)) break;
      was_space = is_space;
      at += c.length;
    }
    return at;
  }

  // V3: numbers by threes; and in CJK, and in what is neither, one expression, which sees the end of the text where they end.

  Char peek_between(std::size_t at) {
    const Char c = peek(at);
    return c.is(Deepseek::number) || c.is(Deepseek::cjk) != in_cjk_ ? Char{0, 0} : c;
  }

  std::size_t run(std::size_t at, unsigned set) {
    for (Char c = peek_between(at); c.is(set); c = peek_between(at)) at += c.length;
    return at;
  }

  static bool is_ascii_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

  std::size_t v3() {
    const Char first = peek(0);
    std::size_t at = first.length;
    if (first.is(Deepseek::number)) {
      for (int count = 1; count < 3 && peek(at).is(Deepseek::number); ++count) at += peek(at).length;
      return at;
    }
    in_cjk_ = first.is(Deepseek::cjk);
    constexpr unsigned word = Deepseek::letter | Deepseek::mark, signs = Deepseek::punctuation | Deepseek::symbol;
    const Char second = peek_between(at);
    if (first.is(signs)) {
      if (first.length == 1 && second.length == 1 && is_ascii_letter(begin_[1])) {
        while (peek(at).length == 1 && is_ascii_letter(begin_[at])) ++at;
        return at;
      }
      return run(run(at, signs), Deepseek::newline);
    }
    if (first.is(word) || (!first.is(Deepseek::newline) && second.is(word))) return run(at, word);
    if (*begin_ == ' ' && second.is(signs)) return run(run(at, signs), Deepseek::newline);
    return first.is(Deepseek::space) ? whitespace() : unmatched(at);
  }

  /// \s*[\r\n]+|\s+(?!\S)|\s+
  std::size_t whitespace() {
    std::size_t at = 0, last = 0, after_newline = 0;
    for (Char c = peek_between(0); c.is(Deepseek::space); c = peek_between(at)) {
      last = at;
      at += c.length;
      if (c.is(Deepseek::newline)) after_newline = at;
    }
    if (after_newline > 0) return after_newline;
    return last == 0 || peek_between(at).length == 0 ? at : last;
  }

  /// What no alternative takes is one piece up to the next match.
  std::size_t unmatched(std::size_t at) {
    constexpr unsigned word = Deepseek::letter | Deepseek::mark;
    constexpr unsigned starts = word | Deepseek::punctuation | Deepseek::symbol | Deepseek::space;
    for (Char c = peek_between(at); c.length > 0 && !c.is(starts); c = peek_between(at)) {
      if (peek_between(at + c.length).is(word)) break;
      at += c.length;
    }
    return at;
  }

  const char* begin_;
  const char* end_;
  const CodePointTable& classes_;
  bool saw_end_ = false;
  bool in_cjk_ = false;
};

}  // namespace

Pretoken next_deepseek_pretoken(Pattern pattern, std::string_view text) {
  return DeepseekScanner(pattern, text).scan(pattern);
}

}  // namespace lm
