#include "text/files/tokenizer_config.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <initializer_list>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "text/post_processor.h"

namespace lm {

namespace {

std::string string_at(const JsonValue& object, std::string_view key) {
  const JsonValue* value = object.find(key);
  return value != nullptr && value->if_string() != nullptr ? *value->if_string() : std::string();
}

/// Returns the name of a token, which is a string or the object of an added token.
std::string token_at(const JsonValue& config, std::string_view key) {
  const JsonValue* token = config.find(key);
  return token != nullptr && token->if_object() != nullptr ? string_at(*token, "content") : string_at(config, key);
}

JsonValue read_json_file(const std::string& path) {
  if (!std::filesystem::exists(path)) return {};
  const FileContent file = FileContent::read(path, kTokenizerLimit);
  return JsonValue::parse(file.text(), path);
}

// Classes that cut text by one of our patterns, and the names of the tokens that they put around a text.
struct VocabularyClass {
  std::string_view name;
  Pattern pattern;
  bool nfc;
  std::string_view before, after;
};
constexpr std::array<VocabularyClass, 8> kClasses = {{{"GPT2Tokenizer", Pattern::gpt2, false, "", ""},
                                                      {"CodeGenTokenizer", Pattern::gpt2, false, "", ""},
                                                      {"Qwen2Tokenizer", Pattern::qwen2, true, "", ""},
                                                      {"RobertaTokenizer", Pattern::gpt2, false, "<s>", "</s>"},
                                                      {"BartTokenizer", Pattern::gpt2, false, "<s>", "</s>"},
                                                      {"LongformerTokenizer", Pattern::gpt2, false, "<s>", "</s>"},
                                                      {"LEDTokenizer", Pattern::gpt2, false, "<s>", "</s>"},
                                                      {"MvpTokenizer", Pattern::gpt2, false, "<s>", "</s>"}}};
// The model types that imply the pattern gpt2 if no class is named.
constexpr std::array<std::string_view, 11> kGpt2Types = {"gpt2", "gpt_neo", "gptj",       "opt", "codegen",   "phi",
                                                         "bart", "roberta", "longformer", "led", "starcoder2"};

[[noreturn]] void refuse_unknown(const std::string& folder, const std::string& what) {
  throw Error("cannot use the tokenizer '" + folder + "': vocab.json and merges.txt do not say how text is cut, and " +
              what +
              " is not known to cut as GPT-2 does; use its tokenizer.json, or name the pattern, such as --pattern qwen2");
}

void put_around(TokenizerParts& parts, std::string_view before, std::string_view after) {
  TokensAround around;
  std::vector<std::string> before_names, after_names;
  const auto add = [&](std::string_view name, std::vector<TokenId>& ids, std::vector<std::string>& names) {
    const std::optional<TokenId> id = find_token(parts.tokens, name);
    if (!id || name.empty()) return;
    ids.push_back(*id);
    names.emplace_back(name);
  };
  add(before, around.before, before_names);
  add(after, around.after, after_names);
  parts.components.post_processor = post_processor_json(around, before_names, after_names);
}

}  // namespace

std::optional<bool> TokenizerConfig::flag(std::string_view key) const {
  const JsonValue* value = json.find(key);
  return value != nullptr && value->if_bool() != nullptr ? std::optional(*value->if_bool()) : std::nullopt;
}

TokenizerConfig TokenizerConfig::read(const std::string& folder) {
  TokenizerConfig config;
  const std::string path = folder + "/tokenizer_config.json", chat_template = folder + "/chat_template.jinja";
  if (std::filesystem::exists(path)) {
    config.text = FileContent::read(path, kTokenizerLimit).text();
    config.json = JsonValue::parse(config.text, path);
    const std::size_t brace = config.text.find('{');
    const bool is_beside = config.json.find("chat_template") == nullptr && std::filesystem::exists(chat_template);
    if (is_beside && config.json.if_object() != nullptr) {  // as newer folders have it
      const bool alone = config.json.if_object()->empty();
      config.text.insert(
          brace + 1,
          "\"chat_template\":" + json_quote(FileContent::read(chat_template, kTokenizerLimit).text()) + (alone ? "" : ","));
    }
  }
  config.stated_class = string_at(config.json, "tokenizer_class");
  config.class_name = config.stated_class;
  if (config.class_name.ends_with("Fast")) config.class_name.resize(config.class_name.size() - 4);
  config.model_type = string_at(read_json_file(folder + "/config.json"), "model_type");
  const JsonValue map = read_json_file(folder + "/special_tokens_map.json");  // says the same in older folders
  const auto named = [&](const char* key) {
    const std::string name = token_at(config.json, key);
    return name.empty() ? token_at(map, key) : name;
  };
  config.end_of_text = named("eos_token");
  if (config.end_of_text.empty()) config.end_of_text = named("sep_token");
  config.begin = named("bos_token");
  config.adds_begin = config.flag("add_bos_token");
  config.adds_prefix_space = config.flag("add_prefix_space").value_or(false);
  return config;
}

namespace {

/// Calls add(content, id, flags) for each token of "added_tokens_decoder", or of added_tokens.json beside it.
template <class Add>
void for_each_configured(const TokenizerConfig& config, const std::string& folder, Add&& add) {
  const JsonValue* table = config.json.find("added_tokens_decoder");
  if (table != nullptr && table->if_object() != nullptr && !table->if_object()->empty()) {
    for (const JsonValue::Member& member : *table->if_object()) {
      std::int64_t id = 0;
      const char* const end = member.first.data() + member.first.size();
      const auto [stop, error] = std::from_chars(member.first.data(), end, id);
      if (error != std::errc() || stop != end) {
        throw Error("invalid tokenizer '" + folder + "': " + json_quote(member.first.substr(0, 100)) +
                    " in 'added_tokens_decoder' of its tokenizer_config.json is no token id");
      }
      const JsonValue& token = member.second;
      add(string_at(token, "content"), id,
          AddedToken{.id = 0,
                     .special = json_is_set(token, "special"),
                     .single_word = json_is_set(token, "single_word"),
                     .lstrip = json_is_set(token, "lstrip"),
                     .rstrip = json_is_set(token, "rstrip"),
                     .normalized = json_is_set(token, "normalized")});
    }
    return;
  }
  const JsonValue added = read_json_file(folder + "/added_tokens.json");  // as folders had it before there was the table
  if (added.if_object() == nullptr) return;
  for (const JsonValue::Member& member : *added.if_object()) {
    if (member.second.if_integer() == nullptr)
      throw Error("invalid tokenizer '" + folder + "': its added_tokens.json is not an object of tokens and ids");
    add(member.first, *member.second.if_integer(), AddedToken{.id = 0, .special = false});
  }
}

/// Adds a token to a vocabulary, or finds it there.
void add_token(const std::string& content, std::int64_t id, AddedToken flags, const std::string& folder,
               TokenizerParts& parts) {
  constexpr std::int64_t kMostUnused = 65536;
  const std::int64_t size = parts.tokens.size();
  if (content.empty() || id < 0 || id > size + kMostUnused ||
      (id < size && parts.tokens[static_cast<TokenId>(id)] != content)) {
    throw Error("invalid tokenizer '" + folder + "': the added token " + json_quote(content.substr(0, 100)) +
                " has the id " + std::to_string(id) + ", which is not its own in the vocabulary");
  }
  flags.id = static_cast<TokenId>(id);
  flags.in_model = id < size;
  while (parts.tokens.size() < flags.id) parts.tokens.push_back({});
  if (parts.tokens.size() == flags.id) parts.tokens.push_back(content);
  std::erase_if(parts.added, [&](const AddedToken& token) { return token.id == flags.id; });
  parts.added.push_back(flags);
}

/// Marks tokens that a class knows by name, if the vocabulary has them and no file says more about them.
void mark_class_tokens(TokenizerParts& parts, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const std::optional<TokenId> id = find_token(parts.tokens, name);
    const auto is_added = [&](const AddedToken& token) { return token.id == *id; };
    if (!id || std::any_of(parts.added.begin(), parts.added.end(), is_added)) continue;
    parts.added.push_back({.id = *id, .special = true, .lstrip = name == "<mask>"});
  }
}

}  // namespace

