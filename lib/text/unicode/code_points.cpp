#include "text/unicode/code_points.h"

#include <algorithm>
#include <map>
#include <string>

namespace lm {

namespace {

constexpr std::string_view kCategoryNames[] = {"Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd",
                                               "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po", "Sm",
                                               "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co"};

struct LongName {
  std::string_view name, category;
};
constexpr LongName kLongNames[] = {{"other", "c"},
                                   {"control", "cc"},
                                   {"format", "cf"},
                                   {"unassigned", "cn"},
                                   {"privateuse", "co"},
                                   {"surrogate", "cs"},
                                   {"letter", "l"},
                                   {"uppercaseletter", "lu"},
                                   {"lowercaseletter", "ll"},
                                   {"titlecaseletter", "lt"},
                                   {"modifierletter", "lm"},
                                   {"otherletter", "lo"},
                                   {"mark", "m"},
                                   {"combiningmark", "m"},
                                   {"nonspacingmark", "mn"},
                                   {"spacingmark", "mc"},
                                   {"enclosingmark", "me"},
                                   {"number", "n"},
                                   {"decimalnumber", "nd"},
                                   {"digit", "nd"},
                                   {"letternumber", "nl"},
                                   {"othernumber", "no"},
                                   {"punctuation", "p"},
                                   {"punct", "p"},
                                   {"connectorpunctuation", "pc"},
                                   {"dashpunctuation", "pd"},
                                   {"openpunctuation", "ps"},
                                   {"closepunctuation", "pe"},
                                   {"initialpunctuation", "pi"},
                                   {"finalpunctuation", "pf"},
                                   {"otherpunctuation", "po"},
                                   {"symbol", "s"},
                                   {"mathsymbol", "sm"},
                                   {"currencysymbol", "sc"},
                                   {"modifiersymbol", "sk"},
                                   {"othersymbol", "so"},
                                   {"separator", "z"},
                                   {"spaceseparator", "zs"},
                                   {"lineseparator", "zl"},
                                   {"paragraphseparator", "zp"},
                                   {"cntrl", "cc"}};

std::vector<std::uint8_t> flat_values(std::span<const std::uint32_t> runs) {
  std::vector<std::uint8_t> values;
  values.reserve(kCodePointCount);
  for (const std::uint32_t run : runs) values.insert(values.end(), run >> 8, static_cast<std::uint8_t>(run & 0xFF));
  values.resize(kCodePointCount);
  return values;
}

/// Returns the code points whose run has a value that `matches` accepts.
template <class Matches>
CodePointSet set_of_runs(std::span<const std::uint32_t> runs, const Matches& matches) {
  std::vector<CodePointRange> ranges;
  std::uint32_t at = 0;
  for (const std::uint32_t run : runs) {
    const std::uint32_t length = run >> 8;
    if (matches(run & 0xFF)) ranges.push_back({at, at + length - 1});
    at += length;
  }
  return CodePointSet(ranges);
}

char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; }

/// Returns the set of all general categories that begin with `prefix`, in lower case.
CodePointSet category_set(std::string_view prefix) {
  return set_of_runs(category_runs(), [&](std::uint32_t value) {
    const std::string_view name = kCategoryNames[value];
    return ascii_lower(name[0]) == prefix[0] && (prefix.size() == 1 || name[1] == prefix[1]);
  });
}

std::optional<CodePointSet> find_category(std::string_view name) {
  for (const LongName& known : kLongNames) {
    if (name == known.name) name = known.category;
  }
  if (name == "lc" || name == "casedletter") return category_set("lu").united(category_set("ll")).united(category_set("lt"));
  for (const std::string_view known : kCategoryNames) {
    if (name.size() <= 2 && !name.empty() && ascii_lower(known[0]) == name[0] && (name.size() == 1 || known[1] == name[1])) {
      return category_set(name);
    }
  }
  return std::nullopt;
}

CodePointSet white_space() { return CodePointSet{{9, 13}, {0x85, 0x85}}.united(category_set("z")); }

CodePointSet alphabetic() { return category_set("l").united(category_set("nl")).united(CodePointSet(more_alphabetic())); }

CodePointSet word_characters() {
  return alphabetic().united(category_set("m")).united(category_set("nd")).united(category_set("pc"));
}

CodePointSet graphic() {
  return category_set("cc")
      .united(category_set("cn"))
      .united(category_set("cs"))
      .united(white_space())
      .inverted()
      .without({{kInvalidCharacter, kInvalidCharacter}});
}

std::optional<CodePointSet> find_derived(std::string_view name) {
  if (name == "any") return CodePointSet{{0, kCodePointCount - 1}};
  if (name == "ascii") return CodePointSet{{0, 127}};
  if (name == "assigned") return category_set("cn").inverted().without({{kInvalidCharacter, kInvalidCharacter}});
  if (name == "alpha" || name == "alphabetic") return alphabetic();
  if (name == "alnum") return alphabetic().united(category_set("nd"));
  if (name == "word") return word_characters();
  if (name == "upper" || name == "uppercase") return category_set("lu").united(CodePointSet(more_upper()));
  if (name == "lower" || name == "lowercase") return category_set("ll").united(CodePointSet(more_lower()));
  if (name == "space" || name == "whitespace") return white_space();
  if (name == "blank") return category_set("zs").united({{9, 9}});
  if (name == "graph") return graphic();
  if (name == "print") return graphic().united(category_set("zs"));
  if (name == "xdigit") return CodePointSet{{'0', '9'}, {'A', 'F'}, {'a', 'f'}};
  return std::nullopt;
}

}  // namespace

