#include "model/files/folder_texts.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/path.h"

namespace lm {

namespace {

constexpr std::array<std::string_view, 6> kKeptFiles = {"config.json",           "generation_config.json",
                                                        "tokenizer_config.json", "special_tokens_map.json",
                                                        "added_tokens.json",     "chat_template.jinja"};
constexpr FileLimit kTextOfFolder{.bytes = std::uint64_t{16} << 20U, .kind = "a text of a model's folder"};

}  // namespace

FolderTexts read_folder_texts(const std::string& folder) {
  FolderTexts texts;
  for (const std::string_view name : kKeptFiles) {
    const std::string path = join_path(folder, std::string(name));
    if (exists(path)) texts[std::string(name)] = FileContent::read(path, kTextOfFolder).text();
  }
  return texts;
}

bool is_folder_text(std::string_view name) {
  return std::find(kKeptFiles.begin(), kKeptFiles.end(), name) != kKeptFiles.end();
}

std::string folder_texts_to_json(const FolderTexts& texts) {
  JsonValue json{JsonValue::Object()};
  for (const auto& [name, text] : texts) json.set(name, text);
  return json.dump();
}

FolderTexts folder_texts_from_json(std::string_view json, std::string_view source) {
  const JsonValue value = JsonValue::parse(json, source);
  if (value.if_object() == nullptr) throw Error("invalid lm.folder in '" + std::string(source) + "': it is no object");
  FolderTexts texts;
  for (const auto& [name, text] : *value.if_object()) {
    if (!is_folder_text(name) || text.if_string() == nullptr)
      throw Error("invalid lm.folder in '" + std::string(source) + "': " + json_quote(name.substr(0, 100)) +
                  " is no text of a model's folder");
    texts[name] = *text.if_string();
  }
  return texts;
}

}  // namespace lm