void add_configured_tokens(const TokenizerConfig& config, const std::string& folder, SpelledVocabulary& vocabulary) {
  for_each_configured(config, folder, [&](const std::string& content, std::int64_t id, const AddedToken& flags) {
    vocabulary.add_literal(content, id, flags);
  });
}

void add_configured_tokens(const TokenizerConfig& config, const std::string& folder, TokenizerParts& parts) {
  std::map<std::int64_t, std::pair<std::string, AddedToken>> tokens;
  for_each_configured(config, folder, [&](const std::string& content, std::int64_t id, const AddedToken& flags) {
    tokens[id] = {content, flags};
  });
  for (const auto& [id, token] : tokens) add_token(token.first, id, token.second, folder, parts);
}

void apply_sentencepiece_class(const TokenizerConfig& config, const std::string& folder, TokenizerParts& parts) {
  const std::string& name = config.class_name;
  const bool is_gemma = name == "GemmaTokenizer";
  const bool is_llama = name == "LlamaTokenizer" || name == "CodeLlamaTokenizer";
  const bool is_t5 = name == "T5Tokenizer";
  if (!name.empty() && !is_llama && !is_gemma && !is_t5 && name != "BertGenerationTokenizer" &&
      name != "PreTrainedTokenizer") {
    throw Error("cannot use the tokenizer '" + folder + "': its class " + config.stated_class +
                " is not known to use its SentencePiece file as it is; use its tokenizer.json, or give the file itself");
  }
  add_configured_tokens(config, folder, parts);
  const bool lacks_sentinels = is_t5 && !find_token(parts.tokens, "<extra_id_0>");
  const JsonValue* stated = config.json.find("extra_ids");
  const std::int64_t sentinels = stated != nullptr && stated->if_integer() != nullptr ? *stated->if_integer() : 100;
  for (std::int64_t i = std::min<std::int64_t>(sentinels, 1000) - 1; lacks_sentinels && i >= 0; --i) {
    add_token("<extra_id_" + std::to_string(i) + ">", parts.tokens.size(), {.id = 0, .special = true}, folder, parts);
  }
  const auto own = [&](const std::string& configured, const char* key) {
    return configured.empty() ? token_at(JsonValue::parse(parts.components.config, folder), key) : configured;
  };
  if (config.adds_begin.value_or(is_gemma)) put_around(parts, own(config.begin, "bos_token"), "");
  if (is_t5) put_around(parts, "", own(config.end_of_text, "eos_token"));
}

