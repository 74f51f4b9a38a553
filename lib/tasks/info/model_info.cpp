// Models, training states and adapters, by the headers of their files.
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <optional>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/path.h"
#include "model/config.h"
#include "model/families.h"
#include "model/files/checkpoint.h"
#include "model/files/config_hugging_face.h"
#include "model/files/folder_texts.h"
#include "model/files/safetensors.h"
#include "model/files/text_ends.h"
#include "objectives/mixture.h"
#include "tasks/info/kinds.h"
#include "train/state_file.h"

namespace lm {
namespace {

void add_tensors(FileInfo& info, const SafetensorsFile& file) {
  for (const TensorEntry& entry : file.entries())
    info.tensors.push_back({entry.name, entry.shape, std::string(dtype_name(entry.dtype)), entry.size});
}

std::string layers_text(const ModelConfig& config) {
  std::int64_t windowed = 0, window = 0;
  for (std::int64_t i = 0; i < config.n_layers; ++i) {
    const std::int64_t each = config.layer(i).window;
    if (each == 0 || each >= config.context_length) continue;
    ++windowed;
    window = each;
  }
  if (windowed == 0) return {};
  return std::to_string(windowed) + " of " + std::to_string(config.n_layers) + " layers see " + std::to_string(window) +
         " tokens";
}

/// Adds what lm.progress says of a finished run.
void add_progress(FileInfo& info, const std::string& progress) {
  if (progress.empty()) return;
  const JsonValue json = JsonValue::parse(progress, info.path);
  if (json.if_object() == nullptr) return;
  for (const char* key : {"step", "steps", "tokens", "loss", "valid_loss", "val_loss", "last_loss", "best_validation"}) {
    const JsonValue* value = json.find(key);
    if (value != nullptr && value->if_object() == nullptr && value->if_array() == nullptr && !value->is_null())
      info.facts.set(std::string("trained_") + key, *value);
  }
}

void add_ends(FileInfo& info, const std::vector<TokenId>& ends) {
  if (ends.empty()) return;
  JsonValue::Array ids;
  for (const TokenId id : ends) ids.emplace_back(std::int64_t{id});
  info.facts.set("text_ends", std::move(ids));
}

void add_record(FileInfo& info, const ModelRecord& record) {
  add_config_facts(info, record.config);
  info.facts.set("objective", record.objective);
  add_progress(info, record.progress);
  if (record.tokenizer_json.empty()) {
    info.notes.emplace_back("it holds no tokenizer");
  } else {
    add_tokenizer_facts(info, Tokenizer::from_json(record.tokenizer_json, info.path));
  }
  add_ends(info, record.ends.ids);
  add_model_uses(info, record.objective);
}

/// Returns the files that an index names, each once, in order.
std::set<std::string> shards_of(const JsonValue& index, const std::string& path) {
  const JsonValue* map = index.find("weight_map");
  if (map == nullptr || map->if_object() == nullptr) throw Error("no 'weight_map' in '" + path + "'");
  std::set<std::string> files;
  for (const auto& [tensor, file] : *map->if_object()) {
    if (file.if_string() == nullptr) throw Error("no file for '" + tensor + "' in '" + path + "'");
    files.insert(*file.if_string());
  }
  return files;
}

JsonValue read_json(const std::string& path) {
  return JsonValue::parse(FileContent::read(path, kTokenizerLimit).text(), path);
}

/// Adds the tensors of a folder's files; returns the metadata of a single one.
SafetensorsMetadata add_folder_tensors(FileInfo& info, const std::string& folder) {
  const std::string whole = join_path(folder, "model.safetensors"), index = whole + ".index.json";
  if (exists(whole)) {
    const SafetensorsFile file = SafetensorsFile::open(whole, Checksum::ignored);
    add_tensors(info, file);
    return file.metadata();
  }
  const std::set<std::string> shards = shards_of(read_json(index), index);
  info.facts.set("files", static_cast<std::int64_t>(shards.size()));
  for (const std::string& shard : shards)
    add_tensors(info, SafetensorsFile::open(join_path(folder, name_of(shard)), Checksum::ignored));
  return {};
}

void add_adapter_facts(FileInfo& info, const JsonValue& config) {
  for (const auto& [key, name] :
       {std::pair("peft_type", "adapter_type"), std::pair("base_model_name_or_path", "base_model"), std::pair("r", "rank"),
        std::pair("lora_alpha", "alpha"), std::pair("target_modules", "targets")}) {
    const JsonValue* value = config.find(key);
    if (value != nullptr && !value->is_null()) info.facts.set(name, *value);
  }
}

/// Adds what config.json of a folder from elsewhere says.
void add_foreign_config(FileInfo& info, const std::string& folder) {
  const std::string path = join_path(folder, "config.json");
  const JsonValue json = read_json(path);
  const ModelConfig config = config_from_hugging_face(json, path);
  add_config_facts(info, config);
  const JsonValue* objective = json.find("lm_objective");
  const bool stated = objective != nullptr && objective->if_string() != nullptr;
  const std::string trained = stated ? *objective->if_string() : is_masked_family(config.family) ? "masked" : "causal";
  info.facts.set("objective", trained);
  for (const std::string& note : hugging_face_notes(json)) info.notes.push_back(note);
  if (holds_tokenizer(folder)) {
    add_tokenizer_facts(info, Tokenizer::load(folder));
  } else {
    info.notes.emplace_back("it holds no tokenizer");
  }
  std::vector<std::string> notes;
  const TextEnds ends = read_text_ends(read_folder_texts(folder), folder, config.vocab_size, notes);
  add_ends(info, ends.ids);
  add_model_uses(info, trained);
}

}  // namespace

void add_config_facts(FileInfo& info, const ModelConfig& config) {
  InfoFacts& facts = info.facts;
  facts.set("family", to_string(config.family));
  facts.set("parameters", parameter_count(config));
  facts.set("layers", config.n_layers).set("channels", config.channels).set("heads", config.n_heads);
  if (config.n_kv_heads != config.n_heads) facts.set("kv_heads", config.n_kv_heads);
  facts.set("head_dim", config.head_dim).set("ffn", config.ffn_dim).set("context", config.context_length);
  facts.set("vocabulary", config.vocab_size).set("tied_embeddings", config.tied_embeddings);
  if (const std::string windows = layers_text(config); !windows.empty()) facts.set("windows", windows);
}

void add_tensor_facts(FileInfo& info) {
  if (info.tensors.empty()) return;
  std::map<std::string, std::int64_t> types;
  std::int64_t numbers = 0;
  std::uint64_t bytes = 0;
  for (const InfoTensor& tensor : info.tensors) {
    ++types[tensor.type];
    std::int64_t size = 1;
    for (const std::int64_t dimension : tensor.shape) size *= dimension;
    numbers += size;
    bytes += tensor.bytes;
  }
  JsonValue::Array list;
  for (const auto& [type, count] : types) list.emplace_back(std::to_string(count) + " " + type);
  if (info.facts.find("parameters") == nullptr) info.facts.set("parameters", numbers);
  info.facts.set("tensors_by_type", std::move(list));
  const double bits = 8 * static_cast<double>(bytes) / static_cast<double>(std::max<std::int64_t>(1, numbers));
  info.facts.set("bits_per_weight", std::floor(10 * bits) / 10);
}

void add_model_uses(FileInfo& info, std::string_view objective) {
  const Mixture mixture = parse_mixture(objective);
  std::string programs = "lm-eval-ppl scores texts with it";
  if (mixture.predicts_next_token()) programs += ", lm-sample continues them";
  if (mixture.trains("masked") || mixture.trains("span")) programs += ", lm-sample fills what is hidden";
  if (mixture.trains("fim")) programs += ", lm-fim fills in middles";
  info.uses.push_back(programs);
  info.uses.emplace_back("lm-train --init-from trains it further; lm-convert writes it in another form");
}

void inspect_model_file(FileInfo& info) {
  const SafetensorsFile file = SafetensorsFile::open(info.path, Checksum::ignored);
  add_tensors(info, file);
  if (file.metadata("lm.config") != nullptr) {
    add_record(info, model_record(file));
  } else if (info.kind == FileKind::shard || info.kind == FileKind::other_model) {
    info.uses.emplace_back("name the folder that it is in, with config.json and all files of the model");
  } else if (info.kind == FileKind::adapter) {
    info.uses.emplace_back("merge it into its base model first (peft's merge_and_unload())");
  }
  add_tensor_facts(info);
}

void inspect_model_folder(FileInfo& info) {
  const std::string folder = without_trailing_slashes(info.path);
  const std::string adapter = join_path(folder, "adapter_config.json");
  if (info.kind == FileKind::adapter_folder) {
    if (exists(adapter)) add_adapter_facts(info, read_json(adapter));
    const std::string weights = join_path(folder, "adapter_model.safetensors");
    if (exists(weights)) add_tensors(info, SafetensorsFile::open(weights, Checksum::ignored));
    info.uses.emplace_back("merge it into its base model first (peft's merge_and_unload())");
  } else {
    const SafetensorsMetadata metadata = add_folder_tensors(info, folder);
    if (metadata.contains("lm.config")) {
      add_record(info, model_record(SafetensorsFile::open(join_path(folder, "model.safetensors"), Checksum::ignored)));
    } else {
      add_foreign_config(info, folder);
    }
  }
  add_tensor_facts(info);
}

void inspect_shard_index(FileInfo& info) {
  const JsonValue index = read_json(info.path);
  info.facts.set("files", static_cast<std::int64_t>(shards_of(index, info.path).size()));
  info.facts.set("tensors", static_cast<std::int64_t>(index.find("weight_map")->if_object()->size()));
  const JsonValue* metadata = index.find("metadata");
  const JsonValue* total = metadata == nullptr ? nullptr : metadata->find("total_size");
  if (total != nullptr && total->if_integer() != nullptr) info.facts.set("bytes_of_tensors", *total);
  info.uses.emplace_back("name the folder that it is in");
}

void inspect_state(FileInfo& info) {
  const StateFile file = StateFile::open(info.path, Checksum::ignored);
  const StateRecord& record = file.record();
  add_config_facts(info, record.config);
  info.facts.set("objective", record.objective);
  info.facts.set("step", record.state.step);
  if (record.state.total_steps) info.facts.set("of_steps", *record.state.total_steps);
  info.facts.set("tokens", record.state.tokens);
  info.facts.set("hours", static_cast<double>(static_cast<std::int64_t>(record.state.elapsed_seconds / 36)) / 100);
  info.facts.set("last_loss", record.state.last_loss);
  if (record.state.last_validation) info.facts.set("last_validation_loss", *record.state.last_validation);
  if (record.state.best_validation) {
    info.facts.set("best_validation_loss", *record.state.best_validation);
    info.facts.set("best_step", record.state.best_step);
  }
  if (!record.tokenizer_json.empty()) add_tokenizer_facts(info, Tokenizer::from_json(record.tokenizer_json, info.path));
  for (const TensorEntry& entry : file.entries())
    info.tensors.push_back({entry.name, entry.shape, std::string(dtype_name(entry.dtype)), entry.size});
  info.uses.emplace_back("lm-train --resume continues the run; lm-sample reads it as the model so far");
}

}  // namespace lm
