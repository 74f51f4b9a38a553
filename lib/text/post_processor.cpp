#include "text/post_processor.h"

#include <string>

#include "base/error.h"

namespace lm {

namespace {

constexpr int kDeepestProcessor = 8;

[[noreturn]] void refuse_processor(std::string_view source, const std::string& why) {
  throw Error("invalid tokenizer '" + std::string(source) + "': its post-processor " + why);
}

TokenId token_id(const JsonValue& value, std::string_view source) {
  const std::int64_t* id = value.if_integer();
  if (id == nullptr || *id < 0 || *id >= (std::int64_t{1} << 31)) refuse_processor(source, "has a token id that is none");
  return static_cast<TokenId>(*id);
}

/// Appends the ids that "special_tokens" lists for a name.
void add_special(const JsonValue& processor, const std::string& name, std::string_view source, std::vector<TokenId>& ids) {
  const JsonValue* table = processor.find("special_tokens");
  const JsonValue* entry = table == nullptr ? nullptr : table->find(name);
  const JsonValue* list = entry == nullptr ? nullptr : entry->find("ids");
  if (list == nullptr || list->if_array() == nullptr)
    refuse_processor(source, "names the token " + json_quote(name.substr(0, 100)) + ", whose ids it does not list");
  for (const JsonValue& id : *list->if_array()) ids.push_back(token_id(id, source));
}

/// Takes the steps of "single": special tokens before or after the text, which is a Sequence.
TokensAround read_template(const JsonValue& processor, std::string_view source) {
  TokensAround around;
  const JsonValue* steps = processor.find("single");
  if (steps == nullptr || steps->if_array() == nullptr) refuse_processor(source, "has no list 'single'");
  bool text_seen = false;
  for (const JsonValue& step : *steps->if_array()) {
    text_seen = text_seen || step.find("Sequence") != nullptr;
    const JsonValue* token = step.find("SpecialToken");
    if (token != nullptr)
      add_special(processor, token->string_at("id", source), source, text_seen ? around.after : around.before);
  }
  return around;
}

/// Reads a pair such as "cls": ["<s>", 0].
TokenId read_pair(const JsonValue& processor, std::string_view key, std::string_view source) {
  const JsonValue* pair = processor.find(key);
  if (pair == nullptr || pair->if_array() == nullptr || pair->if_array()->size() != 2)
    refuse_processor(source, "has no pair '" + std::string(key) + "' of a token and its id");
  return token_id(pair->if_array()->back(), source);
}

TokensAround read_processor(const JsonValue& processor, std::string_view source, int depth) {
  if (processor.is_null()) return {};
  const JsonValue* stated = processor.find("type");
  const std::string type = stated != nullptr && stated->if_string() != nullptr ? *stated->if_string() : "";
  if (type == "ByteLevel") return {};
  if (type == "TemplateProcessing") return read_template(processor, source);
  if (type == "RobertaProcessing" || type == "BertProcessing")
    return {.before = {read_pair(processor, "cls", source)}, .after = {read_pair(processor, "sep", source)}};
  if (type != "Sequence" || depth == 0) {
    refuse_processor(source, "is of the type " + json_quote(type.substr(0, 100)) +
                                 "; known: BertProcessing, ByteLevel, RobertaProcessing, Sequence, TemplateProcessing");
  }
  TokensAround around;
  const JsonValue* steps = processor.find("processors");
  if (steps == nullptr || steps->if_array() == nullptr) refuse_processor(source, "has no list 'processors'");
  for (const JsonValue& step : *steps->if_array()) {
    const TokensAround more = read_processor(step, source, depth - 1);
    around.before.insert(around.before.begin(), more.before.begin(), more.before.end());
    around.after.insert(around.after.end(), more.after.begin(), more.after.end());
  }
  return around;
}

JsonValue object(std::initializer_list<std::pair<std::string_view, JsonValue>> members) {
  JsonValue value = JsonValue(JsonValue::Object());
  for (const auto& [key, member] : members) value.set(key, member);
  return value;
}

}  // namespace

TokensAround read_post_processor(const JsonValue& post_processor, std::string_view source) {
  return read_processor(post_processor, source, kDeepestProcessor);
}

JsonValue post_processor_json(const TokensAround& around, const std::vector<std::string>& before_names,
                              const std::vector<std::string>& after_names) {
  if (around.before.empty() && around.after.empty()) return {};
  JsonValue::Array single, pair;
  JsonValue special = JsonValue(JsonValue::Object());
  const auto add_text = [](JsonValue::Array& steps, const char* id, int type) {
    steps.push_back(object({{"Sequence", object({{"id", id}, {"type_id", type}})}}));
  };
  const auto add_tokens = [&](JsonValue::Array& steps, const std::vector<std::string>& names, int type) {
    for (const std::string& name : names)
      steps.push_back(object({{"SpecialToken", object({{"id", name}, {"type_id", type}})}}));
  };
  const auto describe = [&](const std::vector<std::string>& names, const std::vector<TokenId>& ids) {
    for (std::size_t i = 0; i < names.size(); ++i) {
      special.set(names[i], object({{"id", names[i]},
                                    {"ids", JsonValue::Array{JsonValue(std::int64_t{ids[i]})}},
                                    {"tokens", JsonValue::Array{JsonValue(names[i])}}}));
    }
  };
  add_tokens(single, before_names, 0);
  add_text(single, "A", 0);
  add_tokens(single, after_names, 0);
  pair = single;
  add_tokens(pair, before_names, 1);
  add_text(pair, "B", 1);
  add_tokens(pair, after_names, 1);
  describe(before_names, around.before);
  describe(after_names, around.after);
  return object({{"type", "TemplateProcessing"}, {"single", single}, {"pair", pair}, {"special_tokens", special}});
}

}  // namespace lm
