#include "text/pattern/pre_tokenizer.h"

#include <algorithm>
#include <initializer_list>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/utf8.h"
#include "text/pattern/pre_tokenizer_steps.h"
#include "text/unicode/code_points.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

namespace {

using Step = PreTokenizer::Step;
using Kind = Step::Kind;

constexpr std::size_t kMostSteps = 64;
constexpr const char* kKnownComponents[] = {
    "BertPreTokenizer", "ByteLevel", "CharDelimiterSplit", "Digits",     "FixedLength",    "Metaspace", "Punctuation",
    "Sequence",         "Split",     "UnicodeScripts",     "Whitespace", "WhitespaceSplit"};

/// Reads one component into steps, with the library's defaults for what is missing.
class ComponentReader {
 public:
  ComponentReader(const JsonValue& value, std::string_view source, std::vector<std::shared_ptr<const Step>>& steps)
      : value_(value), source_(source), steps_(steps) {}

  void read(const std::string& type);

 private:
  [[noreturn]] void refuse(const std::string& why) const {
    throw Error("invalid tokenizer '" + std::string(source_) + "': its pre_tokenizer " + why);
  }
  void add(Step step) { steps_.push_back(std::make_shared<const Step>(std::move(step))); }
  void add_classes(std::uint8_t classes, SplitBehavior behavior) {
    add({.kind = Kind::classes, .behavior = behavior, .classes = classes});
  }

  bool boolean(const char* key, std::optional<bool> missing = std::nullopt) const {
    const JsonValue* member = value_.find(key);
    if (member == nullptr && missing) return *missing;
    return value_.boolean_at(key, source_);
  }
  SplitBehavior behavior() const {
    const std::string& word = value_.string_at("behavior", source_);
    const std::optional<SplitBehavior> known = find_choice<SplitBehavior>(word);
    if (!known) refuse("has the behavior '" + word + "', which is none of " + choice_list<SplitBehavior>());
    return *known;
  }
  /// Returns a member that is one character.
  const std::string& character(const char* key) const {
    const std::string& text = value_.string_at(key, source_);
    std::size_t invalid = 0;
    if (text.empty() || utf8_length(text, invalid) != text.size())
      refuse(std::string("has a '") + key + "' that is not one character");
    return text;
  }

  void byte_level();
  void metaspace();
  void split();
  void fixed_length();

  const JsonValue& value_;
  std::string_view source_;
  std::vector<std::shared_ptr<const Step>>& steps_;
};

void ComponentReader::read(const std::string& type) {
  if (type == "ByteLevel") return byte_level();
  if (type == "Metaspace") return metaspace();
  if (type == "Split") return split();
  if (type == "FixedLength") return fixed_length();
  if (type == "Digits") {
    return add_classes(ComponentClass::number,
                       boolean("individual_digits") ? SplitBehavior::isolated : SplitBehavior::contiguous);
  }
  if (type == "Punctuation") {
    return add_classes(ComponentClass::punctuation,
                       value_.find("behavior") == nullptr ? SplitBehavior::isolated : behavior());
  }
  if (type == "WhitespaceSplit") return add_classes(ComponentClass::space, SplitBehavior::removed);
  if (type == "BertPreTokenizer") {
    add_classes(ComponentClass::space, SplitBehavior::removed);
    return add_classes(ComponentClass::punctuation, SplitBehavior::isolated);
  }
  if (type == "Whitespace") return add({.kind = Kind::words, .behavior = SplitBehavior::removed});
  if (type == "UnicodeScripts") return add({.kind = Kind::scripts});
  if (type == "CharDelimiterSplit") {
    return add({.kind = Kind::string, .behavior = SplitBehavior::removed, .string = character("delimiter")});
  }
  std::string known;
  for (const char* name : kKnownComponents) known += (known.empty() ? "" : ", ") + std::string(name);
  refuse("has the type '" + type + "', which is not known; known are " + known);
}

void ComponentReader::byte_level() {
  boolean("trim_offsets");  // must be there, and changes no token
  if (boolean("add_prefix_space")) add({.kind = Kind::spaces, .string = " ", .prepend = Step::Prepend::always});
  if (boolean("use_regex", true)) add({.kind = Kind::pattern, .pattern = Pattern::gpt2});
  add({.kind = Kind::byte_level});
}

void ComponentReader::metaspace() {
  const std::string& replacement = character("replacement");
  std::string scheme = "always";
  if (value_.find("prepend_scheme") != nullptr) scheme = value_.string_at("prepend_scheme", source_);
  if (scheme != "always" && scheme != "first" && scheme != "never") {
    refuse("has the prepend_scheme '" + scheme + "', which is none of always, first, never");
  }
  const auto optional_boolean = [&](const char* key) {
    const JsonValue* member = value_.find(key);
    return member == nullptr || member->is_null() || boolean(key);
  };
  if (!optional_boolean("add_prefix_space") && scheme != "never") {
    refuse("has an add_prefix_space that does not agree with its prepend_scheme '" + scheme + "'");
  }
  add({.kind = Kind::spaces,
       .string = replacement,
       .prepend = scheme == "always"  ? Step::Prepend::always
                  : scheme == "first" ? Step::Prepend::first
                                      : Step::Prepend::never});
  if (optional_boolean("split")) {
    add({.kind = Kind::string, .behavior = SplitBehavior::merged_with_next, .string = replacement});
  }
}

void ComponentReader::split() {
  const JsonValue* pattern = value_.find("pattern");
  const JsonValue* string = pattern == nullptr ? nullptr : pattern->find("String");
  const JsonValue* regex = pattern == nullptr ? nullptr : pattern->find("Regex");
  const JsonValue* text = regex != nullptr ? regex : string;
  if (text == nullptr || text->if_string() == nullptr || pattern->if_object()->size() != 1) {
    refuse("has a Split whose pattern is neither a Regex nor a String");
  }
  const std::string& spelled = *text->if_string();
  Step step{.kind = Kind::string, .behavior = behavior(), .inverted = boolean("invert"), .string = spelled};
  if (regex != nullptr || spelled.empty()) {
    const std::optional<Pattern> known = pattern_of_regex(spelled);
    step.kind = known ? Kind::pattern : Kind::regex;
    if (known) {
      step.pattern = *known;
    } else {
      step.regex.emplace(spelled, source_);
    }
    // The matches of these patterns leave nothing out.
    if (known && step.inverted && step.behavior == SplitBehavior::removed) {
      step.inverted = false;
      step.behavior = SplitBehavior::isolated;
    }
  }
  add(std::move(step));
}

void ComponentReader::fixed_length() {
  const std::int64_t length = value_.find("length") == nullptr ? 5 : value_.integer_at("length", source_);
  if (length < 1) refuse("has a FixedLength of " + std::to_string(length) + ", which must be at least 1");
  add({.kind = Kind::fixed_length, .length = static_cast<std::size_t>(length)});
}

/// Returns whether all steps together cut before `blank`, or bear a cut there until one does.
bool cuts_before(const std::vector<std::shared_ptr<const Step>>& steps, char blank) {
  std::string spelling(1, blank);
  for (const std::shared_ptr<const Step>& step : steps) {
    const Step::Cut cut = step->cut_before(blank, spelling);
    if (cut != Step::Cut::bears) return cut == Step::Cut::makes;
    if (step->kind == Kind::byte_level) spelling = to_byte_level(spelling);
    if (step->kind == Kind::spaces && spelling == " ") spelling = step->string;
  }
  return false;
}

}  // namespace

