#include "model/files/gguf_checkpoint.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>

#include "base/error.h"
#include "model/files/gguf_model.h"

namespace lm {

namespace {

constexpr std::string_view kOwnKeys = "lm.";

/// Returns whether numbers are the same, one of which was rounded to 32 bits.
bool same_number(double a, double b) { return std::abs(a - b) <= 1e-6 * std::max(std::abs(a), std::abs(b)); }

/// Returns whether the rotations of two shapes are the same, as far as llama.cpp's keys say them in one way only.
bool same_rotation(const Rotary& a, const Rotary& b) {
  const auto in_keys = [](RotaryScaling scaling) {
    return scaling == RotaryScaling::linear || scaling == RotaryScaling::yarn;
  };
  if (!same_number(a.theta, b.theta)) return false;
  return (!in_keys(a.scaling) && !in_keys(b.scaling)) || (a.scaling == b.scaling && same_number(a.factor, b.factor));
}

/// Throws Error unless what a file of ours says of itself is of the model that it holds, and what its other keys say, which
/// other programs read and people change.
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
  const auto require = [&](bool same, const char* what) {
    if (!same)
      throw Error("cannot use '" + model.name() + "': its 'lm.config' and its other keys name different " + what +
                  "; where these were changed on purpose, remove the keys that begin with 'lm.'");
  };
  require(same_number(own.norm_eps, stored.norm_eps), "epsilons of norms");
  require(own.positions != Positions::rotary || same_rotation(own.rotary, stored.rotary), "rotations of positions");
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
