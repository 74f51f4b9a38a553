#include "model/files/checkpoint.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/file_use.h"
#include "model/families.h"
#include "model/files/config_hugging_face.h"
#include "model/files/model_tensors.h"

namespace lm {

namespace {

// The version of the lm.* strings that this program writes, and the newest that it reads.
constexpr std::int64_t kVersion = 1;

bool is_folder(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// Throws Error, before memory is taken for the model, if the files cannot hold it or are a training state.
void check_content(const ModelTensors& tensors, const ModelConfig& config) {
  std::int64_t elements = 0, entries = 0;
  for (const SafetensorsFile& file : tensors.files()) {
    for (const TensorEntry& entry : file.entries()) {
      ++entries;
      if (entry.name.starts_with("train.")) require_kind(FileUse::model, FileKind::state, file.name());
      if (is_harmless(entry.name, config)) continue;
      file.check_floats(entry);
      elements += entry.elements();
    }
  }
  if (config.n_layers > entries || parameter_count(config) > elements) {
    throw Error("'" + tensors.name() + "' lacks tensors of the model that its configuration describes");
  }
}

/// Returns whether the files hold a head beside an embedding that it is said to be tied to, and it is another matrix:
/// transformers use it then.
bool has_other_head(const ModelTensors& tensors, const ModelConfig& config) {
  const TensorNames& names = tensor_names(config.family);
  const std::string head_name = std::string(names.head) + ".weight";
  const TensorSpec embedding{
      .name = std::string(names.base) + names.tokens + ".weight", .rows = 0, .columns = 0, .rank = 2, .initial = {}};
  const FoundTensor head = tensors.find(head_name), tokens = tensors.find(embedding, config.family);
  if (head.entry == nullptr || tokens.entry == nullptr || head.entry->shape != tokens.entry->shape) return false;
  head.file->check_floats(*head.entry);
  tokens.file->check_floats(*tokens.entry);
  constexpr std::int64_t kPiece = 1 << 16;
  std::vector<float> one(kPiece), two(kPiece);
  for (std::int64_t first = 0; first < head.entry->elements(); first += kPiece) {
    const auto size = static_cast<std::size_t>(std::min(kPiece, head.entry->elements() - first));
    one.resize(size);
    two.resize(size);
    head.file->read_floats(*head.entry, first, one);
    tokens.file->read_floats(*tokens.entry, first, two);
    if (one != two) return true;
  }
  return false;
}

void check_no_strangers(const ModelTensors& tensors, const Parameters<float>& parameters) {
  std::set<const TensorEntry*> known;
  for (const TensorSpec& spec : parameters.tensors()) known.insert(tensors.find(spec, parameters.config().family).entry);
  for (const SafetensorsFile& file : tensors.files()) {
    for (const TensorEntry& entry : file.entries()) {
      const ModelConfig& config = parameters.config();
      if (known.count(&entry) == 0 && !is_harmless(entry.name, config) && !is_head_bias(entry.name, config))
        throw Error("unexpected tensor '" + entry.name + "' in '" + file.name() + "'");
    }
  }
}

std::string read_text(const std::string& path, FileLimit limit) {
  return std::string(FileContent::read(path, limit).text());
}

/// Returns the record of a folder from elsewhere, with config.json instead of lm.config. Its tokenizer is in files of its own.
ModelRecord folder_record(const std::string& folder) {
  ModelRecord record;
  const std::string path = folder + "/config.json";
  const JsonValue json = JsonValue::parse(read_text(path, kConfigLimit), path);
  record.config = config_from_hugging_face(json, path);
  record.notes = hugging_face_notes(json);
  if (is_masked_family(record.config.family)) record.objective = "masked";
  // One of ours that another program saved again has lost the rest of what its weights said.
  if (const JsonValue* objective = json.find("lm_objective"); objective != nullptr && objective->if_string() != nullptr)
    record.objective = *objective->if_string();
  record.folder = read_folder_texts(folder);
  record.ends = read_text_ends(record.folder, folder, record.config.vocab_size, record.notes);
  return record;
}

}  // namespace

SafetensorsMetadata model_metadata(const ModelRecord& record) {
  SafetensorsMetadata metadata;
  metadata["lm.version"] = std::to_string(kVersion);
  metadata["lm.config"] = config_to_json(record.config).dump();
  metadata["lm.objective"] = record.objective;
  if (!record.tokenizer_json.empty()) metadata["lm.tokenizer"] = record.tokenizer_json;
  if (!record.progress.empty()) metadata["lm.progress"] = record.progress;
  if (!record.ends.ids.empty()) metadata["lm.ends"] = text_ends_to_json(record.ends.ids).dump();
  if (!record.folder.empty()) metadata["lm.folder"] = folder_texts_to_json(record.folder);
  return metadata;
}

ModelRecord model_record(const SafetensorsFile& file) {
  const auto text = [&](const char* key) {
    const std::string* value = file.metadata(key);
    return value == nullptr ? std::string() : *value;
  };
  const std::string version = text("lm.version");
  if (version != std::to_string(kVersion)) {
    throw Error("'" + file.name() + "' has version '" + version + "' of the checkpoint format, this program reads version " +
                std::to_string(kVersion) + "; use a newer lm-tools");
  }
  ModelRecord record;
  record.config = config_from_json(JsonValue::parse(text("lm.config"), file.name()), file.name());
  record.objective = text("lm.objective");
  if (record.objective.empty()) throw Error("no lm.objective in '" + file.name() + "'");
  record.tokenizer_json = text("lm.tokenizer");
  record.progress = text("lm.progress");
  if (const std::string ends = text("lm.ends"); !ends.empty())
    record.ends.ids = text_ends_from_json(ends, record.config.vocab_size, file.name());
  if (const std::string folder = text("lm.folder"); !folder.empty())
    record.folder = folder_texts_from_json(folder, file.name());
  return record;
}

void add_sources(std::vector<TensorSource>& sources, const Parameters<float>& parameters, const std::string& prefix) {
  for (const TensorSpec& spec : parameters.tensors()) {
    const float* values = parameters.view(spec).data();
    if (spec.order == DiskOrder::rows) {
      sources.push_back(tensor_source(prefix + spec.name, shape_on_disk(spec),
                                      std::span<const float>(values, static_cast<std::size_t>(spec.size()))));
      continue;
    }
    TensorSource source;
    source.name = prefix + spec.name;
    source.shape = shape_on_disk(spec);
    source.produce = [values, spec](const TensorSource::Sink& sink) { produce_tensor(spec, values, sink); };
    sources.push_back(std::move(source));
  }
}

void read_tensors(Parameters<float>& parameters, const SafetensorsFile& file, const std::string& prefix) {
  for (const TensorSpec& spec : parameters.tensors()) {
    const std::string name = prefix + spec.name;
    const TensorEntry* entry = file.find(name);
    read_tensor({&file, entry}, spec, name, file.name(), parameters.view(spec));
  }
}

LoadedModel load_model(const std::string& path) {
  require_kind(FileUse::model, path);
  const bool folder = is_folder(path);
  const ModelTensors tensors = folder ? ModelTensors::open_folder(path) : ModelTensors::open(path);
  ModelRecord record;
  if (tensors.metadata("lm.config") != nullptr) {
    record = model_record(tensors.files().front());
  } else if (folder) {
    record = folder_record(path);
  } else {
    throw Error("'" + path + "' does not say what model it is (no lm.config); give the folder with its config.json instead");
  }
  check_content(tensors, record.config);
  if (record.config.tied_embeddings && has_other_head(tensors, record.config)) {
    record.config.tied_embeddings = false;
    record.notes.push_back(
        "its configuration ties the head to the embedding, but its files hold another head, which is used");
  }
  Parameters<float> parameters(record.config);
  check_no_strangers(tensors, parameters);
  for (const TensorSpec& spec : parameters.tensors()) {
    read_tensor(tensors.find(spec, record.config.family), spec, spec.name, tensors.name(), parameters.view(spec));
  }
  return {.record = std::move(record), .parameters = std::move(parameters), .path = path};
}

bool is_model_folder(const std::string& path) { return path.ends_with('/') || is_folder(path); }

}  // namespace lm
