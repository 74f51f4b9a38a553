#include "model/files/checkpoint.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/file_kind.h"
#include "base/file_use.h"
#include "base/path.h"
#include "model/families.h"
#include "model/files/config_hugging_face.h"
#include "model/files/folder_files.h"
#include "model/files/gguf_checkpoint.h"
#include "model/files/model_tensors.h"

namespace lm {

namespace {

// The version of the lm.* strings that this program writes, and the newest that it reads.
constexpr std::int64_t kVersion = 1;

/// Returns names in quotes and in order, the first ones if they are many.
std::string list_names(std::vector<std::string> names) {
  constexpr std::size_t kMost = 10;
  std::sort(names.begin(), names.end());
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kMost); ++i) list += (i == 0 ? "'" : ", '") + names[i] + "'";
  return names.size() <= kMost ? list : list + " and " + std::to_string(names.size() - kMost) + " more";
}

bool is_folder(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

/// Throws Error naming the first tensor that the files lack or have in another shape.
[[noreturn]] void refuse_incomplete(const ModelTensors& tensors, ModelConfig config, std::int64_t entries) {
  config.n_layers = std::min(config.n_layers, entries + 1);  // one of which lacks all its tensors
  const Parameters<float> shapes = Parameters<float>::shapes(config);
  for (const TensorSpec& spec : shapes.tensors())
    check_tensor(tensors.find(spec, config.family), spec, spec.name, tensors.name());
  throw Error("'" + tensors.name() + "' lacks tensors of the model that its configuration describes");
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
  if (config.n_layers > entries || parameter_count(config) > elements) refuse_incomplete(tensors, config, entries);
}

/// Returns whether the files hold a head beside an embedding that it is said to be tied to, and it is another matrix:
/// transformers use it then.
bool has_other_head(const ModelTensors& tensors, const ModelConfig& config) {
  const TensorNames& names = tensor_names(config.family);
  const auto found = [&](const std::string& name) {
    const TensorSpec spec{
        .name = name + ".weight", .rows = config.vocab_size, .columns = config.channels, .rank = 2, .initial = {}};
    const FoundTensor tensor = tensors.find(spec, config.family);
    if (tensor.entry != nullptr) check_tensor(tensor, spec, spec.name, tensors.name());
    return tensor;
  };
  const FoundTensor head = found(names.head), tokens = found(std::string(names.base) + names.tokens);
  if (head.entry == nullptr || tokens.entry == nullptr) return false;
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

/// Returns what to do about a tensor of a model that does something else than predict tokens; empty for any other.
std::string remedy_of(const std::string& name) {
  constexpr std::array kHeads = {"score.", "classifier.", "qa_outputs.", "pre_classifier."};
  if (std::none_of(kHeads.begin(), kHeads.end(), [&](const char* head) { return name.starts_with(head); })) return "";
  return "; its head classifies, and only models that predict tokens are read: load it in transformers by the class that " +
         std::string("predicts tokens, if it was made of such a model, and save that");
}

/// Notes which weights are left out, if any.
void note_other_tasks(const ModelTensors& tensors, ModelRecord& record) {
  std::vector<std::string> names;
  for (const SafetensorsFile& file : tensors.files()) {
    for (const TensorEntry& entry : file.entries()) {
      if (is_for_other_task(entry.name, record.config)) names.push_back(entry.name);
    }
  }
  if (!names.empty())
    record.left_out.push_back("weights that predict no tokens are left out: " + list_names(std::move(names)));
}

/// Notes which files of a folder a model that is written from it lacks, if any.
void note_other_files(const std::string& folder, const ModelTensors& tensors, ModelRecord& record) {
  std::set<std::string> read = {"model.safetensors.index.json"};
  for (const SafetensorsFile& file : tensors.files()) read.insert(name_of(file.name()));
  std::vector<std::string> names;
  for (const std::string& name : names_in(folder).value_or(std::vector<std::string>())) {
    const bool hidden = name.starts_with(".");  // of version control and caches
    if (!hidden && !read.contains(name) && !is_folder_file(name) && !is_vocabulary_file(name)) names.push_back(name);
  }
  if (!names.empty()) record.left_out.push_back("files that stay behind: " + list_names(std::move(names)));
}

void check_no_strangers(const ModelTensors& tensors, const Parameters<float>& parameters) {
  std::set<const TensorEntry*> known;
  for (const TensorSpec& spec : parameters.tensors()) known.insert(tensors.find(spec, parameters.config().family).entry);
  for (const SafetensorsFile& file : tensors.files()) {
    for (const TensorEntry& entry : file.entries()) {
      const ModelConfig& config = parameters.config();
      if (known.count(&entry) == 0 && !is_harmless(entry.name, config) && !is_head_bias(entry.name, config))
        throw Error("unexpected tensor '" + entry.name + "' in '" + file.name() + "'" + remedy_of(entry.name));
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

ModelRecord model_record(const SafetensorsFile& file) { return model_record(file.metadata(), file.name()); }

ModelRecord model_record(const SafetensorsMetadata& metadata, const std::string& name) {
  const auto text = [&](const char* key) {
    const auto found = metadata.find(key);
    return found == metadata.end() ? std::string() : found->second;
  };
  const std::string version = text("lm.version");
  if (version != std::to_string(kVersion)) {
    throw Error("'" + name + "' has version '" + version + "' of the checkpoint format, this program reads version " +
                std::to_string(kVersion) + "; use a newer lm-tools");
  }
  ModelRecord record;
  record.config = config_from_json(JsonValue::parse(text("lm.config"), name), name);
  record.objective = text("lm.objective");
  if (record.objective.empty()) throw Error("no lm.objective in '" + name + "'");
  record.tokenizer_json = text("lm.tokenizer");
  record.progress = text("lm.progress");
  if (const std::string ends = text("lm.ends"); !ends.empty())
    record.ends.ids = text_ends_from_json(ends, record.config.vocab_size, name);
  if (const std::string folder = text("lm.folder"); !folder.empty()) record.folder = folder_texts_from_json(folder, name);
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

LoadedModel load_model(const std::string& path, Matrices matrices) {
  const FileKind kind = kind_of_path(path);
  require_kind(FileUse::model, kind, input_name(path));
  if (kind == FileKind::gguf) return load_gguf_model(path, matrices);
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
  note_other_tasks(tensors, record);
  if (folder) note_other_files(path, tensors, record);
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
