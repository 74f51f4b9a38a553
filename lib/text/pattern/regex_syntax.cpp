#include "text/pattern/regex_syntax.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace lm {

namespace {

constexpr std::size_t kNoAtom = SIZE_MAX;

class RegexParser {
 public:
  explicit RegexParser(std::string_view expression) : text_(expression) {}

  RegexSyntax parse() {
    if (text_.size() > 1u << 16) throw Error("it is longer than 65536 bytes");
    groups_.push_back({{}, 0, false});
    while (at_ < text_.size()) step();
    if (groups_.size() != 1) throw Error("it has a '(' without its ')'");
    return std::move(syntax_);
  }

 private:
  struct Options {
    bool fold_case = false, any_newline = false, extended = false;
  };
  struct Group {
    Options outer;           // what holds again after it
    std::size_t first_item;  // where it begins
    bool is_lookaround;
  };

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool take(std::string_view what) {
    if (text_.substr(at_, what.size()) != what) return false;
    at_ += what.size();
    return true;
  }

  std::size_t number_of(const CodePointSet& set) {
    std::vector<CodePointSet>& sets = syntax_.sets;
    const auto place = std::find(sets.begin(), sets.end(), set);
    if (place != sets.end()) return static_cast<std::size_t>(place - sets.begin());
    if (sets.size() == 1000) throw Error("it has more than 1000 sets of characters");
    sets.push_back(set);
    return sets.size() - 1;
  }
  void emit(std::string text) { syntax_.items.push_back({std::move(text), 0}); }
  void emit(const CodePointSet& set) { syntax_.items.push_back({{}, number_of(set)}); }
  void atom(const CodePointSet& set) {
    atom_ = syntax_.items.size();
    emit(set);
  }

  /// Takes what looks at its surroundings: parts with the set, between them the texts.
  void anchor(const CodePointSet& set, std::initializer_list<const char*> texts) {
    syntax_.looks_around = true;
    std::size_t count = 0;
    for (const char* text : texts) {
      if (count++ > 0) emit(set);
      emit(std::string(text));
    }
    atom_ = kNoAtom;
  }

  void step();
  void open_group();
  void close_group();
  bool take_options(Options& options);
  void literal(std::uint32_t c);
  void escape();
  void quantifier();
  bool interval();
  CodePointSet folded(const CodePointSet& set) const;

