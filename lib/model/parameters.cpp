#include "model/parameters.h"

#include <algorithm>
#include <numeric>
#include <span>

#include "base/rng.h"
#include "base/round.h"
#include "model/families.h"

namespace lm {

namespace {

constexpr InitialValue kZeros = {};
constexpr InitialValue kOnes = {.kind = InitialValue::Kind::ones};
constexpr InitialValue kUsual = {.kind = InitialValue::Kind::normal, .deviation = 0.02};
// Residual branches start with nothing to add, so that depth does not matter at first: trains faster (arXiv:1901.09321).
constexpr InitialValue kBranch = kZeros;

}  // namespace

/// Places tensors in a layout, and notes what each is.
template <class T>
struct Parameters<T>::Builder {
  Layout& layout;
  std::vector<TensorSpec>& specs;
  const ModelConfig& config;
  const TensorNames& names;
  Tensors held;
  std::string base = names.base;  // what the next names lack
  std::int64_t layer = 0;

  /// Returns a name without its ending, with the base, and with the number of the layer if it is one of a layer.
  std::string full(const char* name) const {
    const std::string_view text = name;
    return base + (text.find('*') == std::string_view::npos ? std::string(text) : layer_name(text, layer));
  }
  DiskOrder fused_order() const { return names.fused_order == FusedOrder::heads ? DiskOrder::heads : DiskOrder::rows; }

  TensorView<T> matrix(const char* name, std::int64_t rows, InitialValue initial) {
    layout.align();
    const TensorView<T> view = append({.name = full(name) + ".weight",
                                       .rows = rows,
                                       .columns = config.channels,
                                       .rank = 2,
                                       .initial = initial,
                                       .decay = true});
    layout.align();
    return view;
  }
  /// The table of tokens, and the matrices of the head.
  TensorView<T> large_matrix(const char* name, std::int64_t rows) {
    return held == Tensors::small ? TensorView<T>() : matrix(name, rows, kUsual);
  }
  TensorView<T> vector(const std::string& name, std::int64_t size, InitialValue initial) {
    layout.align();
    const TensorView<T> view = append({.name = name, .rows = 1, .columns = size, .rank = 1, .initial = initial});
    layout.align();
    return view;
  }
  TensorView<T> gain(const char* name, std::int64_t size) {
    return vector(full(name) + ".weight", size, config.gain_offset == 0 ? kOnes : kZeros);
  }
  NormParameters<T> norm(bool present, const char* name) {
    NormParameters<T> weights;
    if (!present) return weights;
    weights.gain = gain(name, config.channels);
    if (config.norm_bias) weights.bias = vector(full(name) + ".bias", config.channels, kZeros);
    return weights;
  }

  /// A part of a matrix that one product computes: a tensor on disk, of so many rows in all.
  struct Part {
    const char* name;
    std::vector<std::int64_t> matrix_rows;
    DiskOrder order = DiskOrder::rows;
    std::int64_t rows() const { return std::accumulate(matrix_rows.begin(), matrix_rows.end(), std::int64_t{0}); }
  };
  /// Returns as parts what is one tensor on disk, or one for each of its matrices.
  std::vector<Part> parts_of(std::span<const char* const> named, const std::vector<std::int64_t>& matrix_rows,
                             DiskOrder fused = DiskOrder::rows) const {
    if (matrix_rows.size() > 1 && named[1] == nullptr) return {{named[0], matrix_rows, fused}};
    std::vector<Part> parts;
    for (std::size_t i = 0; i < matrix_rows.size(); ++i) parts.push_back({named[i], {matrix_rows[i]}});
    return parts;
  }
  /// Places the parts without a gap and returns them as the matrix of one product.
  TensorView<T> layer_matrix(const std::vector<Part>& parts, std::int64_t columns, InitialValue initial) {
    if (held != Tensors::all) return {};
    layout.align();
    const std::int64_t start = layout.template position<T>();
    std::int64_t rows = 0;
    for (const Part& part : parts) {
      append({.name = full(part.name) + ".weight",
              .rows = part.rows(),
              .columns = columns,
              .rank = 2,
              .order = names.transposed ? DiskOrder::transposed : part.order,
              .head_dim = config.head_dim,
              .initial = initial,
              .decay = true,
              .matrix_rows = part.matrix_rows});
      rows += part.rows();
    }
    layout.align();
    return TensorView<T>(layout.template at<T>(start), rows, columns);
  }
  /// The same for the biases of these parts, if there are any.
  TensorView<T> layer_bias(bool present, const std::vector<Part>& parts) {
    if (!present) return {};
    layout.align();
    const std::int64_t start = layout.template position<T>();
    std::int64_t size = 0;
    for (const Part& part : parts) {
      append({.name = full(part.name) + ".bias",
              .rows = 1,
              .columns = part.rows(),
              .rank = 1,
              .order = part.order,
              .head_dim = config.head_dim,
              .initial = kZeros});
      size += part.rows();
    }
    layout.align();
    return TensorView<T>(layout.template at<T>(start), size);
  }

