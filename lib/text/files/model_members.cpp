#include "text/files/model_members.h"

#include "base/error.h"

namespace lm {

void ModelMembers::refuse(const std::string& why) const { throw Error("invalid tokenizer '" + source_ + "': " + why); }

bool ModelMembers::boolean(const std::string& name, const JsonValue& value) const {
  if (value.is_null()) return false;
  if (value.if_bool() == nullptr) refuse("'" + name + "' is not true or false");
  return *value.if_bool();
}

std::string ModelMembers::string(const std::string& name, const JsonValue& value) const {
  if (value.is_null()) return {};
  if (value.if_string() == nullptr) refuse("'" + name + "' is not a string");
  return *value.if_string();
}

/// Takes the members that only this toolkit writes.
bool ModelMembers::take_own(const std::string& name, const JsonValue& value, TokenizerParts& parts) {
  if (name == "lm_end_of_text") {
    parts.end_of_text = string(name, value);
  } else if (name == "lm_begin") {
    parts.begin = string(name, value);
  } else if (name == "lm_exact") {
    exact_ = value;
  } else if (name == "lm_post_processor") {
    post_processor_ = value;
  } else if (name == "lm_tokenizer_config") {
    parts.components.config = string(name, value);
  } else {
    return false;
  }
  return true;
}

void ModelMembers::take(const std::string& name, const JsonValue& value, TokenizerParts& parts) {
  if (take_own(name, value, parts)) return;
  double number = 0;
  if (name == "type") {
    kind_ = find_choice<ModelKind>(string(name, value));
    if (!kind_)
      refuse("its model is " + json_quote(string(name, value).substr(0, 100)) + "; known: " + choice_list<ModelKind>());
  } else if (name == "ignore_merges") {
    parts.ignore_merges = boolean(name, value);
  } else if (name == "byte_fallback") {
    parts.byte_fallback = boolean(name, value);
  } else if (name == "fuse_unk") {
    parts.fuse_unknown = boolean(name, value);
  } else if (name == "unk_token") {
    unknown_ = string(name, value);
  } else if (name == "unk_id") {
    if (value.if_integer() != nullptr) unknown_id_ = *value.if_integer();
    if (value.if_integer() == nullptr && !value.is_null()) refuse("'unk_id' is not a token id");
  } else if (name == "continuing_subword_prefix") {
    parts.subword_prefix = string(name, value);
  } else if (name == "end_of_word_suffix") {
    parts.word_suffix = string(name, value);
  } else if (name == "max_input_chars_per_word") {
    if (value.if_integer() == nullptr || *value.if_integer() < 0) refuse("'max_input_chars_per_word' is not a number");
    parts.max_word_characters = *value.if_integer();
  } else if (name == "dropout") {
    if (!value.is_null() && !(value.to_double(number) && number == 0))
      refuse("'dropout' is not supported: the same text would give other tokens each time; set it to null");
  } else if (name == "vocab" || name == "merges") {
    refuse("'" + name + "' is not what it should be");
  }
}

ModelKind ModelMembers::kind(bool has_merges) const {
  if (!kind_ && !has_merges) refuse("its model has no 'type'");
  return kind_.value_or(ModelKind::bpe);
}

std::optional<TokenId> ModelMembers::unknown(const TokenizerParts& parts, const FindSpelling& find) const {
  if (unknown_id_) {
    if (*unknown_id_ < 0 || *unknown_id_ >= static_cast<std::int64_t>(parts.scores.size()))
      refuse("'unk_id' is " + std::to_string(*unknown_id_) + ", which is no token");
    return static_cast<TokenId>(*unknown_id_);
  }
  const bool is_needed = parts.kind == ModelKind::wordpiece || parts.kind == ModelKind::wordlevel;
  std::string spelling = unknown_;
  if (spelling.empty() && is_needed) spelling = parts.kind == ModelKind::wordpiece ? "[UNK]" : "<unk>";
  if (spelling.empty()) return std::nullopt;
  const std::optional<TokenId> id = find(spelling);
  if (!id && is_needed) refuse("its unknown token " + json_quote(spelling.substr(0, 100)) + " is not in the vocabulary");
  return id;
}

}  // namespace lm
