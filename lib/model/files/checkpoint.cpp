#include "model/files/checkpoint.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "base/error.h"
#include "base/file.h"
#include "base/file_use.h"
#include "model/files/config_hugging_face.h"

namespace lm {

namespace {

// The version of the lm.* strings that this program writes, and the newest that it reads.
constexpr std::int64_t kVersion = 1;

bool is_folder(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
}

std::vector<std::int64_t> shape_on_disk(const TensorSpec& spec) {
  if (spec.rank == 1) return {spec.columns};
  if (spec.transposed_on_disk) return {spec.columns, spec.rows};
  return {spec.rows, spec.columns};
}

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text;
  for (const std::int64_t size : shape) text += (text.empty() ? "(" : ", ") + std::to_string(size);
  return text.empty() ? "()" : text + ")";
}

/// Streams a matrix (rows, columns) as its transpose, one row of the result at a time.
void produce_transposed(const float* values, std::int64_t rows, std::int64_t columns, const TensorSource::Sink& sink) {
  std::vector<float> line(static_cast<std::size_t>(rows));
  for (std::int64_t column = 0; column < columns; ++column) {
    for (std::int64_t row = 0; row < rows; ++row) line[static_cast<std::size_t>(row)] = values[row * columns + column];
    sink(line.data(), line.size() * sizeof(float));
  }
}

/// Returns the tensor of that name or null. GPT-2's files on the hub lack the prefix that the language-model class writes.
const TensorEntry* find_tensor(const SafetensorsFile& file, const std::string& name) {
  const TensorEntry* entry = file.find(name);
  constexpr std::string_view kPrefix = "transformer.";
  if (entry == nullptr && name.starts_with(kPrefix)) entry = file.find(std::string_view(name).substr(kPrefix.size()));
  return entry;
}

/// Returns whether a tensor may be left unread: a constant that some exporters store beside the weights, or a tied head.
bool is_harmless(const std::string& name, const ModelConfig& config) {
  return name.ends_with(".attn.bias") || name.ends_with(".attn.masked_bias") || name.ends_with(".rotary_emb.inv_freq") ||
         (config.tied_embeddings && name == "lm_head.weight");
}

void check_tensor(const TensorEntry* entry, const TensorSpec& spec, const std::string& name, const std::string& file) {
  if (entry == nullptr) throw Error("no tensor '" + name + "' in '" + file + "'");
  if (entry->shape != shape_on_disk(spec)) {
    throw Error("tensor '" + name + "' in '" + file + "' has shape " + shape_text(entry->shape) + ", expected " +
                shape_text(shape_on_disk(spec)));
  }
}

/// Throws Error, before memory is taken for the model, if the file cannot hold it or is a training state.
void check_content(const SafetensorsFile& file, const ModelConfig& config) {
  std::int64_t elements = 0;
  for (const TensorEntry& entry : file.entries()) {
    if (entry.name.starts_with("train.")) require_kind(FileUse::model, FileKind::state, file.name());
    if (is_harmless(entry.name, config)) continue;
    file.check_floats(entry);
    elements += entry.elements();
  }
  if (parameter_count(config) > elements || config.n_layers > static_cast<std::int64_t>(file.entries().size())) {
    throw Error("'" + file.name() + "' lacks tensors of the model that its configuration describes");
  }
}

void check_no_strangers(const SafetensorsFile& file, const Parameters<float>& parameters) {
  std::set<const TensorEntry*> known;
  for (const TensorSpec& spec : parameters.tensors()) known.insert(find_tensor(file, spec.name));
  for (const TensorEntry& entry : file.entries()) {
    if (known.count(&entry) == 0 && !is_harmless(entry.name, parameters.config())) {
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
  record.ends = read_text_ends(folder, record.config.vocab_size, record.notes);
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
  return record;
}

void add_sources(std::vector<TensorSource>& sources, const Parameters<float>& parameters, const std::string& prefix) {
  for (const TensorSpec& spec : parameters.tensors()) {
    const float* values = parameters.view(spec).data();
    if (!spec.transposed_on_disk) {
      sources.push_back(tensor_source(prefix + spec.name, shape_on_disk(spec),
                                      std::span<const float>(values, static_cast<std::size_t>(spec.size()))));
      continue;
    }
    TensorSource source;
    source.name = prefix + spec.name;
    source.shape = shape_on_disk(spec);
    source.produce = [values, rows = spec.rows, columns = spec.columns](const TensorSource::Sink& sink) {
      produce_transposed(values, rows, columns, sink);
    };
    sources.push_back(std::move(source));
  }
}

void read_tensors(Parameters<float>& parameters, const SafetensorsFile& file, const std::string& prefix) {
  std::vector<float> disk;
  for (const TensorSpec& spec : parameters.tensors()) {
    const std::string name = prefix + spec.name;
    const TensorEntry* entry = find_tensor(file, name);
    check_tensor(entry, spec, name, file.name());
    const std::span<float> values(parameters.view(spec).data(), static_cast<std::size_t>(spec.size()));
    if (spec.transposed_on_disk) {
      disk.resize(values.size());
      file.read_floats(*entry, disk);
      for (std::int64_t row = 0; row < spec.rows; ++row) {
        for (std::int64_t column = 0; column < spec.columns; ++column) {
          values[static_cast<std::size_t>(row * spec.columns + column)] =
              disk[static_cast<std::size_t>(column * spec.rows + row)];
        }
      }
    } else {
      file.read_floats(*entry, values);
    }
    if (!std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); })) {
      throw Error("tensor '" + name + "' in '" + file.name() + "' holds numbers that are not finite");
    }
  }
}

LoadedModel load_model(const std::string& path) {
  require_kind(FileUse::model, path);
  const bool folder = is_folder(path);
  const std::string weights_path = folder ? path + "/model.safetensors" : path;
  const SafetensorsFile file = SafetensorsFile::open(weights_path);
  ModelRecord record;
  if (file.metadata("lm.config") != nullptr) {
    record = model_record(file);
  } else if (folder) {
    record = folder_record(path);
  } else {
    throw Error("'" + path + "' does not say what model it is (no lm.config); give the folder with its config.json instead");
  }
  check_content(file, record.config);
  Parameters<float> parameters(record.config);
  check_no_strangers(file, parameters);
  read_tensors(parameters, file);
  return {.record = std::move(record), .parameters = std::move(parameters), .path = path};
}

bool is_model_folder(const std::string& path) { return path.ends_with('/') || is_folder(path); }

}  // namespace lm
