// Bracketed classes and escapes of regular expressions.
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/utf8.h"
#include "text/pattern/regex_syntax.h"

namespace lm {

namespace {

std::uint32_t read_regex_character(std::string_view expression, std::size_t& at) {
  const DecodedChar c = decode_utf8(expression.data() + at, expression.data() + expression.size());
  if (c.code_point == kInvalidCodePoint) throw Error("it is not UTF-8");
  at += c.length;
  return c.code_point;
}

int hex_digit(char c) {
  return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/// Reads what follows \x: two digits at most, or any number in braces.
CodePointSet read_hex(std::string_view expression, std::size_t& at) {
  const bool braces = at < expression.size() && expression[at] == '{';
  if (braces) ++at;
  std::uint32_t code = 0;
  std::size_t digits = 0;
  for (; at < expression.size() && hex_digit(expression[at]) >= 0 && digits < (braces ? 8 : 2); ++at, ++digits) {
    code = code << 4 | static_cast<std::uint32_t>(hex_digit(expression[at]));
  }
  const bool closed = !braces || (at < expression.size() && expression[at] == '}');
  const bool is_character = code < kCodePointCount && (code < 0xD800 || code > 0xDFFF) && (braces || code < 0x80);
  if (digits == 0 || !closed || !is_character) throw Error("it has a '\\x' that is no character");
  if (braces) ++at;
  return {{code, code}};
}

CodePointSet read_property(std::string_view expression, std::size_t& at, bool in_class) {
  const bool inverted = expression[at - 1] == 'P';
  const std::size_t end =
      at < expression.size() && expression[at] == '{' ? expression.find('}', at) : std::string_view::npos;
  if (end == std::string_view::npos) throw Error("it has '\\p' without braces, which is not supported");
  std::string_view name = expression.substr(at + 1, end - at - 1);
  at = end + 1;
  const bool caret = !name.empty() && name[0] == '^';
  if (caret) name.remove_prefix(1);
  std::optional<CodePointSet> set = find_property(name);
  if (!set) throw Error("it has the property '" + std::string(name) + "', which is not known");
  // Below U+0100, Oniguruma has another table for a word character outside of brackets.
  if (!in_class && *set == *find_property("word")) set = set->united({{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}});
  return inverted != caret ? set->inverted() : *set;
}

/// Returns the set of an escape letter such as 's'; in upper case what is not in it.
std::optional<CodePointSet> find_letter_set(char letter, bool in_class) {
  const bool inverted = letter >= 'A' && letter <= 'Z';
  std::optional<CodePointSet> set;
  switch (inverted ? static_cast<char>(letter + ('a' - 'A')) : letter) {
    case 's':
      set = find_property("space");
      break;
    case 'd':
      set = find_property("nd");
      break;
    case 'h':
      set = find_property("xdigit");
      break;
    case 'w':
      set = find_property("word");
      if (!in_class) set = set->united({{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}});
      break;
    default:
      return std::nullopt;
  }
  return inverted ? set->inverted() : set;
}

std::optional<std::uint32_t> find_letter_character(char letter) {
  switch (letter) {
    case 't':
      return '\t';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 'f':
      return '\f';
    case 'v':
      return '\v';
    case 'a':
      return '\a';
    case 'e':
      return 0x1B;
    default:
      return std::nullopt;
  }
}

/// Reads [:name:] at `at`, if it is one.
std::optional<CodePointSet> read_posix_class(std::string_view expression, std::size_t& at) {
  if (expression.substr(at, 2) != "[:") return std::nullopt;
  const std::size_t end = expression.find(":]", at + 2);
  if (end == std::string_view::npos) return std::nullopt;
  std::string_view name = expression.substr(at + 2, end - at - 2);
  const bool inverted = !name.empty() && name[0] == '^';
  if (inverted) name.remove_prefix(1);
  bool known = false;
  for (const std::string_view each : {"alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print",
                                      "punct", "space", "upper", "xdigit", "word"}) {
    known = known || name == each;
  }
  if (!known) throw Error("it has a bracket '[:" + std::string(name) + ":]' that is not known");
  at = end + 2;
  const CodePointSet set = name == "punct" ? find_property("P")->united(*find_property("S")) : *find_property(name);
  return inverted ? set.inverted() : set;
}

constexpr std::uint32_t kNoCharacter = 0xFFFFFFFF;

/// Reads a bracketed class and those inside it.
struct ClassReader {
  /// A class that is open: what it has so far, and what is before its last "&&".
  struct Open {
    bool inverted;
    CodePointSet set;
    std::optional<CodePointSet> and_with;
  };

  std::string_view expression;
  std::size_t& at;
  std::vector<Open> open = {};
  bool is_start = true;                // a ']' here stands for itself
  std::uint32_t first = kNoCharacter;  // a character that may begin a range
  bool after_set = false;              // such as \w

  void begin() {
    if (open.size() > 50) throw Error("its classes are nested too deeply");
    const bool inverted = at < expression.size() && expression[at] == '^';
    if (inverted) ++at;
    open.push_back({inverted, {}, {}});
    is_start = true;
    after_set = false;
    first = kNoCharacter;
  }

  void add(const CodePointSet& set) { open.back().set = open.back().set.united(set); }

  /// Takes a ']'; returns the outermost class when it is complete.
  std::optional<CodePointSet> close() {
    ++at;
    const Open& last = open.back();
    CodePointSet set = last.and_with ? last.set.intersected(*last.and_with) : last.set;
    if (last.inverted) set = set.inverted();
    open.pop_back();
    if (open.empty()) return set;
    add(set);
    first = kNoCharacter;
    return std::nullopt;
  }

  void take_part() {
    is_start = false;
    if (expression[at] == '[') {
      first = kNoCharacter;
      if (const std::optional<CodePointSet> posix = read_posix_class(expression, at)) return add(*posix);
      ++at;
      return begin();
    }
    if (expression.substr(at, 2) == "&&") {
      at += 2;
      Open& current = open.back();
      current.and_with = current.and_with ? current.and_with->intersected(current.set) : current.set;
      current.set = {};
      first = kNoCharacter;
      return;
    }
    take_characters();
  }

  void take_characters() {
    const bool is_range =
        expression[at] == '-' && first != kNoCharacter && at + 1 < expression.size() && expression[at + 1] != ']';
    if (is_range && (expression[++at] == '[' || expression.substr(at, 2) == "&&"))
      throw Error("it has a range without an end");
    const bool ends = at + 1 < expression.size() && expression[at + 1] == ']';
    if (expression[at] == '-' && !is_range && after_set && !ends) throw Error("it has a range that begins with a set");
    const CodePointSet set = take_one();
    const CodePointRange range = set.empty() ? CodePointRange{1, 0} : set.ranges()[0];
    const bool is_one = set.ranges().size() == 1 && range.first == range.last;
    if (!is_range) {
      add(set);
      first = is_one ? range.first : kNoCharacter;
      after_set = !is_one;
    } else {
      if (!is_one || range.first < first) throw Error("it has a range that is empty");
      add({{first, range.first}});
      first = kNoCharacter;
      after_set = false;
    }
  }

  CodePointSet take_one() {
    if (expression[at] == '\\') return parse_regex_escape(expression, ++at, true);
    const std::uint32_t character = read_regex_character(expression, at);
    return {{character, character}};
  }
};

}  // namespace

CodePointSet parse_regex_escape(std::string_view expression, std::size_t& at, bool in_class) {
  if (at >= expression.size()) throw Error("it ends with '\\'");
  const char letter = expression[at];
  if (static_cast<unsigned char>(letter) >= 0x80) {
    const std::uint32_t c = read_regex_character(expression, at);
    return {{c, c}};
  }
  ++at;
  if (letter == 'x') return read_hex(expression, at);
  if (letter == 'p' || letter == 'P') return read_property(expression, at, in_class);
  if (const std::optional<CodePointSet> set = find_letter_set(letter, in_class)) return *set;
  if (const std::optional<std::uint32_t> c = find_letter_character(letter)) return {{*c, *c}};
  if (in_class && letter == 'b') return {{'\b', '\b'}};
  const bool more_digits = at < expression.size() && expression[at] >= '0' && expression[at] <= '7';
  if (letter == '0' && !more_digits) return {{0, 0}};
  const bool alphanumeric = (hex_digit(letter) >= 0) || (letter >= 'g' && letter <= 'z') || (letter >= 'G' && letter <= 'Z');
  if (alphanumeric) throw Error("it has '\\" + std::string(1, letter) + "', which is not supported");
  const auto c = static_cast<std::uint32_t>(letter);
  return {{c, c}};
}

CodePointSet parse_regex_class(std::string_view expression, std::size_t& at) {
  ClassReader reader{expression, at};
  reader.begin();
  while (at < expression.size()) {
    if (expression[at] == ']' && !reader.is_start) {
      if (const std::optional<CodePointSet> set = reader.close()) return *set;
    } else {
      reader.take_part();
    }
  }
  throw Error("it has a '[' without its ']'");
}

}  // namespace lm
