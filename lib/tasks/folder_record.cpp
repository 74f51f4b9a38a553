#include "tasks/folder_record.h"

#include <algorithm>
#include <utility>

#include "base/json.h"
#include "model/families.h"
#include "objectives/mixture.h"
#include "tasks/load_tokenizer.h"
#include "tasks/text_model.h"

namespace lm {
namespace {

constexpr const char* kConfig = "config.json";
constexpr const char* kGenerationConfig = "generation_config.json";

/// Returns the token that begins a text; nothing if none does.
std::optional<TokenId> begin_of(const Tokenizer& tokenizer) {
  const std::vector<TokenId> opening = tokenizer.opening();
  return opening.empty() ? std::nullopt : std::optional(opening.front());
}

/// Returns the special tokens that hide something in prompts for the model.
std::vector<TokenId> gaps_of(const ModelRecord& record, const Tokenizer& tokenizer) {
  const Mixture objective = parse_mixture(record.objective);
  const SpecialIds special = special_ids(tokenizer);
  std::vector<TokenId> gaps;
  if (objective.trains("span")) gaps = special.sentinels;
  if (objective.trains("masked") && special.mask) gaps.insert(gaps.begin(), *special.mask);
  return gaps;
}

/// Calls change(json) with each of the two files that have ids, and keeps the text of one that does not change.
template <class Change>
void change_configs(FolderTexts& folder, Change change) {
  for (const char* name : {kConfig, kGenerationConfig}) {
    const auto text = folder.find(name);
    if (text == folder.end()) continue;
    JsonValue json = JsonValue::parse(text->second, name);
    if (json.if_object() == nullptr) continue;
    const std::string before = json.dump();
    change(name, json);
    if (json.dump() != before) text->second = json.dump(2) + "\n";
  }
}

JsonValue ends_value(const std::vector<TokenId>& ids) {
  return ids.size() == 1 ? JsonValue(std::int64_t{ids.front()}) : text_ends_to_json(ids);
}

/// Returns the ids that end a text as the files of a folder say, ascending.
std::vector<TokenId> stated_ends(const ModelRecord& record, const Tokenizer& tokenizer) {
  ModelRecord stated{.config = record.config, .tokenizer_json = {}, .progress = {}};
  stated.ends = read_text_ends(record.folder, "", record.config.vocab_size, stated.notes);
  resolve_ends(stated, tokenizer);
  return stated.ends.ids;
}

/// Has the files name what ends a text, unless they name just that.
void update_ends(ModelRecord& record, const Tokenizer& tokenizer) {
  const std::vector<TokenId> ends = all_ends(record, tokenizer);
  if (stated_ends(record, tokenizer) == ends) return;
  change_configs(record.folder, [&](std::string_view name, JsonValue& json) {
    if (name == kConfig || json.find("eos_token_id") != nullptr) json.set("eos_token_id", ends_value(ends));
  });
}

}  // namespace

LooksBothWays looks_of(const ModelRecord& record) {
  if (is_masked_family(record.config.family)) return {};  // so does its class
  const Mixture objective = parse_mixture(record.objective);
  const bool prefix = objective.trains("prefix"), span = objective.trains("span");
  const bool left_to_right = objective.predicts_next_token();
  return {.masked = objective.trains("masked"),
          .masked_by_previous = objective.mixed(),
          .prefix = prefix || span,
          .reads_prompt = prefix || (span && !left_to_right),
          .also_causal = left_to_right && !prefix};
}

ModelRecord with_folder_facts(ModelRecord record, const Tokenizer& tokenizer) {
  record.facts = {.end_of_text = tokenizer.end_of_text(),
                  .begin = begin_of(tokenizer),
                  .pad = tokenizer.id_of("<|pad|>"),
                  .mask = tokenizer.id_of("<|mask|>"),
                  .tokenizer_json = record.folder.empty() ? tokenizer.to_folder_json() : tokenizer.to_json(),
                  .tokenizer_config = tokenizer_config(tokenizer, record.config.context_length, gaps_of(record, tokenizer)),
                  .looks = looks_of(record)};
  const auto kept = record.folder.find("tokenizer_config.json");
  if (kept != record.folder.end()) record.facts.tokenizer_config = kept->second;
  // A masked model's texts are read whole: nothing ends them.
  if (!record.folder.empty() && !is_masked_family(record.config.family)) update_ends(record, tokenizer);
  return record;
}

void replace_tokenizer(FolderTexts& folder, const Tokenizer& tokenizer) {
  std::erase_if(folder, [](const auto& file) { return file.first != kConfig && file.first != kGenerationConfig; });
  const auto value = [](const std::optional<TokenId>& id) { return id ? JsonValue(std::int64_t{*id}) : JsonValue(); };
  change_configs(folder, [&](std::string_view, JsonValue& json) {
    for (const auto& [key, id] :
         {std::pair("bos_token_id", begin_of(tokenizer)), std::pair("pad_token_id", tokenizer.id_of("<|pad|>"))}) {
      if (json.find(key) != nullptr) json.set(key, value(id));
    }
    if (json.find("eos_token_id") != nullptr) json.set("eos_token_id", std::int64_t{tokenizer.end_of_text()});
  });
}

}  // namespace lm
