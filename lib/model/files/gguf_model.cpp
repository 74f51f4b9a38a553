#include "model/files/gguf_model.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/gguf_ends.h"
#include "kernels/blocks.h"
#include "model/families.h"
#include "model/files/config_hugging_face.h"
#include "model/files/gguf_config.h"
#include "model/files/model_tensors.h"
#include "model/files/text_ends.h"

namespace lm {

namespace {

constexpr std::int64_t kGgufPieceBytes = std::int64_t{1} << 20;  // read and converted at a time, or one row if that is more

std::string quoted_tensor(const std::string& name) { return "'" + name.substr(0, 100) + "'"; }

/// Returns whether a tensor says what the configuration says: the factors of a rotation.
bool is_of_rotation(std::string_view name, const ModelConfig& config) {
  const RotaryScaling scaling = config.rotary.scaling;
  if (name == "rope_freqs.weight") return scaling == RotaryScaling::llama3 || scaling == RotaryScaling::longrope;
  return (name == "rope_factors_long.weight" || name == "rope_factors_short.weight") && scaling == RotaryScaling::longrope;
}

/// Returns a shape as folders have it, the fastest dimension last.
std::vector<std::int64_t> gguf_shape(const GgufTensor& tensor) {
  std::vector<std::int64_t> shape;
  for (std::uint32_t d = tensor.dimensions; d > 0; --d) shape.push_back(static_cast<std::int64_t>(tensor.shape[d - 1]));
  return shape;
}

/// Returns which of a layer's tensors that a file may have as one a tensor is: 0 queries, 1 keys, 2 values; nothing for
/// others.
std::optional<std::size_t> qkv_part(std::string_view name) {
  constexpr std::string_view kParts[] = {".attn_q.", ".attn_k.", ".attn_v."};
  for (std::size_t i = 0; i < 3; ++i) {
    if (name.find(kParts[i]) != std::string_view::npos) return i;
  }
  return std::nullopt;
}

void check_type(const GgufFound& found) {
  const GgufTensor& tensor = *found.tensor;
  if (can_dequantize(tensor.type)) return;
  throw Error(
      "cannot use '" + found.file->name() + "': its tensor " + quoted_tensor(tensor.name) + " is of the type " +
      std::string(to_string(tensor.type)) +
      "; known are F32 F16 BF16 Q8_0 Q4_0 Q4_1 Q5_0 Q5_1 Q2_K Q3_K Q4_K Q5_K Q6_K IQ4_NL IQ4_XS MXFP4; make the file " +
      "again with one of these");
}

}  // namespace

GgufModel GgufModel::open(const std::string& path) {
  GgufModel model(GgufParts::open(path));
  const GgufFile& file = model.parts_.first();
  const std::string type = file.string_at("general.type").value_or("model");
  if (type != "model")
    throw Error("cannot use '" + file.name() + "' as a model: its general.type is " + json_quote(type.substr(0, 100)));
  const std::optional<std::string> name = file.string_at("general.architecture");
  if (!name) throw Error("cannot use '" + file.name() + "' as a model: it has no general.architecture");
  model.architecture_ = &find_gguf_architecture(*name, file.name());
  JsonValue json = config_from_gguf(model.parts_, *model.architecture_);
  model.config_ = config_from_hugging_face(json, file.name());
  if (const std::vector<TokenId> ends = gguf_text_ends(file, model.config_.vocab_size); !ends.empty())
    json.set("eos_token_id", ends.size() == 1 ? JsonValue(std::int64_t{ends.front()}) : text_ends_to_json(ends));
  model.folder_["config.json"] = json.dump(2) + "\n";
  model.check_sizes();
  model.check_tensors();
  return model;
}

GgufModel::GgufModel(GgufParts parts) : parts_(std::move(parts)) {}

bool GgufModel::has_vocabulary() const {
  const std::string model = parts_.first().string_at("tokenizer.ggml.model").value_or("");
  return !model.empty() && model != "none" && model != "no_vocab";
}

/// Throws Error, before memory is taken for the model's tensors, if the file cannot hold them.
void GgufModel::check_sizes() const {
  std::int64_t elements = 0;
  for (const GgufFile& file : parts_.files()) {
    for (const GgufTensor& tensor : file.tensors()) {
      // No type has more than 8 values a byte, and no file 2^60 bytes.
      if (__builtin_add_overflow(elements, gguf_elements(tensor), &elements)) throw Error("'" + name() + "' is too large");
    }
  }
  ModelConfig first = config_;
  first.n_layers = 1;
  if (!first.layer_shapes.empty()) first.layer_shapes.resize(1);
  const std::int64_t outside = parameter_count(first);
  const std::int64_t layers = (config_.n_layers - 1) * (layer_matrix_count(config_) / config_.n_layers);
  if (outside + layers <= elements) return;
  // So some tensor is missing, or has another shape, of as many layers as there can be.
  const Parameters<float> shapes = Parameters<float>::shapes(first);
  for (const TensorSpec& spec : shapes.tensors()) place(spec);
  throw Error("'" + name() + "' lacks tensors of the model that its keys describe");
}

void GgufModel::check_tensors() const {
  std::set<const GgufTensor*> known;
  const Parameters<float> shapes = Parameters<float>::shapes(config_);
  for (const TensorSpec& spec : shapes.tensors()) {
    place(spec);
    std::int64_t first_row = 0;
    known.insert(find_part(spec, first_row).tensor);
  }
  for (const GgufFile& file : parts_.files()) {
    for (const GgufTensor& tensor : file.tensors()) {
      if (!known.contains(&tensor) && !is_of_rotation(tensor.name, config_))
        throw Error("unexpected tensor " + quoted_tensor(tensor.name) + " in '" + file.name() + "'");
    }
  }
}

void GgufModel::refuse_shape(const GgufFound& found, const TensorSpec& spec) const {
  const std::vector<std::int64_t> expected =
      spec.rank == 1 ? std::vector{spec.columns} : std::vector{spec.rows, spec.columns};
  throw Error("tensor " + quoted_tensor(found.tensor->name) + " in '" + found.file->name() + "' has shape " +
              shape_text(gguf_shape(*found.tensor)) + ", expected " + shape_text(expected));
}

/// Returns the tensor that holds another: its own, or that of queries, keys and values together, from `first_row` on.
GgufFound GgufModel::find_part(const TensorSpec& spec, std::int64_t& first_row) const {
  const std::string theirs = gguf_tensor_name(config_.family, spec.name);
  first_row = 0;
  const GgufFound own = parts_.find(theirs);
  const std::optional<std::size_t> part = qkv_part(theirs);
  if (own.tensor != nullptr || !part) return own;
  std::string fused = theirs;
  fused.replace(fused.find(".attn_") + 6, 1, "qkv");
  if (*part > 0) first_row = config_.q_width() + (*part == 2 ? config_.kv_width() : 0);
  return parts_.find(fused);
}

GgufPlace GgufModel::place(const TensorSpec& spec) const {
  std::int64_t first_row = 0;
  const GgufFound found = find_part(spec, first_row);
  const std::string theirs = gguf_tensor_name(config_.family, spec.name);
  if (found.tensor == nullptr) throw Error("no tensor " + quoted_tensor(theirs) + " in '" + name() + "'");
  const GgufTensor& tensor = *found.tensor;
  check_type(found);
  const bool vector = spec.rank == 1, whole = tensor.name == theirs;
  const std::int64_t size = vector ? spec.columns : spec.rows, fused = config_.qkv_width();
  const auto stored =
      static_cast<std::int64_t>(std::min<std::uint64_t>(vector ? tensor.shape[0] : tensor.shape[1], INT64_MAX));
  const bool right_width = vector ? tensor.shape[1] == 1 : tensor.shape[0] == static_cast<std::uint64_t>(spec.columns);
  if (!right_width || tensor.shape[2] != 1 || tensor.shape[3] != 1 || stored != (whole ? size : fused))
    refuse_shape(found, spec);
  const std::optional<std::size_t> part = qkv_part(theirs);
  const bool paired = architecture_->paired_rows && part && *part < 2;
  const GgmlTypeFacts& facts = facts_of(tensor.type);
  // The elements of a vector that is cut or reordered are rows of their own.
  const bool by_element = vector && (!whole || paired);
  const std::int64_t columns = by_element ? 1 : spec.columns;
  if (columns % facts.values != 0) refuse_shape(found, spec);
  const std::int64_t row_bytes = facts.bytes_of(columns);
  return {.file = found.file,
          .type = tensor.type,
          .offset = tensor.offset + static_cast<std::uint64_t>(first_row * row_bytes),
          .rows = by_element ? size : spec.rows,
          .columns = columns,
          .row_bytes = row_bytes,
          .paired_rows = paired ? config_.head_dim : 0,
          .gain_offset = vector && config_.gain_offset != 0 && spec.name.ends_with("norm.weight") ? 1.0F : 0.0F};
}

void GgufModel::read(const TensorSpec& spec, TensorView<float> values) const {
  const GgufPlace at = place(spec);
  const std::int64_t most = std::max<std::int64_t>(1, kGgufPieceBytes / std::max<std::int64_t>(1, at.row_bytes));
  std::vector<char> piece(static_cast<std::size_t>(std::min(most, at.rows) * at.row_bytes));
  for (std::int64_t first = 0; first < at.rows; first += most) {
    const std::int64_t rows = std::min(most, at.rows - first);
    at.file->read(at.offset + static_cast<std::uint64_t>(first * at.row_bytes), piece.data(),
                  static_cast<std::size_t>(rows * at.row_bytes));
    for (std::int64_t row = 0; row < rows; ++row)
      dequantize(at.type, piece.data() + row * at.row_bytes, at.columns,
                 values.data() + at.memory_row(first + row) * at.columns);
  }
  const std::span<float> all(values.data(), static_cast<std::size_t>(spec.size()));
  if (!std::all_of(all.begin(), all.end(), [](float value) { return std::isfinite(value); })) {
    refuse_not_finite(spec);
  }
  if (at.gain_offset != 0) {
    for (float& value : all) value -= at.gain_offset;
  }
}

void GgufModel::refuse_not_finite(const TensorSpec& spec) const {
  throw Error("tensor " + quoted_tensor(gguf_tensor_name(config_.family, spec.name)) + " in '" + place(spec).file->name() +
              "' holds numbers that are not finite");
}

StoredRows GgufModel::rows_of(const TensorSpec& spec) const {
  const GgufPlace at = place(spec);
  const auto read = [at](std::int64_t first, std::int64_t count, void* rows) {
    const auto read_from = [&](std::int64_t row, std::int64_t so_many, char* to) {
      at.file->read(at.offset + static_cast<std::uint64_t>(row * at.row_bytes), to,
                    static_cast<std::size_t>(so_many * at.row_bytes));
    };
    if (at.paired_rows == 0) return read_from(first, count, static_cast<char*>(rows));
    for (std::int64_t i = 0; i < count; ++i)
      read_from(at.file_row(first + i), 1, static_cast<char*>(rows) + i * at.row_bytes);
  };
  return {.type = at.type, .read = read};
}

}  // namespace lm
