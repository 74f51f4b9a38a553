#include "text/pattern/regex.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <optional>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"
#include "text/pattern/regex_syntax.h"

namespace lm {

namespace {

// What PCRE2 may take for one match: steps of its interpreter or compiled code, and KiB.
constexpr std::uint32_t kMatchLimit = 10'000'000, kHeapLimit = 256 * 1024;
constexpr std::size_t kJitStackStart = 32 * 1024, kJitStackMax = 64 * 1024 * 1024;

/// The classes into which an expression's sets cut all characters, numbered from 1: the class of every code point and of
/// kInvalidCharacter, and whether each set has each class.
struct RegexClasses {
  std::vector<std::uint8_t> values;
  std::uint8_t invalid = 0;
  int count = 0;
  std::vector<std::array<bool, 256>> has;
};

RegexClasses partition(const std::vector<CodePointSet>& sets) {
  std::vector<std::uint32_t> starts = {0, kInvalidCharacter};
  for (const CodePointSet& set : sets) {
    for (const CodePointRange& range : set.ranges()) {
      starts.push_back(range.first);
      if (range.last < kInvalidCharacter) starts.push_back(range.last + 1);
    }
  }
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  RegexClasses classes{std::vector<std::uint8_t>(kCodePointCount), 0, 0, std::vector<std::array<bool, 256>>(sets.size())};
  std::map<std::vector<bool>, int> known;
  std::vector<std::size_t> next(sets.size());  // the range of each set that has not ended
  std::vector<bool> key(sets.size());
  for (std::size_t i = 0; i < starts.size(); ++i) {
    for (std::size_t set = 0; set < sets.size(); ++set) {
      const std::vector<CodePointRange>& ranges = sets[set].ranges();
      while (next[set] < ranges.size() && ranges[next[set]].last < starts[i]) ++next[set];
      key[set] = next[set] < ranges.size() && ranges[next[set]].first <= starts[i];
    }
    const auto [place, is_new] = known.try_emplace(key, classes.count + 1);
    if (is_new && ++classes.count > 255) throw Error("it has too many different characters and sets of them");
    const auto value = static_cast<std::uint8_t>(place->second);
    for (std::size_t set = 0; set < sets.size(); ++set) classes.has[set][value] = key[set];
    if (starts[i] == kInvalidCharacter) {
      classes.invalid = value;
    } else {
      std::fill(classes.values.begin() + starts[i], classes.values.begin() + starts[i + 1], value);
    }
  }
  return classes;
}

/// Returns a set as PCRE2 takes it: the bytes of its classes.
std::string spell_set(const std::array<bool, 256>& has) {
  std::string members;
  int count = 0;
  for (std::size_t value = 1; value < 256; ++value) {
    if (!has[value]) continue;
    char spelled[8];
    std::snprintf(spelled, sizeof spelled, "\\x%02X", static_cast<unsigned>(value));
    members += spelled;
    ++count;
  }
  if (count == 0) return "[^\\x00-\\xFF]";
  return count == 1 ? members : "[" + members + "]";
}

/// Returns how many characters a plain expression takes at most, if it is one set, perhaps with + or {1,n}; else 0.
std::size_t length_of_plain_set(const std::vector<RegexItem>& items) {
  if (items.empty() || items.size() > 2 || !items[0].text.empty()) return 0;
  if (items.size() == 1) return 1;
  const std::string& repeat = items[1].text;
  if (repeat == "+" || repeat == "++") return SIZE_MAX;
  if (repeat.rfind("{1,", 0) != 0 || repeat.back() != '}') return 0;
  const std::string number = repeat.substr(3, repeat.size() - 4);
  return number.empty() ? SIZE_MAX : std::stoul(number);
}

/// Returns whether an expression is a set with + or * and more: if it does not match at one place of a run of the set, it does not at
/// the next ones either, and looking there would take quadratic time.
bool begins_with_repeated_set(const std::vector<RegexItem>& items) {
  if (items.size() < 3 || !items[0].text.empty() || (items[1].text.find_first_of("+*") != 0)) return false;
  return std::none_of(items.begin(), items.end(), [](const RegexItem& item) { return item.text == "|"; });
}

/// Returns whether no match reaches or looks over the place between a letter or number and a space or newline.
bool keeps_matches_when_cut(const RegexSyntax& syntax, std::size_t at_most) {
  if (syntax.looks_around) return false;
  if (at_most == 1) return true;
  const CodePointSet after{{' ', ' '}, {'\n', '\n'}};
  const CodePointSet before = find_property("L")->united(*find_property("N"));
  bool any_after = false, any_before = false;
  for (const CodePointSet& set : syntax.sets) {
    any_after = any_after || !set.intersected(after).empty();
    any_before = any_before || !set.intersected(before).empty();
  }
  return !any_after || (at_most > 0 && !any_before);
}

std::string pcre2_message(int error) {
  PCRE2_UCHAR message[200];
  return pcre2_get_error_message(error, message, sizeof message) < 0 ? "error " + std::to_string(error)
                                                                     : reinterpret_cast<const char*>(message);
}

}  // namespace

struct Regex::Program {
  explicit Program(const std::string& expression) {
    int error = 0;
    PCRE2_SIZE offset = 0;
    code = pcre2_compile(reinterpret_cast<PCRE2_SPTR>(expression.data()), expression.size(), PCRE2_DOTALL | PCRE2_NEVER_UTF,
                         &error, &offset, nullptr);
    if (code == nullptr) throw Error("PCRE2 says: " + pcre2_message(error));
    has_jit = pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0;  // without it, PCRE2 interprets
  }
  ~Program() { pcre2_code_free(code); }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  pcre2_code* code = nullptr;
  bool has_jit = false;
  std::array<bool, 256> plain_set{};  // the classes of the set, if the expression is only one
};

struct Regex::Scratch::State {
  State()
      : match(pcre2_match_data_create(1, nullptr)),
        context(pcre2_match_context_create(nullptr)),
        stack(pcre2_jit_stack_create(kJitStackStart, kJitStackMax, nullptr)) {
    if (match == nullptr || context == nullptr) throw Error("cannot match regular expressions: out of memory");
    pcre2_set_match_limit(context, kMatchLimit);
    pcre2_set_heap_limit(context, kHeapLimit);
    if (stack != nullptr) pcre2_jit_stack_assign(context, nullptr, stack);
  }
  ~State() {
    pcre2_match_data_free(match);
    pcre2_match_context_free(context);
    pcre2_jit_stack_free(stack);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  pcre2_match_data* match;
  pcre2_match_context* context;
  pcre2_jit_stack* stack;
  std::string classes;  // of the characters of the text
  std::string lengths;  // in bytes; empty if all are 1
};

Regex::Scratch::Scratch() = default;
Regex::Scratch::~Scratch() = default;
Regex::Scratch::Scratch(const Scratch&) {}
Regex::Scratch::Scratch(Scratch&&) noexcept = default;
Regex::Scratch& Regex::Scratch::operator=(const Scratch&) { return *this; }
Regex::Scratch& Regex::Scratch::operator=(Scratch&&) noexcept = default;

Regex::Regex(std::string_view expression, std::string_view source) : expression_(expression.substr(0, 200)) {
  const RegexSyntax syntax = parse_regex(expression, source);
  try {
    const RegexClasses classes = partition(syntax.sets);
    classes_ = std::make_shared<const CodePointTable>(classes.values, classes.invalid);
    std::string translated;
    if (begins_with_repeated_set(syntax.items)) {
      translated = "(?:\\G|(?<!" + spell_set(classes.has[syntax.items[0].set]) + "))";
    }
    for (const RegexItem& item : syntax.items)
      translated += item.text.empty() ? spell_set(classes.has[item.set]) : item.text;
    const auto program = std::make_shared<Program>(translated);
    set_at_most_ = length_of_plain_set(syntax.items);
    if (set_at_most_ > 0) program->plain_set = classes.has[syntax.items[0].set];
    program_ = program;
    ignores_cut_ = keeps_matches_when_cut(syntax, set_at_most_);
  } catch (const Error& error) {
    throw Error("cannot use the regular expression " + json_quote(std::string_view(expression_).substr(0, 200)) + " of '" +
                std::string(source) + "': " + error.what());
  }
}

void Regex::find_all(std::string_view text, Scratch& scratch, std::vector<Match>& matches) const {
  matches.clear();
  return set_at_most_ > 0 ? set_matches(text, matches) : match_all(text, scratch, matches);
}

void Regex::set_matches(std::string_view text, std::vector<Match>& matches) const {
  const std::array<bool, 256>& set = program_->plain_set;
  const char* const end = text.data() + text.size();
  std::size_t count = 0;  // of characters in the match that is open
  for (const char* at = text.data(); at != end;) {
    const DecodedChar c = decode_utf8(at, end);
    const auto begin = static_cast<std::size_t>(at - text.data());
    at += c.length;
    if (!set[classes_->of(c.code_point)]) {
      count = 0;
    } else if (count > 0 && count < set_at_most_) {
      matches.back().end = begin + c.length;
      ++count;
    } else {
      matches.push_back({begin, begin + c.length});
      count = 1;
    }
  }
}

void Regex::match_all(std::string_view text, Scratch& scratch, std::vector<Match>& matches) const {
  if (scratch.state_ == nullptr) scratch.state_ = std::make_unique<Scratch::State>();
  Scratch::State& state = *scratch.state_;
  state.classes.clear();
  state.lengths.clear();
  bool is_ascii = true;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end;) {
    const DecodedChar c = decode_utf8(at, end);
    if (c.length > 1 && is_ascii) {
      is_ascii = false;
      state.lengths.assign(state.classes.size(), '\1');
    }
    if (!is_ascii) state.lengths += static_cast<char>(c.length);
    state.classes += static_cast<char>(classes_->of(c.code_point));
    at += c.length;
  }
  std::size_t character = 0, byte = 0;  // the same place, which only moves on
  const auto byte_of = [&](std::size_t index) {
    if (is_ascii) return index;
    for (; character < index; ++character) byte += static_cast<unsigned char>(state.lengths[character]);
    return byte;
  };
  const auto subject = reinterpret_cast<PCRE2_SPTR>(state.classes.data());
  const std::size_t size = state.classes.size();
  std::optional<std::size_t> last_end;
  for (std::size_t from = 0; from <= size;) {
    int result = PCRE2_ERROR_JIT_STACKLIMIT;
    if (program_->has_jit) {
      result = pcre2_jit_match(program_->code, subject, size, from, 0, state.match, state.context);
    }
    if (result == PCRE2_ERROR_JIT_STACKLIMIT) {
      result = pcre2_match(program_->code, subject, size, from, PCRE2_NO_JIT, state.match, state.context);
    }
    if (result == PCRE2_ERROR_NOMATCH) break;
    if (result < 0) {
      throw Error("cannot apply the regular expression " + json_quote(std::string_view(expression_).substr(0, 200)) +
                  " to this text: PCRE2 says: " + pcre2_message(result));
    }
    const PCRE2_SIZE* place = pcre2_get_ovector_pointer(state.match);
    const std::size_t first = place[0], last = place[1];
    if (first == last && last_end == last) {
      ++from;
      continue;
    }
    const std::size_t first_byte = byte_of(first);
    matches.push_back({first_byte, byte_of(last)});
    from = last;
    last_end = last;
  }
}

}  // namespace lm
