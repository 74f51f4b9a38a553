#include "text/files/left_out.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <vector>

#include "base/error.h"
#include "base/file.h"

namespace lm {

namespace {

struct Around {
  std::vector<std::string> before, after;
};

std::string string_at(const JsonValue& object, std::string_view key) {
  const JsonValue* value = object.find(key);
  return value != nullptr && value->if_string() != nullptr ? *value->if_string() : std::string();
}

bool is_true(const JsonValue& object, std::string_view key) {
  const JsonValue* value = object.find(key);
  return value != nullptr && value->if_bool() != nullptr && *value->if_bool();
}

/// Takes the steps of "single": special tokens before or after the text, which is "$A".
void add_template(const JsonValue& processor, Around& around) {
  const JsonValue* steps = processor.find("single");
  if (steps == nullptr || steps->if_array() == nullptr) return;
  std::vector<std::string> before, after;
  bool text_seen = false;
  for (const JsonValue& step : *steps->if_array()) {
    text_seen = text_seen || step.find("Sequence") != nullptr;
    if (const JsonValue* token = step.find("SpecialToken")) (text_seen ? after : before).push_back(string_at(*token, "id"));
  }
  around.before.insert(around.before.begin(), before.begin(), before.end());
  around.after.insert(around.after.end(), after.begin(), after.end());
}

/// Returns the name in a pair such as "cls": ["<s>", 0].
std::string first_at(const JsonValue& processor, std::string_view key) {
  const JsonValue* pair = processor.find(key);
  if (pair == nullptr || pair->if_array() == nullptr || pair->if_array()->empty()) return "";
  const std::string* name = pair->if_array()->front().if_string();
  return name == nullptr ? "" : *name;
}

void add_processor(const JsonValue& processor, Around& around) {
  const std::string type = string_at(processor, "type");
  if (type == "TemplateProcessing") {
    add_template(processor, around);
  } else if (type == "RobertaProcessing" || type == "BertProcessing") {
    around.before.insert(around.before.begin(), first_at(processor, "cls"));
    around.after.push_back(first_at(processor, "sep"));
  } else if (type == "Sequence") {
    const JsonValue* steps = processor.find("processors");
    if (steps == nullptr || steps->if_array() == nullptr) return;
    for (const JsonValue& step : *steps->if_array()) add_processor(step, around);
  }
}

std::string describe(const Around& around) {
  const auto list = [](const std::vector<std::string>& names, const char* place) {
    std::string text;
    for (const std::string& name : names) text += json_quote(name.substr(0, 100)) + " ";
    return text.empty() ? text : text + place;
  };
  const std::string before = list(around.before, "before"), after = list(around.after, "after");
  return before + (before.empty() || after.empty() ? "" : " and ") + after;
}

// Classes whose pattern is GPT-2's, and the names of the tokens that they put around a text.
struct Gpt2Class {
  std::string_view name;  // without "Fast"
  std::string_view before, after;
};
constexpr std::array<Gpt2Class, 7> kGpt2Classes = {{{"GPT2Tokenizer", "", ""},
                                                    {"CodeGenTokenizer", "", ""},
                                                    {"RobertaTokenizer", "<s>", "</s>"},
                                                    {"BartTokenizer", "<s>", "</s>"},
                                                    {"LongformerTokenizer", "<s>", "</s>"},
                                                    {"LEDTokenizer", "<s>", "</s>"},
                                                    {"MvpTokenizer", "<s>", "</s>"}}};
// The model types that imply these classes if no class is named.
constexpr std::array<std::string_view, 11> kGpt2Types = {"gpt2", "gpt_neo", "gptj",       "opt", "codegen",   "phi",
                                                         "bart", "roberta", "longformer", "led", "starcoder2"};

JsonValue read_config(const std::string& path) {
  if (!std::filesystem::exists(path)) return JsonValue(JsonValue::Object());
  const FileContent file = FileContent::read(path, kTokenizerLimit);
  return JsonValue::parse(file.text(), path);
}

/// Returns the name of a token, which is a string or the object of an added token.
std::string token_at(const JsonValue& config, std::string_view key) {
  const JsonValue* token = config.find(key);
  return token != nullptr && token->if_object() != nullptr ? string_at(*token, "content") : string_at(config, key);
}

[[noreturn]] void refuse_unknown(const std::string& folder, const std::string& what) {
  throw Error("cannot use the tokenizer '" + folder + "': vocab.json and merges.txt do not say how text is cut, and " +
              what +
              " is not known to cut as GPT-2 does; use its tokenizer.json, or name the pattern, such as --pattern qwen2");
}

}  // namespace

std::string tokens_around_text(const JsonValue& post_processor) {
  Around around;
  add_processor(post_processor, around);
  return describe(around);
}

FolderUse read_folder_use(const std::string& folder, const TokenizerOptions& options) {
  const JsonValue config = read_config(folder + "/tokenizer_config.json");
  if (is_true(config, "add_prefix_space")) {
    throw Error("cannot use the tokenizer '" + folder +
                "': its tokenizer_config.json asks for add_prefix_space, which is not supported");
  }
  const std::string stated = string_at(config, "tokenizer_class");
  std::string_view name = stated;
  if (name.ends_with("Fast")) name.remove_suffix(4);
  const auto known =
      std::find_if(kGpt2Classes.begin(), kGpt2Classes.end(), [&](const auto& one) { return one.name == name; });
  if (!options.pattern && !stated.empty() && known == kGpt2Classes.end()) refuse_unknown(folder, "its class " + stated);
  if (!options.pattern && stated.empty()) {
    const std::string type = string_at(read_config(folder + "/config.json"), "model_type");
    const bool known_type = std::find(kGpt2Types.begin(), kGpt2Types.end(), type) != kGpt2Types.end();
    if (!type.empty() && !known_type) refuse_unknown(folder, "its model type " + type);
  }
  Around around;
  if (known != kGpt2Classes.end() && !known->before.empty())
    around = {.before = {std::string(known->before)}, .after = {std::string(known->after)}};
  if (is_true(config, "add_bos_token") && around.before.empty()) around.before.push_back(token_at(config, "bos_token"));
  return {.pattern = options.pattern.value_or(Pattern::gpt2), .tokens_around_text = describe(around)};
}

}  // namespace lm