void require_bert_class(const TokenizerConfig& config, const std::string& folder) {
  constexpr std::array<std::string_view, 8> kBert = {"",           "Bert",        "DistilBert", "Electra",
                                                     "MobileBert", "SqueezeBert", "ConvBert",   "Lxmert"};
  std::string_view name = config.class_name;
  if (name.ends_with("Tokenizer")) name.remove_suffix(std::string_view("Tokenizer").size());
  if (std::find(kBert.begin(), kBert.end(), name) != kBert.end()) return;
  throw Error("cannot use the tokenizer '" + folder + "': its class " + config.stated_class +
              " is not known to use vocab.txt as BERT does; use its tokenizer.json");
}

void apply_config(const TokenizerConfig& config, TokenizerParts& parts) {
  if (!config.text.empty()) parts.components.config = config.text;
  if (parts.end_of_text.empty() && find_token(parts.tokens, config.end_of_text)) parts.end_of_text = config.end_of_text;
  if (!config.adds_begin.value_or(false)) return;
  const TokensAround around = read_post_processor(parts.components.post_processor, "tokenizer_config.json");
  if (around.before.empty() && around.after.empty()) put_around(parts, config.begin, "");
}

void apply_vocabulary_class(const TokenizerConfig& config, const std::string& folder, const TokenizerOptions& options,
                            TokenizerParts& parts) {
  const auto known = std::find_if(kClasses.begin(), kClasses.end(),
                                  [&](const VocabularyClass& one) { return one.name == config.class_name; });
  if (!options.pattern && !config.class_name.empty() && known == kClasses.end())
    refuse_unknown(folder, "its class " + config.stated_class);
  if (!options.pattern && config.class_name.empty() && !config.model_type.empty() &&
      std::find(kGpt2Types.begin(), kGpt2Types.end(), config.model_type) == kGpt2Types.end())
    refuse_unknown(folder, "its model type " + config.model_type);
  const bool is_known = known != kClasses.end();
  parts.pattern = options.pattern ? *options.pattern : is_known ? known->pattern : Pattern::gpt2;
  if (is_known && known->nfc) parts.components.normalizer.set("type", "NFC");
  if (!is_known || known->before.empty()) return mark_class_tokens(parts, {"<|endoftext|>"});
  mark_class_tokens(parts, {"<s>", "<pad>", "</s>", "<unk>", "<mask>"});
  put_around(parts, known->before, known->after);
}

}  // namespace lm
