#include "model/parameters.h"

#include <algorithm>

#include "base/rng.h"
#include "base/round.h"

namespace lm {

namespace {

constexpr InitialValue kZeros = {};
constexpr InitialValue kOnes = {.kind = InitialValue::Kind::ones};
constexpr InitialValue kUsual = {.kind = InitialValue::Kind::normal, .deviation = 0.02};
// Residual branches start with nothing to add, so that depth does not matter at first: trains faster (arXiv:1901.09321).
constexpr InitialValue kBranch = kZeros;

// The names of one layer's tensors, by family.
struct LayerNames {
  std::string prefix;
  bool gpt2;
  std::string operator()(const char* llama_name, const char* gpt2_name) const {
    return prefix + (gpt2 ? gpt2_name : llama_name);
  }
};

}  // namespace

/// Places tensors in a layout, and notes what each is.
template <class T>
struct Parameters<T>::Builder {
  Layout& layout;
  std::vector<TensorSpec>& specs;
  const ModelConfig& config;
  Tensors held;

  bool gpt2() const { return config.family == Family::gpt2; }

  TensorView<T> matrix(const std::string& name, std::int64_t rows, InitialValue initial) {
    layout.align();
    const TensorView<T> view =
        append({.name = name, .rows = rows, .columns = config.channels, .rank = 2, .initial = initial, .decay = true});
    layout.align();
    return view;
  }
  TensorView<T> vector(const std::string& name, std::int64_t size, InitialValue initial) {
    layout.align();
    const TensorView<T> view = append({.name = name, .rows = 1, .columns = size, .rank = 1, .initial = initial});
    layout.align();
    return view;
  }

  /// A tensor of layer matrices: as many as `stacked`, of equal height.
  struct Part {
    std::string name;
    std::int64_t rows = 0;
    std::int64_t stacked = 1;
  };
  /// Places the parts without a gap and returns them as the matrix of one product.
  TensorView<T> layer_matrix(const std::vector<Part>& parts, std::int64_t columns, InitialValue initial) {
    if (held == Tensors::outside_layer_matrices) return {};
    layout.align();
    const std::int64_t start = layout.template position<T>();
    std::int64_t rows = 0;
    for (const Part& part : parts) {
      append({.name = part.name,
              .rows = part.rows,
              .columns = columns,
              .rank = 2,
              .transposed_on_disk = gpt2(),
              .initial = initial,
              .decay = true,
              .layer_matrices = part.stacked});
      rows += part.rows;
    }
    layout.align();
    return TensorView<T>(layout.template at<T>(start), rows, columns);
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
  Builder b{.layout = layout, .specs = specs_, .config = c, .held = held_};
  const bool gpt2 = b.gpt2();

  tokens = b.matrix(gpt2 ? "transformer.wte.weight" : "model.embed_tokens.weight", c.vocab_size, kUsual);
  if (c.positions == Positions::learned) positions = b.matrix("transformer.wpe.weight", c.context_length, kUsual);
  layers.resize(static_cast<std::size_t>(c.n_layers));
  for (std::size_t i = 0; i < layers.size(); ++i) lay_out_layer(b, i);
  final_norm_gain = b.vector(gpt2 ? "transformer.ln_f.weight" : "model.norm.weight", c.channels, kOnes);
  if (c.bias) final_norm_bias = b.vector("transformer.ln_f.bias", c.channels, kZeros);
  head = c.tied_embeddings ? tokens : b.matrix("lm_head.weight", c.vocab_size, kUsual);
}

template <class T>
void Parameters<T>::lay_out_layer(Builder& b, std::size_t number) {
  const ModelConfig& c = config_;
  const bool gpt2 = b.gpt2();
  LayerParameters<T>& layer = layers[number];
  const LayerNames name{(gpt2 ? "transformer.h." : "model.layers.") + std::to_string(number) + ".", gpt2};

  layer.attention_norm_gain = b.vector(name("input_layernorm.weight", "ln_1.weight"), c.channels, kOnes);
  if (c.bias) layer.attention_norm_bias = b.vector(name("", "ln_1.bias"), c.channels, kZeros);
  if (gpt2) {
    layer.qkv = b.layer_matrix({{name("", "attn.c_attn.weight"), c.qkv_width(), 3}}, c.channels, kUsual);
  } else {
    layer.qkv = b.layer_matrix({{name("self_attn.q_proj.weight", ""), c.q_width()},
                                {name("self_attn.k_proj.weight", ""), c.kv_width()},
                                {name("self_attn.v_proj.weight", ""), c.kv_width()}},
                               c.channels, kUsual);
  }
  if (c.bias) layer.qkv_bias = b.vector(name("", "attn.c_attn.bias"), c.qkv_width(), kZeros);
  if (c.qk_norm) layer.q_norm = b.vector(name("self_attn.q_norm.weight", ""), c.head_dim, kOnes);
  if (c.qk_norm) layer.k_norm = b.vector(name("self_attn.k_norm.weight", ""), c.head_dim, kOnes);
  layer.projection =
      b.layer_matrix({{name("self_attn.o_proj.weight", "attn.c_proj.weight"), c.channels}}, c.q_width(), kBranch);
  if (c.bias) layer.projection_bias = b.vector(name("", "attn.c_proj.bias"), c.channels, kZeros);

  layer.ffn_norm_gain = b.vector(name("post_attention_layernorm.weight", "ln_2.weight"), c.channels, kOnes);
  if (c.bias) layer.ffn_norm_bias = b.vector(name("", "ln_2.bias"), c.channels, kZeros);
  if (c.activation == Activation::swiglu) {
    layer.up = b.layer_matrix({{name("mlp.gate_proj.weight", ""), c.ffn_dim}, {name("mlp.up_proj.weight", ""), c.ffn_dim}},
                              c.channels, kUsual);
  } else {
    layer.up = b.layer_matrix({{name("", "mlp.c_fc.weight"), c.ffn_dim}}, c.channels, kUsual);
  }
  if (c.bias) layer.up_bias = b.vector(name("", "mlp.c_fc.bias"), c.up_width(), kZeros);
  layer.down = b.layer_matrix({{name("mlp.down_proj.weight", "mlp.c_proj.weight"), c.channels}}, c.ffn_dim, kBranch);
  if (c.bias) layer.down_bias = b.vector(name("", "mlp.c_proj.bias"), c.channels, kZeros);
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
