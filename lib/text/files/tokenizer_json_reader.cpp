// Reading a Hugging Face tokenizer.json event by event: what is large goes straight to where it stays, what is small becomes
// a little tree, what does not matter to encoding is skipped, and what we cannot reproduce is refused.
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "text/files/left_out.h"
#include "text/files/spelled_vocabulary.h"
#include "text/files/tokenizer_json.h"

namespace lm {

namespace {

/// Gathers the events of one value into a JsonValue. Values of more than 4096 parts are refused: none that matters is so
/// large.
class TreeBuilder {
 public:
  explicit TreeBuilder(std::string_view source) : source_(source) {}
  bool is_done() const { return levels_.empty(); }
  JsonValue take() { return std::move(root_); }

  void key(std::string_view name) {
    Level& level = levels_.back();
    for (const JsonValue::Member& member : level.members) {
      if (member.first == name)
        throw Error("invalid tokenizer '" + source_ + "': the key " + json_quote(name) + " appears twice");
    }
    level.key = name;
  }
  void begin(bool is_object) {
    if (levels_.empty()) count_ = 0;
    count();
    levels_.push_back({is_object, {}, {}, {}});
  }
  void end() {
    Level level = std::move(levels_.back());
    levels_.pop_back();
    value(level.is_object ? JsonValue(std::move(level.members)) : JsonValue(std::move(level.elements)));
  }
  void value(JsonValue value) {
    count();
    if (levels_.empty()) {
      root_ = std::move(value);
    } else if (levels_.back().is_object) {
      levels_.back().members.emplace_back(levels_.back().key, std::move(value));
    } else {
      levels_.back().elements.push_back(std::move(value));
    }
  }

 private:
  struct Level {
    bool is_object;
    std::string key;
    JsonValue::Object members;
    JsonValue::Array elements;
  };
  void count() {
    if (++count_ > 4096) throw Error("invalid tokenizer '" + source_ + "': a part of it that should be small is not");
  }
  std::string source_;
  std::vector<Level> levels_;
  JsonValue root_;
  int count_ = 0;
};

bool is_false_or_absent(const JsonValue* value) {
  return value == nullptr || value->is_null() || (value->if_bool() != nullptr && !*value->if_bool());
}

class TokenizerReader final : public JsonHandler {
 public:
  /// The merges need the vocabulary. If they come first, they are left out, and a second pass reads only them.
  enum class Pass { everything, merges };

  TokenizerReader(std::string_view text, std::string_view source)
      : source_(source), vocabulary_(source, text.size()), tree_(source) {
    parts_.merges.reserve(text.size() / 6);  // "a b", is the shortest; what is not used costs addresses only
  }

  void start(Pass pass) { pass_ = pass; }
  bool needs_second_pass() const { return merges_left_out_; }
  TokenizerParts finish();

  void null() override { scalar(JsonValue()); }
  void boolean(bool value) override { scalar(JsonValue(value)); }
  void integer(std::int64_t value) override {
    if (where_ == Where::vocabulary) return vocabulary_.add(key_, value);
    scalar(JsonValue(value));
  }
  void real(double value) override { scalar(JsonValue(value)); }
  void string(std::string_view value) override {
    if (where_ == Where::merges) return add_merge(vocabulary_.merge_of(value, parts_.merges.size()));
    if (where_ == Where::merge_pair) return merge_half(value);
    scalar(JsonValue(value));
  }

  void key(std::string_view value) override {
    if (where_ == Where::tree) return tree_.key(value);
    if (where_ == Where::skipped) return;
    key_ = value;
    if (where_ == Where::vocabulary || pass_ == Pass::merges) return;  // the vocabulary's index finds duplicates
    if (!seen_.insert((where_ == Where::model ? "model." : "") + key_).second)
      refuse("the key " + json_quote(key_) + " appears twice");
  }

  void begin_object() override { begin(true); }
  void begin_array() override { begin(false); }
  void end_object() override { end(); }
  void end_array() override { end(); }

 private:
  enum class Where { outside, top, added_tokens, model, vocabulary, merges, merge_pair, tree, skipped };

  [[noreturn]] void refuse(const std::string& why) const { throw Error("invalid tokenizer '" + source_ + "': " + why); }
  void scalar(JsonValue value);
  void begin(bool is_object);
  void end();
  void take_member(const std::string& name, const JsonValue& value);
  void take_model_member(const std::string& name, const JsonValue& value);
  void take_added_token(const JsonValue& token);
  void take_pre_tokenizer(const JsonValue& value);
  Pattern pattern_of_split(const JsonValue& split) const;
  void merge_half(std::string_view half);
  void add_merge(MergePair merge) { parts_.merges.push_back(merge); }

