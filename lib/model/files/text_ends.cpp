#include "model/files/text_ends.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/path.h"

namespace lm {

namespace {

/// Returns a file of a folder; null if there is none, or if it is no object.
JsonValue read_if_present(const FolderTexts& texts, const char* file, const std::string& path) {
  const auto text = texts.find(file);
  return text == texts.end() ? JsonValue() : JsonValue::parse(text->second, path);
}

[[noreturn]] void refuse_value(const std::string& path, const char* key, const JsonValue& value, const char* expected) {
  throw Error("cannot use '" + path + "': '" + key + "' is " + value.dump().substr(0, 100) + ", expected " + expected);
}

/// Calls take() with the value of a key, or with each of a list; not if it is absent or null.
template <class Take>
void for_each_value(const JsonValue& json, const char* key, Take take) {
  const JsonValue* value = json.find(key);
  if (value == nullptr || value->is_null()) return;
  if (const JsonValue::Array* values = value->if_array()) {
    for (const JsonValue& one : *values) take(one);
  } else {
    take(*value);
  }
}

bool is_id(std::int64_t number, std::int64_t vocab_size) { return number >= 0 && number < vocab_size; }

void take_ids(const FolderTexts& texts, const std::string& folder, const char* file, std::int64_t vocab_size, TextEnds& ends,
              std::vector<std::string>& notes) {
  constexpr const char* kKey = "eos_token_id";
  const std::string path = join_path(folder, file);
  for_each_value(read_if_present(texts, file, path), kKey, [&](const JsonValue& value) {
    const std::int64_t* number = value.if_integer();
    if (number == nullptr) refuse_value(path, kKey, value, "a token id or a list of ids");
    if (is_id(*number, vocab_size)) return add_end(ends.ids, static_cast<TokenId>(*number));
    notes.push_back(std::string(file) + " names " + std::to_string(*number) + " as '" + kKey +
                    "', which is not in the model's vocabulary of " + std::to_string(vocab_size) + "; it is ignored");
  });
}

void take_tokens(const FolderTexts& texts, const std::string& folder, TextEnds& ends) {
  constexpr const char* kKey = "eos_token";
  constexpr const char* kFile = "tokenizer_config.json";
  const std::string path = join_path(folder, kFile);
  for_each_value(read_if_present(texts, kFile, path), kKey, [&](const JsonValue& value) {
    const JsonValue* content = value.if_object() != nullptr ? value.find("content") : &value;  // an AddedToken, or its name
    if (content == nullptr || content->if_string() == nullptr)
      refuse_value(path, kKey, value, "a token's name, an object with its 'content', or a list of these");
    const std::string& name = *content->if_string();
    const bool is_known = std::find(ends.tokens.begin(), ends.tokens.end(), name) != ends.tokens.end();
    if (!name.empty() && !is_known) ends.tokens.push_back(name);
  });
}

}  // namespace

void add_end(std::vector<TokenId>& ids, TokenId id) {
  const auto place = std::lower_bound(ids.begin(), ids.end(), id);
  if (place == ids.end() || *place != id) ids.insert(place, id);
}

TextEnds read_text_ends(const FolderTexts& texts, const std::string& folder, std::int64_t vocab_size,
                        std::vector<std::string>& notes) {
  TextEnds ends;
  for (const char* file : {"generation_config.json", "config.json"}) take_ids(texts, folder, file, vocab_size, ends, notes);
  take_tokens(texts, folder, ends);
  return ends;
}

JsonValue text_ends_to_json(const std::vector<TokenId>& ids) {
  JsonValue::Array values;
  for (const TokenId id : ids) values.emplace_back(static_cast<std::int64_t>(id));
  return values;
}

std::vector<TokenId> text_ends_from_json(std::string_view json, std::int64_t vocab_size, std::string_view source) {
  const JsonValue value = JsonValue::parse(json, source);
  std::vector<TokenId> ids;
  const bool is_list = value.if_array() != nullptr;
  for (const JsonValue& one : is_list ? *value.if_array() : JsonValue::Array()) {
    if (one.if_integer() == nullptr || !is_id(*one.if_integer(), vocab_size))
      throw Error("invalid lm.ends in '" + std::string(source) + "': " + one.dump().substr(0, 100) +
                  " is no id of its vocabulary");
    add_end(ids, static_cast<TokenId>(*one.if_integer()));
  }
  if (!is_list) throw Error("invalid lm.ends in '" + std::string(source) + "': it is no list of token ids");
  return ids;
}

}  // namespace lm