 private:
  TensorView<T> append(TensorSpec spec) {
    spec.offset = layout.template position<T>();
    specs.push_back(spec);
    T* start = layout.template append<T>(spec.size());
    return spec.rank == 1 ? TensorView<T>(start, spec.columns) : TensorView<T>(start, spec.rows, spec.columns);
  }
};

template <class T>
void Parameters<T>::lay_out(Layout& layout) {
  specs_.clear();
  const ModelConfig& c = config_;
  const TensorNames& names = tensor_names(c.family);
  Builder b{.layout = layout, .specs = specs_, .config = c, .names = names, .held = held_};

  tokens = b.large_matrix(names.tokens, c.vocab_size);
  if (c.positions == Positions::learned) positions = b.matrix(names.positions, c.position_offset + c.context_length, kUsual);
  if (c.token_types > 0) token_types = b.matrix(names.token_types, c.token_types, kUsual);
  embedding_norm = b.norm(c.embedding_norm, names.embedding_norm);
  layers.resize(static_cast<std::size_t>(c.n_layers));
  layer_begins_.clear();
  for (std::size_t i = 0; i < layers.size(); ++i) {
    layer_begins_.push_back(layout.template position<T>());
    lay_out_layer(b, i);
  }
  layer_begins_.push_back(layout.template position<T>());
  final_norm = b.norm(c.final_norm, names.final_norm);
  b.base.clear();  // the head's names are whole
  if (c.head_dense) {
    head_dense = b.large_matrix(names.head_dense, c.channels);
    if (c.head_dense_bias) head_dense_bias = b.vector(std::string(names.head_dense) + ".bias", c.channels, kZeros);
    head_norm = b.norm(true, names.head_norm);
  }
  head = c.tied_embeddings ? tokens : b.large_matrix(names.head, c.vocab_size);
  if (!c.head_bias) return;
  // Where the head has a matrix of its own, transformers reads the bias beside it, and no other.
  head_bias =
      b.vector(c.tied_embeddings ? std::string(names.head_bias) : std::string(names.head) + ".bias", c.vocab_size, kZeros);
}

template <class T>
void Parameters<T>::lay_out_layer(Builder& b, std::size_t number) {
  const ModelConfig& c = config_;
  const TensorNames& names = b.names;
  LayerParameters<T>& layer = layers[number];
  b.layer = static_cast<std::int64_t>(number);
  const auto qkv = b.parts_of(names.qkv, {c.q_width(), c.kv_width(), c.kv_width()}, b.fused_order());
  const auto up = b.parts_of(names.up, c.gated ? std::vector{c.ffn_dim, c.ffn_dim} : std::vector{c.ffn_dim});
  const bool by_head = c.qk_norm == QkNorm::head;

  layer.attention_norm = b.norm(c.input_norm && c.layer(b.layer).attention_norm, names.attention_norm);
  layer.qkv = b.layer_matrix(qkv, c.channels, kUsual);
  layer.qkv_bias = b.layer_bias(c.qkv_bias, qkv);
  if (c.qk_norm != QkNorm::none) {
    layer.q_norm = b.gain(names.q_norm, by_head ? c.head_dim : c.q_width());
    layer.k_norm = b.gain(names.k_norm, by_head ? c.head_dim : c.kv_width());
  }
  layer.projection = b.layer_matrix({{names.projection, {c.channels}}}, c.q_width(), kBranch);
  layer.projection_bias = b.layer_bias(c.projection_bias, {{names.projection, {c.channels}}});
  layer.attention_post_norm = b.norm(c.post_norm(), names.attention_post_norm);

  layer.ffn_norm = b.norm(c.input_norm, names.ffn_norm);
  layer.up = b.layer_matrix(up, c.channels, kUsual);
  layer.up_bias = b.layer_bias(c.ffn_bias, up);
  layer.down = b.layer_matrix({{names.down, {c.channels}}}, c.ffn_dim, kBranch);
  layer.down_bias = b.layer_bias(c.ffn_bias, {{names.down, {c.channels}}});
  layer.ffn_post_norm = b.norm(c.post_norm(), names.ffn_post_norm);
}

std::int64_t parameter_count(const ModelConfig& config) {
  std::int64_t count = 0;
  const Parameters<float> shapes = Parameters<float>::shapes(config);
  for (const TensorSpec& spec : shapes.tensors()) count += spec.size();
  return count;
}

template <class T>
Parameters<T>::Parameters(const ModelConfig& config, Tensors held) : config_(config), held_(held) {
  arena_ = place_views<T>([&](Layout& layout) { lay_out(layout); });
}

template <class T>
Parameters<T> Parameters<T>::shapes(const ModelConfig& config, Tensors held) {
  Parameters parameters;
  parameters.config_ = config;
  parameters.held_ = held;
  Layout measured;
  parameters.lay_out(measured);
  return parameters;
}

template <class T>
std::int64_t Parameters<T>::bytes(const ModelConfig& config, Tensors held) {
  Parameters parameters;
  parameters.config_ = config;
  parameters.held_ = held;
  return view_bytes([&](Layout& layout) { parameters.lay_out(layout); });
}

template <class T>
void initialise(Compute& compute, Parameters<T>& parameters, std::uint64_t seed) {
  constexpr std::int64_t kTile = 4096;
  std::uint64_t index = 0;
  for (const TensorSpec& spec : parameters.tensors()) {
    T* values = parameters.view(spec).data();
    const InitialValue initial = spec.initial;
    const std::uint64_t tensor = index++;
    compute.pool().run(divide_up(spec.size(), kTile), [&](std::int64_t tile, int) {
      Rng rng(seed, RngPurpose::initial_weights, tensor << 40 | static_cast<std::uint64_t>(tile));
      for (std::int64_t i = tile * kTile; i < std::min(spec.size(), (tile + 1) * kTile); ++i) {
        switch (initial.kind) {
          case InitialValue::Kind::zeros:
            values[i] = T(0);
            break;
          case InitialValue::Kind::ones:
            values[i] = T(1);
            break;
          case InitialValue::Kind::normal:
            values[i] = static_cast<T>(initial.deviation * rng.normal());
            break;
        }
      }
    });
  }
}

template class Parameters<float>;
template class Parameters<double>;
template void initialise<float>(Compute&, Parameters<float>&, std::uint64_t);
template void initialise<double>(Compute&, Parameters<double>&, std::uint64_t);

}  // namespace lm