  std::string source_;
  Pass pass_ = Pass::everything;
  Where where_ = Where::outside;
  Where before_ = Where::outside;  // where a tree or a skipped value is
  int skipped_depth_ = 0;
  std::string key_;
  std::set<std::string> seen_;
  SpelledVocabulary vocabulary_;
  TreeBuilder tree_;
  std::optional<std::string> first_half_;
  int halves_ = 0;
  bool merges_left_out_ = false;
  TokenizerParts parts_;
};

void TokenizerReader::scalar(JsonValue value) {
  switch (where_) {
    case Where::skipped:
      return;
    case Where::tree:
      return tree_.value(std::move(value));
    case Where::top:
      return take_member(key_, value);
    case Where::model:
      return take_model_member(key_, value);
    case Where::outside:
      refuse("it is not a JSON object");
    case Where::vocabulary:
      refuse("the id of the token " + json_quote(key_) + " is not an integer");
    case Where::added_tokens:
      refuse("an element of 'added_tokens' is not an object");
    case Where::merges:
    case Where::merge_pair:
      refuse("merge " + std::to_string(parts_.merges.size()) + " is not a string or two strings");
  }
}

void TokenizerReader::begin(bool is_object) {
  const Where from = where_;
  switch (from) {
    case Where::skipped:
      ++skipped_depth_;
      return;
    case Where::tree:
      return tree_.begin(is_object);
    case Where::outside:
      if (!is_object) refuse("it is not a JSON object");
      where_ = Where::top;
      return;
    case Where::top:
      if (key_ == "model" && is_object)
        where_ = Where::model;
      else if (pass_ == Pass::everything && key_ == "added_tokens" && !is_object)
        where_ = Where::added_tokens;
      break;
    case Where::model:
      if (key_ == "vocab" && is_object && pass_ == Pass::everything) where_ = Where::vocabulary;
      if (key_ == "merges" && !is_object) {
        merges_left_out_ = !vocabulary_.is_indexed();
        if (!merges_left_out_) where_ = Where::merges;
      }
      break;
    case Where::merges:
      if (is_object) refuse("merge " + std::to_string(parts_.merges.size()) + " is not a string or two strings");
      where_ = Where::merge_pair;
      halves_ = 0;
      return;
    case Where::added_tokens:
      break;
    case Where::vocabulary:
      refuse("the id of the token " + json_quote(key_) + " is not an integer");
    case Where::merge_pair:
      refuse("merge " + std::to_string(parts_.merges.size()) + " is not a string or two strings");
  }
  if (where_ != from) return;
  before_ = from;
  const bool merges_for_later = from == Where::model && key_ == "merges" && !is_object;
  const bool matters = from != Where::top || key_ == "pre_tokenizer" || key_ == "normalizer" || key_ == "decoder" ||
                       key_ == "post_processor" || key_ == "model" || key_ == "added_tokens";
  if (pass_ == Pass::merges || merges_for_later || !matters) {
    where_ = Where::skipped;
    skipped_depth_ = 1;
  } else {
    where_ = Where::tree;
    tree_.begin(is_object);
  }
}

void TokenizerReader::end() {
  switch (where_) {
    case Where::skipped:
      if (--skipped_depth_ == 0) where_ = before_;
      return;
    case Where::tree: {
      tree_.end();
      if (!tree_.is_done()) return;
      where_ = before_;
      const JsonValue value = tree_.take();
      if (where_ == Where::added_tokens) return take_added_token(value);
      return where_ == Where::top ? take_member(key_, value) : take_model_member(key_, value);
    }
    case Where::top:
      where_ = Where::outside;
      return;
    case Where::added_tokens:
    case Where::model:
      where_ = Where::top;
      return;
    case Where::vocabulary:
      vocabulary_.index();
      [[fallthrough]];
    case Where::merges:
      where_ = Where::model;
      return;
    case Where::merge_pair:
      if (halves_ != 2) refuse("merge " + std::to_string(parts_.merges.size()) + " is not two tokens");
      where_ = Where::merges;
      return;
    case Where::outside:
      return;
  }
}

void TokenizerReader::merge_half(std::string_view half) {
  if (++halves_ == 1) {
    first_half_ = half;
    return;
  }
  if (halves_ > 2) refuse("merge " + std::to_string(parts_.merges.size()) + " is not two tokens");
  add_merge(vocabulary_.merge_of(*first_half_, half, parts_.merges.size()));
}

void TokenizerReader::take_member(const std::string& name, const JsonValue& value) {
  if (pass_ == Pass::merges) return;
  if (name == "pre_tokenizer") return take_pre_tokenizer(value);
  if (name == "normalizer") {
    const JsonValue* parts = value.find("normalizers");
    const bool empty = parts != nullptr && parts->if_array() != nullptr && parts->if_array()->empty();
    if (!value.is_null() && !empty) refuse("it has a normalizer, which is not supported: " + value.dump().substr(0, 100));
  } else if (name == "decoder") {
    const JsonValue* type = value.find("type");
    const bool byte_level = type != nullptr && type->if_string() != nullptr && *type->if_string() == "ByteLevel";
    if (!value.is_null() && !byte_level) refuse("its decoder is not ByteLevel");
  } else if (name == "post_processor") {
    parts_.tokens_around_text = tokens_around_text(value);
  } else if (name == "model" || (name == "added_tokens" && !value.is_null())) {
    refuse("'" + name + "' is not what it should be");
  }
}

void TokenizerReader::take_model_member(const std::string& name, const JsonValue& value) {
  if (pass_ == Pass::merges) return;
  const bool nothing = value.is_null() || (value.if_string() != nullptr && value.if_string()->empty());
  double number = 0;
  if (name == "type") {
    if (value.if_string() == nullptr || *value.if_string() != "BPE") refuse("its model is not BPE");
  } else if (name == "lm_end_of_text") {
    if (value.if_string() == nullptr) refuse("'lm_end_of_text' is not a string");
    parts_.end_of_text = *value.if_string();
  } else if (name == "ignore_merges") {
    if (value.if_bool() == nullptr) refuse("'ignore_merges' is not true or false");
    parts_.ignore_merges = *value.if_bool();
  } else if (name == "byte_fallback") {
    if (!is_false_or_absent(&value)) refuse("byte_fallback is not supported; it is not a byte-level tokenizer");
  } else if (name == "continuing_subword_prefix" || name == "end_of_word_suffix") {
    if (!nothing) refuse("'" + name + "' is not supported");
  } else if (name == "dropout") {
    if (!nothing && !(value.to_double(number) && number == 0)) refuse("'dropout' is not supported");
  } else if (name == "vocab" || name == "merges") {
    refuse("'" + name + "' is not what it should be");
  }
}

void TokenizerReader::take_added_token(const JsonValue& token) {
  for (const char* flag : {"single_word", "lstrip", "rstrip"}) {
    if (!is_false_or_absent(token.find(flag))) refuse(std::string("an added token with '") + flag + "' is not supported");
  }
  const JsonValue* id = token.find("id");
  const JsonValue* content = token.find("content");
  if (id == nullptr || id->if_integer() == nullptr || content == nullptr || content->if_string() == nullptr) {
    refuse("an added token lacks its 'id' or 'content'");
  }
  vocabulary_.add_literal(*content->if_string(), *id->if_integer(), !is_false_or_absent(token.find("special")));
}

Pattern TokenizerReader::pattern_of_split(const JsonValue& split) const {
  const JsonValue* pattern = split.find("pattern");
  const JsonValue* regex = pattern == nullptr ? nullptr : pattern->find("Regex");
  const JsonValue* behavior = split.find("behavior");
  const JsonValue* invert = split.find("invert");
  const std::string how = behavior != nullptr && behavior->if_string() != nullptr ? *behavior->if_string() : "";
  const bool inverted = !is_false_or_absent(invert);
  // The patterns leave nothing between their matches, so removing what is not matched isolates the matches.
  if (regex == nullptr || regex->if_string() == nullptr ||
      !((how == "Isolated" && !inverted) || (how == "Removed" && inverted))) {
    refuse("its pre_tokenizer splits in a way that is not supported");
  }
  const std::optional<Pattern> known = pattern_of_regex(*regex->if_string());
  if (!known)
    refuse("its pattern is none of " + choice_list<Pattern>() + ": " + json_quote(regex->if_string()->substr(0, 200)));
  return *known;
}

void TokenizerReader::take_pre_tokenizer(const JsonValue& value) {
  const auto type_of = [](const JsonValue& part) {
    const JsonValue* type = part.find("type");
    return type != nullptr && type->if_string() != nullptr ? *type->if_string() : std::string();
  };
  const JsonValue* sequence = type_of(value) == "Sequence" ? value.find("pretokenizers") : nullptr;
  const JsonValue::Array alone = {value};
  const JsonValue::Array& steps = sequence != nullptr && sequence->if_array() != nullptr ? *sequence->if_array() : alone;
  if (steps.empty() || steps.size() > 2 || type_of(steps.back()) != "ByteLevel" ||
      (steps.size() == 2 && type_of(steps[0]) != "Split")) {
    refuse("its pre_tokenizer is not ByteLevel, or Split and ByteLevel");
  }
  const JsonValue* use_regex = steps.back().find("use_regex");
  const bool own_regex = use_regex == nullptr || use_regex->if_bool() == nullptr || *use_regex->if_bool();
  const JsonValue* prefix_space = steps.back().find("add_prefix_space");
  if (prefix_space == nullptr || !is_false_or_absent(prefix_space)) refuse("add_prefix_space is not supported");
  if (steps.size() == 2 && own_regex) refuse("its pre_tokenizer splits twice, which is not supported");
  parts_.pattern = steps.size() == 2 ? pattern_of_split(steps[0]) : own_regex ? Pattern::gpt2 : Pattern::none;
}

TokenizerParts TokenizerReader::finish() {
  for (const char* needed : {"model", "model.vocab", "model.merges", "pre_tokenizer"}) {
    if (!seen_.contains(needed)) refuse(std::string("'") + needed + "' is missing; is it a byte-level BPE tokenizer.json?");
  }
  vocabulary_.move_to(parts_);
  return std::move(parts_);
}

}  // namespace

TokenizerParts read_tokenizer_json(std::string_view text, std::string_view source) {
  TokenizerReader reader(text, source);
  reader.start(TokenizerReader::Pass::everything);
  parse_json_events(text, source, reader);
  if (reader.needs_second_pass()) {
    reader.start(TokenizerReader::Pass::merges);
    parse_json_events(text, source, reader);
  }
  return reader.finish();
}

}  // namespace lm
