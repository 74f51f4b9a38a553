#include "model/files/gguf_checkpoint.h"

#include <array>
#include <memory>
#include <optional>

#include "base/error.h"
#include "model/files/gguf_model.h"

namespace lm {

namespace {

constexpr std::string_view kOwnKeys = "lm.";

/// Throws Error unless what a file of ours says of itself is of the model that it holds.
void check_own_config(const ModelConfig& own, const GgufModel& model) {
  const ModelConfig& stored = model.config();
  constexpr std::array kSizes = {&ModelConfig::n_layers,   &ModelConfig::channels, &ModelConfig::n_heads,
                                 &ModelConfig::n_kv_heads, &ModelConfig::head_dim, &ModelConfig::ffn_dim,
                                 &ModelConfig::vocab_size};
  for (const auto size : kSizes) {
    if (own.*size != stored.*size)
      throw Error("cannot use '" + model.name() +
                  "': its 'lm.config' is of another model than its tensors; was it changed?");
  }
}

/// Returns what a file that was written here says of itself, as model files do; nothing of another's.
std::optional<ModelRecord> own_record(const GgufModel& model) {
  const GgufFile& file = model.parts().first();
  SafetensorsMetadata metadata;
  for (const std::string_view key : file.keys()) {
    const GgufValue* value = file.find(key);
    if (key.starts_with(kOwnKeys) && value->type == GgufType::string)
      metadata[std::string(key)] = std::get<std::string>(value->value);
  }
  if (!metadata.contains("lm.version")) return std::nullopt;
  if (!metadata.contains("lm.config"))
    throw Error("cannot use '" + model.name() + "': it has a string 'lm.version', and no 'lm.config'; was it changed?");
  ModelRecord record = model_record(metadata, model.name());
  check_own_config(record.config, model);
  return record;
}

ModelRecord foreign_record(const GgufModel& model, const std::string& path) {
  ModelRecord record{.config = model.config(), .tokenizer_json = {}, .progress = {}};
  record.folder = model.folder();
  record.ends = read_text_ends(record.folder, path, record.config.vocab_size, record.notes);
  record.tokenizer_in_file = model.has_vocabulary();
  return record;
}

}  // namespace

LoadedModel load_gguf_model(const std::string& path, Matrices matrices) {
  auto opened = std::make_shared<const GgufModel>(GgufModel::open(path));
  const GgufModel& model = *opened;
  std::optional<ModelRecord> own = own_record(model);
  ModelRecord record = own ? std::move(*own) : foreign_record(model, path);
  if (is_quantized(model.parts()) && matrices == Matrices::in_memory)
    record.notes.push_back("its weights are dequantized from " + gguf_file_type(model.parts()) + " to 32-bit floats");
  Parameters<float> parameters(record.config, matrices == Matrices::in_memory ? Tensors::all : Tensors::small);
  for (const TensorSpec& spec : parameters.tensors()) model.read(spec, parameters.view(spec));
  LoadedModel loaded{.record = std::move(record), .parameters = std::move(parameters), .path = path};
  if (matrices == Matrices::in_file) loaded.matrices = std::move(opened);
  return loaded;
}

}  // namespace lm