PreTokenizer PreTokenizer::from_json(const JsonValue& value, std::string_view source) {
  PreTokenizer pre_tokenizer;
  if (value.is_null()) return pre_tokenizer;
  std::vector<const JsonValue*> waiting = {&value};
  while (!waiting.empty()) {
    const JsonValue& component = *waiting.back();
    waiting.pop_back();
    if (component.if_object() == nullptr) {
      throw Error("invalid tokenizer '" + std::string(source) + "': a part of its pre_tokenizer is not an object");
    }
    const std::string& type = component.string_at("type", source);
    if (type != "Sequence") {
      if (pre_tokenizer.steps_.size() >= kMostSteps) {
        throw Error("the pre_tokenizer in '" + std::string(source) + "' has more than 64 steps, which is not supported");
      }
      ComponentReader(component, source, pre_tokenizer.steps_).read(type);
      continue;
    }
    const JsonValue* parts = component.find("pretokenizers");
    if (parts == nullptr || parts->if_array() == nullptr) {
      throw Error("invalid tokenizer '" + std::string(source) +
                  "': its pre_tokenizer has a Sequence without 'pretokenizers'");
    }
    for (auto part = parts->if_array()->rbegin(); part != parts->if_array()->rend(); ++part) waiting.push_back(&*part);
  }
  pre_tokenizer.cuts_before_blank_ = cuts_before(pre_tokenizer.steps_, ' ');
  pre_tokenizer.cuts_before_space_ = pre_tokenizer.cuts_before_blank_ && cuts_before(pre_tokenizer.steps_, '\n');
  return pre_tokenizer;
}

bool PreTokenizer::cuts_behind_visible() const {
  // Others might look farther back than to a letter.
  return cuts_before_blank_ && std::all_of(steps_.begin(), steps_.end(), [](const std::shared_ptr<const Step>& step) {
           return step->kind == Kind::spaces || step->kind == Kind::classes || step->kind == Kind::words ||
                  (step->kind == Kind::string && step->string == "\xE2\x96\x81");
         });
}

bool PreTokenizer::isolates_punctuation() const {
  const auto is = [&](std::size_t i, std::uint8_t classes, SplitBehavior behavior) {
    const Step& step = *steps_[i];
    return step.kind == Kind::classes && step.classes == classes && step.behavior == behavior && !step.inverted;
  };
  return steps_.size() == 2 && is(0, ComponentClass::space, SplitBehavior::removed) &&
         is(1, ComponentClass::punctuation, SplitBehavior::isolated);
}

void PreTokenizer::split(std::string_view section, bool section_is_first, Pieces& out) const {
  out.text.assign(section);
  out.pieces.clear();
  if (section.empty()) return;
  out.pieces.push_back({0, section.size(), false});
  const DecodedChar first = decode_utf8(section.data(), section.data() + section.size());
  out.buffers.first_size = section_is_first ? first.length : 0;
  for (const std::shared_ptr<const Step>& step : steps_) step->apply(out);
  for (Piece& piece : out.pieces) piece.first = piece.begin < out.buffers.first_size;
}

}  // namespace lm
