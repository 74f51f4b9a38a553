// Reading a Hugging Face tokenizer.json event by event: what is large goes straight to where it stays, what is small becomes
// a little tree, what does not matter to encoding is skipped, and what we cannot reproduce is refused.
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "text/files/exact_form.h"
#include "text/files/model_members.h"
#include "text/files/spelled_vocabulary.h"
#include "text/files/tokenizer_json.h"
#include "text/files/tree_builder.h"
#include "text/pattern/pretokenizer.h"

namespace lm {

namespace {

bool is_false_or_absent(const JsonValue* value) {
  return value == nullptr || value->is_null() || (value->if_bool() != nullptr && !*value->if_bool());
}

class TokenizerReader final : public JsonHandler {
 public:
  /// The merges need the vocabulary. If they come first, they are left out, and a second pass reads only them.
  enum class Pass { everything, merges };

  TokenizerReader(std::string_view text, std::string_view source)
      : source_(source), vocabulary_(source, text.size()), tree_(source), members_(source) {
    parts_.merges.reserve(text.size() / 6);  // "a b", is the shortest; what is not used costs addresses only
  }

  void start(Pass pass) { pass_ = pass; }
  bool needs_second_pass() const { return merges_left_out_; }
  TokenizerParts finish();

  void null() override { scalar(JsonValue()); }
  void boolean(bool value) override { scalar(JsonValue(value)); }
  void integer(std::int64_t value) override {
    if (where_ == Where::vocabulary) return vocabulary_.add(key_, value);
    if (where_ == Where::piece) return piece_score(static_cast<double>(value));
    scalar(JsonValue(value));
  }
  void real(double value) override {
    if (where_ == Where::piece) return piece_score(value);
    scalar(JsonValue(value));
  }
  void string(std::string_view value) override {
    if (where_ == Where::merges) return add_merge(vocabulary_.merge_of(value, parts_.merges.size()));
    if (where_ == Where::merge_pair) return merge_half(value);
    if (where_ == Where::piece) return piece_spelling(value);
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
  enum class Where { outside, top, added_tokens, model, vocabulary, pieces, piece, merges, merge_pair, tree, skipped };

  [[noreturn]] void refuse(const std::string& why) const { throw Error("invalid tokenizer '" + source_ + "': " + why); }
  void scalar(JsonValue value);
  void begin(bool is_object);
  void end();
  void take_member(const std::string& name, const JsonValue& value);
  void take_added_token(const JsonValue& token);
  JsonValue* member_of(const std::string& name);
  void piece_spelling(std::string_view spelling);
  void piece_score(double score);
  [[noreturn]] void refuse_piece() const;
  bool is_byte_level() const;
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
  int piece_parts_ = 0;
  TokenizerParts parts_;
  ModelMembers members_;
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
      if (pass_ == Pass::everything) members_.take(key_, value, parts_);
      return;
    case Where::outside:
      refuse("it is not a JSON object");
    case Where::vocabulary:
      refuse("the id of the token " + json_quote(key_) + " is not an integer");
    case Where::pieces:
    case Where::piece:
      refuse_piece();
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
      if (key_ == "vocab" && pass_ == Pass::everything) where_ = is_object ? Where::vocabulary : Where::pieces;
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
    case Where::pieces:
      if (is_object) refuse_piece();
      where_ = Where::piece;
      piece_parts_ = 0;
      return;
    case Where::piece:
      refuse_piece();
    case Where::vocabulary:
      refuse("the id of the token " + json_quote(key_) + " is not an integer");
    case Where::merge_pair:
      refuse("merge " + std::to_string(parts_.merges.size()) + " is not a string or two strings");
  }
  if (where_ != from) return;
  before_ = from;
  const bool merges_for_later = from == Where::model && key_ == "merges" && !is_object;
  const bool matters = from != Where::top || member_of(key_) != nullptr || key_ == "model" || key_ == "added_tokens";
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
      if (where_ == Where::top) return take_member(key_, value);
      if (pass_ == Pass::everything) members_.take(key_, value, parts_);
      return;
    }
    case Where::top:
      where_ = Where::outside;
      return;
    case Where::added_tokens:
    case Where::model:
      where_ = Where::top;
      return;
    case Where::piece:
      if (piece_parts_ != 2) refuse_piece();
      where_ = Where::pieces;
      return;
    case Where::pieces:
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

void TokenizerReader::refuse_piece() const {
  refuse("its vocabulary is neither tokens and ids nor pairs of a token and its score");
}

void TokenizerReader::piece_spelling(std::string_view spelling) {
  if (piece_parts_++ != 0) refuse_piece();
  vocabulary_.add(spelling, static_cast<std::int64_t>(parts_.scores.size()));
}

void TokenizerReader::piece_score(double score) {
  if (piece_parts_++ != 1) refuse_piece();
  parts_.scores.push_back(score);
}

/// Returns where a member of the top level that is kept goes; null for any other.
JsonValue* TokenizerReader::member_of(const std::string& name) {
  TokenizerComponents& kept = parts_.components;
  if (name == "normalizer") return &kept.normalizer;
  if (name == "pre_tokenizer") return &kept.pre_tokenizer;
  if (name == "post_processor") return &kept.post_processor;
  if (name == "decoder") return &kept.decoder;
  if (name == "truncation") return &kept.truncation;
  if (name == "padding") return &kept.padding;
  return nullptr;
}

void TokenizerReader::take_member(const std::string& name, const JsonValue& value) {
  if (pass_ == Pass::merges) return;
  if (JsonValue* member = member_of(name)) {
    *member = value;
  } else if (name == "model" || (name == "added_tokens" && !value.is_null())) {
    refuse("'" + name + "' is not what it should be");
  }
}

void TokenizerReader::take_added_token(const JsonValue& token) {
  const JsonValue* id = token.find("id");
  const JsonValue* content = token.find("content");
  if (id == nullptr || id->if_integer() == nullptr || content == nullptr || content->if_string() == nullptr) {
    refuse("an added token lacks its 'id' or 'content'");
  }
  const auto flag = [&](const char* name) { return !is_false_or_absent(token.find(name)); };
  vocabulary_.add_literal(*content->if_string(), *id->if_integer(),
                          {.id = 0,
                           .special = flag("special"),
                           .single_word = flag("single_word"),
                           .lstrip = flag("lstrip"),
                           .rstrip = flag("rstrip"),
                           .normalized = flag("normalized")});
}

/// Returns whether this is byte-level BPE whose pretokens a scanner finds.
bool TokenizerReader::is_byte_level() const {
  const bool plain = parts_.kind == ModelKind::bpe && !parts_.byte_fallback && parts_.subword_prefix.empty() &&
                     parts_.word_suffix.empty() && parts_.origin != TokenizerParts::Origin::sentencepiece &&
                     !parts_.newline_runs && parts_.scores.empty() && !(parts_.unknown && parts_.fuse_unknown);
  const JsonValue* decoder = parts_.components.decoder.find("type");
  const bool decodes_bytes = parts_.components.decoder.is_null() ||
                             (decoder != nullptr && decoder->if_string() != nullptr && *decoder->if_string() == "ByteLevel");
  return plain && decodes_bytes && pattern_of_pre_tokenizer(parts_.components.pre_tokenizer) && vocabulary_.is_byte_level();
}

TokenizerParts TokenizerReader::finish() {
  for (const char* needed : {"model", "model.vocab"}) {
    if (!seen_.contains(needed)) refuse(std::string("'") + needed + "' is missing; is it a tokenizer.json?");
  }
  const bool has_merges = seen_.contains("model.merges");
  parts_.kind = members_.kind(has_merges);
  if (parts_.kind == ModelKind::bpe && !has_merges) refuse("'model.merges' is missing");
  if ((parts_.kind == ModelKind::unigram) == parts_.scores.empty()) refuse_piece();
  parts_.unknown = members_.unknown(parts_, [&](std::string_view spelling) { return vocabulary_.find(spelling); });
  if (!members_.exact_form().is_null()) read_exact_form(members_.exact_form(), source_, parts_);
  if (members_.post_processor()) parts_.components.post_processor = *members_.post_processor();
  parts_.form = is_byte_level() ? TokenizerParts::Form::bytes : TokenizerParts::Form::spelled;
  if (parts_.form == TokenizerParts::Form::bytes)
    parts_.pattern = *pattern_of_pre_tokenizer(parts_.components.pre_tokenizer);
  vocabulary_.move_to(parts_);
  check_exact_form(parts_, source_);
  if (!parts_.word_prefix.empty()) mark_word_begins(parts_);
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
