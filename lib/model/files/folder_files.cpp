#include "model/files/folder_files.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "base/json.h"
#include "model/families.h"
#include "model/files/config_check.h"
#include "model/files/config_hugging_face.h"
#include "model/files/modeling_source.h"

namespace lm {

namespace {

bool has_windows(const ModelConfig& config) {
  return std::any_of(config.layer_shapes.begin(), config.layer_shapes.end(),
                     [](const LayerShape& shape) { return shape.window > 0; });
}

/// Returns whether the family's class does not compute what the model does, and the folder brings one that does.
bool has_own_classes(const ModelRecord& record) { return record.facts.looks.any() && !has_windows(record.config); }

/// Returns the name of one of the classes in modeling_lm_tools.py, which are called after those of the families.
std::string own_class(Family family, const std::string& kind) {
  std::string name = hugging_face_class(family);
  name.erase(std::min(name.find("ForCausalLM"), name.find("LMHeadModel")));
  return "LmTools" + name + kind;
}

void remove_members(JsonValue& json, std::initializer_list<std::string_view> names) {
  JsonValue::Object kept;
  for (const JsonValue::Member& member : *json.if_object()) {
    if (std::find(names.begin(), names.end(), member.first) == names.end()) kept.push_back(member);
  }
  json = JsonValue(std::move(kept));
}

void replace_if_there(JsonValue& json, const char* key, JsonValue value) {
  if (json.find(key) != nullptr) json.set(key, std::move(value));
}

/// Says by which class the model is to be loaded, and how it reads.
void set_class(JsonValue& json, const ModelRecord& record) {
  const LooksBothWays& looks = record.facts.looks;
  const Family family = record.config.family;
  std::string architecture = hugging_face_class(family), type = to_string(family);
  if (has_own_classes(record)) {
    JsonValue map;
    const std::string kind = looks.also_causal ? "Mixed" : "";
    const auto module = [&](const std::string& name) { return std::string(kOwnModule) + "." + own_class(family, name); };
    // A type that transformers know would be loaded without the classes of the folder, and compute something else.
    if (!looks.also_causal) {
      map.set("AutoConfig", module("Config"));
      architecture = own_class(family, looks.prefix ? "ForCausalLM" : "ForMaskedLM");
      type = kOwnModelType + type;
    }
    if (looks.masked) map.set("AutoModelForMaskedLM", module(kind + "ForMaskedLM"));
    if (looks.prefix) map.set("AutoModelForCausalLM", module(kind + "ForCausalLM"));
    json.set("auto_map", std::move(map));
    if (looks.masked) json.set("lm_masked_output_shift", looks.masked_by_previous ? 1 : 0);
    if (looks.prefix) json.set("lm_prefix", looks.reads_prompt ? "prompt" : "none");
  }
  json.set("architectures", JsonValue::Array{JsonValue(architecture)});
  json.set("model_type", type);
}

/// Returns the config.json that the model came with, with what differs now.
JsonValue kept_config(const ModelRecord& record, const std::string& text, const char* path) {
  JsonValue json = JsonValue::parse(text, path);
  // A map names files of Python that were beside it, and did not come along.
  remove_members(json, {"auto_map", "lm_masked_output_shift", "lm_prefix"});
  for (const char* key : {"dtype", "torch_dtype"}) replace_if_there(json, key, "float32");
  const ModelConfig stated = config_from_hugging_face(json, path);
  if (stated.vocab_size != record.config.vocab_size) json.set("vocab_size", record.config.vocab_size);
  if (stated.tied_embeddings != record.config.tied_embeddings)
    json.set("tie_word_embeddings", record.config.tied_embeddings);
  const bool usual = record.objective == (is_masked_family(record.config.family) ? "masked" : "causal");
  if (usual) remove_members(json, {"lm_objective"});
  if (!usual) json.set("lm_objective", record.objective);
  return json;
}

JsonValue made_config(const ModelRecord& record) {
  JsonValue json = config_to_hugging_face(record.config, record.facts);
  if (!record.ends.ids.empty()) json.set("eos_token_id", text_ends_to_json(record.ends.ids));
  if (record.facts.looks.masked && record.facts.mask) json.set("mask_token_id", std::int64_t{*record.facts.mask});
  json.set("lm_objective", record.objective);
  return json;
}

std::string config_text(const ModelRecord& record) {
  const auto kept = record.folder.find("config.json");
  const bool is_kept = kept != record.folder.end();
  JsonValue json = is_kept ? kept_config(record, kept->second, "config.json") : made_config(record);
  set_class(json, record);
  check_config_text(json.dump(), "config.json", record.config, config_from_hugging_face);
  if (is_kept && json.dump() == JsonValue::parse(kept->second, "config.json").dump()) return kept->second;
  return json.dump(2) + "\n";
}

/// Returns whether transformers can generate texts with the model.
bool generates(const LooksBothWays& looks) { return !looks.masked || looks.prefix || looks.also_causal; }

/// Returns what pipelines generate by: without it they guess, warn, and run beyond the context.
std::string generation_text(const ModelRecord& record) {
  const FolderFacts& facts = record.facts;
  JsonValue json;
  json.set("bos_token_id", std::int64_t{facts.begin.value_or(facts.end_of_text)});
  json.set("eos_token_id",
           record.ends.ids.empty() ? JsonValue(std::int64_t{facts.end_of_text}) : text_ends_to_json(record.ends.ids));
  json.set("pad_token_id", std::int64_t{facts.pad.value_or(facts.end_of_text)});
  constexpr std::int64_t kUsualLength = 200;  // as of lm-sample
  json.set("max_new_tokens", std::min(kUsualLength, (record.config.context_length + 1) / 2));
  return json.dump(2) + "\n";
}

}  // namespace

FolderTexts folder_files(const ModelRecord& record) {
  FolderTexts files = record.folder;
  files["config.json"] = config_text(record);
  if (record.folder.empty() && generates(record.facts.looks)) files["generation_config.json"] = generation_text(record);
  const FolderFacts& facts = record.facts;
  const std::string& tokenizer = facts.tokenizer_json.empty() ? record.tokenizer_json : facts.tokenizer_json;
  if (!tokenizer.empty()) files["tokenizer.json"] = tokenizer;
  if (!facts.tokenizer_config.empty()) files["tokenizer_config.json"] = facts.tokenizer_config;
  if (has_own_classes(record)) files[std::string(kOwnModule) + ".py"] = modeling_source();
  return files;
}

bool is_folder_file(std::string_view name) {
  return name == "model.safetensors" || name == "tokenizer.json" || name == std::string(kOwnModule) + ".py" ||
         is_folder_text(name);
}

std::vector<std::string> folder_notes(const ModelRecord& record) {
  std::vector<std::string> notes;
  const ModelConfig& config = record.config;
  const LooksBothWays& looks = record.facts.looks;
  if (has_own_classes(record)) {
    notes.push_back(std::string("the model looks both ways, which transformers' own classes do not") +
                    (looks.also_causal ? "; they read it from left to right only" : "") +
                    ": load it with trust_remote_code=True, for " + kOwnModule + ".py in the folder");
  } else if (looks.any()) {
    notes.push_back(std::string("the model looks both ways, which transformers' class of ") + to_string(config.family) +
                    " models with windows does not: these programs compute what it learned, transformers do not");
  }
  if (config.family == Family::gpt2 && config.ffn_dim != 4 * config.channels) {
    notes.push_back(
        "llama.cpp's converter will not take the folder right: it reads every gpt2 model as one whose n_inner is "
        "4 times its n_embd, and this one's is " +
        std::to_string(config.ffn_dim) + ", not " + std::to_string(4 * config.channels));
  }
  return notes;
}

}  // namespace lm