  std::string_view text_;
  std::size_t at_ = 0;
  RegexSyntax syntax_;
  std::vector<Group> groups_;
  Options options_;
  std::size_t atom_ = kNoAtom;  // the item where what a quantifier would repeat begins
  char folded_before_ = 0;      // the letter just before, if its case is folded
};

const CodePointSet& newline_set() {
  static const CodePointSet set{{'\n', '\n'}};
  return set;
}

void RegexParser::step() {
  const char before = std::exchange(folded_before_, '\0');
  const std::size_t start = at_;
  const char c = text_[at_];
  if (options_.extended && (c == ' ' || (c >= '\t' && c <= '\r'))) {
    ++at_;
    return;
  }
  if (options_.extended && c == '#') {
    at_ = std::min(text_.find('\n', at_), text_.size());
    return;
  }
  switch (c) {
    case '(':
      return open_group();
    case ')':
      return close_group();
    case '|':
      ++at_;
      atom_ = kNoAtom;
      return emit("|");
    case '[': {
      const CodePointSet set = parse_regex_class(text_, ++at_);
      return atom(options_.fold_case ? folded(set) : set);
    }
    case '.':
      ++at_;
      return atom(options_.any_newline ? CodePointSet().inverted() : newline_set().inverted());
    case '^':
      ++at_;
      return anchor(newline_set(), {"(?:\\A|(?<=", ")(?!\\z))"});
    case '$':
      ++at_;
      return anchor(newline_set(), {"(?=", "|\\z)"});
    case '*':
    case '+':
    case '?':
      return quantifier();
    case '{':
      if (interval()) return;
      break;
    case '\\':
      ++at_;
      return escape();
    default:
      break;
  }
  const DecodedChar character = decode_utf8(text_.data() + at_, text_.data() + text_.size());
  if (character.code_point == kInvalidCodePoint) throw Error("it is not UTF-8");
  at_ = start + character.length;
  folded_before_ = before;
  literal(character.code_point);
}

/// Returns the set with both cases of its ASCII letters, and what folds to them: U+017F (long s) and U+212A (kelvin sign).
CodePointSet RegexParser::folded(const CodePointSet& set) const {
  static const CodePointSet cased = [] {
    CodePointSet all;
    for (const char* category : {"Lu", "Ll", "Lt", "Lm", "Mn", "Nl", "So"}) all = all.united(*find_property(category));
    return all;
  }();
  const CodePointSet ascii_letters{{'A', 'Z'}, {'a', 'z'}};
  if (set.contains(kInvalidCharacter) || !set.intersected(cased).without(ascii_letters).empty()) {
    throw Error("it folds the case of other letters than A to Z, which is not supported");
  }
  CodePointSet both = set;
  for (std::uint32_t lower = 'a'; lower <= 'z'; ++lower) {
    const std::uint32_t upper = lower - ('a' - 'A');
    if (set.contains(lower) || set.contains(upper)) both = both.united({{lower, lower}, {upper, upper}});
  }
  if (both.contains('s')) both = both.united({{0x17F, 0x17F}});
  if (both.contains('k')) both = both.united({{0x212A, 0x212A}});
  return both;
}

void RegexParser::literal(std::uint32_t c) {
  const CodePointSet set{{c, c}};
  if (!options_.fold_case) {
    folded_before_ = 0;
    return atom(set);
  }
  atom(folded(set));
  // Some characters fold to two letters: U+00DF to ss, the ligatures from U+FB00 to ff, fi, fl and st.
  const char letter = c < 0x80 ? static_cast<char>(c | 0x20) : '\0';
  for (const std::string_view pair : {"ss", "ff", "fi", "fl", "st"}) {
    if (folded_before_ == pair[0] && letter == pair[1]) {
      throw Error("it folds the case of '" + std::string(pair) + "', which is not supported");
    }
  }
  folded_before_ = letter;
}

void RegexParser::escape() {
  static const CodePointSet word = find_property("word")->united({{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}});
  switch (peek()) {
    case 'A':
      ++at_;
      return anchor({}, {"\\A"});
    case 'z':
      ++at_;
      return anchor({}, {"\\z"});
    case 'G':
      ++at_;
      return anchor({}, {"\\G"});
    case 'Z':
      ++at_;
      return anchor(newline_set(), {"(?=", "?\\z)"});
    case 'b':
      ++at_;
      return anchor(word, {"(?:(?<=", ")(?!", ")|(?<!", ")(?=", "))"});
    case 'B':
      ++at_;
      return anchor(word, {"(?:(?<=", ")(?=", ")|(?<!", ")(?!", "))"});
    case 'R':
      ++at_;
      atom_ = syntax_.items.size();
      emit("(?>");
      emit(CodePointSet{{'\r', '\r'}});
      emit(newline_set());
      emit("|");
      emit(CodePointSet{{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}});
      return emit(")");
    case 'N':
      ++at_;
      return atom(newline_set().inverted());
    case 'O':
      ++at_;
      return atom(CodePointSet().inverted());
    default:
      break;
  }
  const CodePointSet set = parse_regex_escape(text_, at_, false);
  atom(options_.fold_case ? folded(set) : set);
}

/// Reads the letters of (?imx-imx; returns false if it is something else.
bool RegexParser::take_options(Options& options) {
  bool value = true;
  std::size_t at = at_;
  for (; at < text_.size() && text_[at] != ':' && text_[at] != ')'; ++at) {
    if (text_[at] == '-') {
      value = false;
    } else if (text_[at] == 'i') {
      options.fold_case = value;
    } else if (text_[at] == 'm') {
      options.any_newline = value;
    } else if (text_[at] == 'x') {
      options.extended = value;
    } else {
      return false;
    }
  }
  if (at == text_.size()) return false;
  at_ = at;
  return true;
}

void RegexParser::open_group() {
  ++at_;
  if (take("?#")) {
    at_ = text_.find(')', at_);
    if (at_ == std::string_view::npos) throw Error("it has a comment without its ')'");
    ++at_;
    return;
  }
  if (groups_.size() > 100) throw Error("its groups are nested too deeply");
  const bool at_group_start = syntax_.items.size() == groups_.back().first_item;
  Group group{options_, 0, false};
  std::string opening = "(?:";
  if (take("?<=") || take("?<!") || take("?=") || take("?!")) {
    const char kind = text_[at_ - 1];
    opening = std::string(text_[at_ - 2] == '<' ? "(?<" : "(?") + kind;
    group.is_lookaround = syntax_.looks_around = true;
  } else if (take("?>")) {
    opening = "(?>";
  } else if (take("?<")) {
    at_ = text_.find('>', at_);
    if (at_ == std::string_view::npos) throw Error("it has a group's name without its '>'");
    ++at_;
  } else if (take("?")) {
    Options options = options_;
    if (!take_options(options)) throw Error("it has the group '(?" + std::string(1, peek()) + "', which is not supported");
    const bool rest_of_group = text_[at_++] == ')';
    if (rest_of_group && !at_group_start) throw Error("it has options inside of a group, which is not supported");
    options_ = options;
    if (rest_of_group) return;
  } else if (peek() == '*') {
    throw Error("it has '(*', which is not supported");
  }
  const std::size_t start = syntax_.items.size();
  emit(opening);
  group.first_item = start + 1;
  groups_.push_back(group);
  atom_ = kNoAtom;
}

void RegexParser::close_group() {
  ++at_;
  if (groups_.size() == 1) throw Error("it has a ')' without its '('");
  const Group group = groups_.back();
  groups_.pop_back();
  emit(")");
  options_ = group.outer;
  atom_ = group.is_lookaround ? kNoAtom : group.first_item - 1;
}

void RegexParser::quantifier() {
  if (atom_ == kNoAtom) throw Error(std::string("it has a '") + peek() + "' with nothing that it could repeat");
  std::string text(1, text_[at_++]);
  if (peek() == '?' || peek() == '+') text += text_[at_++];
  emit(text);
  atom_ = kNoAtom;
}

/// Reads {n}, {n,}, {n,m} or {,m}; anything else stands for itself. A '+' after it repeats the whole, and a '?' after {n} makes the
/// whole optional.
bool RegexParser::interval() {
  std::size_t at = at_ + 1;
  const auto number = [&]() -> std::optional<int> {
    int value = 0, digits = 0;
    for (; at < text_.size() && text_[at] >= '0' && text_[at] <= '9'; ++at, ++digits) {
      value = std::min(value * 10 + (text_[at] - '0'), 100000);
    }
    return digits > 0 ? std::optional(value) : std::nullopt;
  };
  const std::optional<int> low = number();
  const bool comma = at < text_.size() && text_[at] == ',';
  if (comma) ++at;
  const std::optional<int> high = comma ? number() : low;
  if ((!low && !high) || at >= text_.size() || text_[at] != '}') return false;
  if (atom_ == kNoAtom) throw Error("it has a '{' with nothing that it could repeat");
  if ((high && low.value_or(0) > *high) || std::max(low.value_or(0), high.value_or(0)) > 65535) {
    throw Error("it has a repeat '" + std::string(text_.substr(at_, at + 1 - at_)) + "', which is not supported");
  }
  at_ = at + 1;
  std::string text = "{" + std::to_string(low.value_or(0));
  if (comma) text += "," + (high ? std::to_string(*high) : "");
  text += "}";
  const bool lazy = comma && take("?");
  if (lazy) text += "?";
  const bool whole = !lazy && (peek() == '+' || (!comma && peek() == '?'));
  if (whole) {
    text += std::string(")") + text_[at_++];
    syntax_.items.insert(syntax_.items.begin() + static_cast<std::ptrdiff_t>(atom_), RegexItem{"(?:", 0});
  }
  emit(text);
  atom_ = kNoAtom;
  return true;
}

}  // namespace

RegexSyntax parse_regex(std::string_view expression, std::string_view source) {
  try {
    return RegexParser(expression).parse();
  } catch (const Error& error) {
    throw Error("cannot use the regular expression " + json_quote(expression.substr(0, 200)) + " of '" +
                std::string(source) + "': " + error.what());
  }
}

}  // namespace lm