CodePointSet::CodePointSet(std::span<const CodePointRange> ranges) {
  std::vector<CodePointRange> sorted(ranges.begin(), ranges.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const CodePointRange& a, const CodePointRange& b) { return a.first < b.first; });
  for (const CodePointRange& range : sorted) {
    if (!ranges_.empty() && range.first <= ranges_.back().last + 1) {
      ranges_.back().last = std::max(ranges_.back().last, range.last);
    } else {
      ranges_.push_back(range);
    }
  }
}

bool CodePointSet::contains(std::uint32_t code_point) const {
  const auto after = std::upper_bound(ranges_.begin(), ranges_.end(), code_point,
                                      [](std::uint32_t c, const CodePointRange& range) { return c < range.first; });
  return after != ranges_.begin() && code_point <= std::prev(after)->last;
}

CodePointSet CodePointSet::united(const CodePointSet& other) const {
  std::vector<CodePointRange> both = ranges_;
  both.insert(both.end(), other.ranges_.begin(), other.ranges_.end());
  return CodePointSet(both);
}

CodePointSet CodePointSet::inverted() const {
  CodePointSet rest;
  std::uint32_t next = 0;
  for (const CodePointRange& range : ranges_) {
    if (range.first > next) rest.ranges_.push_back({next, range.first - 1});
    next = range.last + 1;
  }
  if (next <= kInvalidCharacter) rest.ranges_.push_back({next, kInvalidCharacter});
  return rest;
}

CodePointTable::CodePointTable(std::span<const std::uint8_t> values, std::uint8_t invalid) : invalid_(invalid) {
  std::map<std::array<std::uint8_t, kPage>, std::uint16_t> known;
  for (std::uint32_t page = 0; page < kCodePointCount / kPage; ++page) {
    std::array<std::uint8_t, kPage> content;
    std::copy_n(values.begin() + page * kPage, kPage, content.begin());
    const auto [place, is_new] = known.try_emplace(content, static_cast<std::uint16_t>(pages_.size()));
    if (is_new) pages_.push_back(content);
    page_of_[page] = place->second;
  }
}

std::optional<CodePointSet> find_property(std::string_view name) {
  std::string plain;
  for (const char c : name) {
    if (c != ' ' && c != '_' && c != '-') plain += ascii_lower(c);
  }
  if (std::optional<CodePointSet> derived = find_derived(plain)) return derived;
  if (std::optional<CodePointSet> category = find_category(plain)) return category;
  const std::span<const std::string_view> scripts = script_names();
  for (std::uint32_t script = 1; script < scripts.size(); ++script) {
    if (plain == scripts[script]) {
      return set_of_runs(script_runs(), [&](std::uint32_t value) { return value == script; });
    }
  }
  return std::nullopt;
}

const CodePointTable& component_classes() {
  static const CodePointTable table = [] {
    std::vector<std::uint8_t> values(kCodePointCount);
    const auto add = [&](const CodePointSet& set, std::uint8_t bit) {
      for (const CodePointRange& range : set.ranges()) {
        for (std::uint32_t c = range.first; c <= range.last; ++c) values[c] = static_cast<std::uint8_t>(values[c] | bit);
      }
    };
    add(category_set("n").united(CodePointSet(component_more_numbers())), ComponentClass::number);
    add(white_space(), ComponentClass::space);
    add(category_set("p")
            .united(CodePointSet(component_more_punctuation()))
            .without(CodePointSet(component_no_punctuation())),
        ComponentClass::punctuation);
    add(word_characters().united({{0x200C, 0x200D}}), ComponentClass::word);
    return CodePointTable(values, 0);
  }();
  return table;
}

const CodePointTable& component_scripts() {
  static const CodePointTable table(flat_values(component_script_runs()), 0);
  return table;
}

const CodePointTable& general_categories() {
  static const CodePointTable table(flat_values(category_runs()), 0);
  return table;
}

std::span<const std::string_view> general_category_names() { return kCategoryNames; }

}  // namespace lm
