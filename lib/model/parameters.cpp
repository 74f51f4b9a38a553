#include "model/parameters.h"

#include <algorithm>

#include "base/rng.h"
#include "base/round.h"

namespace lm {

namespace {

InitialValue zeros() { return {}; }
InitialValue ones() { return {.kind = InitialValue::Kind::ones}; }
InitialValue normal(double deviation) { return {.kind = InitialValue::Kind::normal, .deviation = deviation}; }

enum class Decay { no, yes };
enum class OnDisk { as_is, transposed };

// The names of one layer's tensors, by family.
struct LayerNames {
  std::string prefix;
  bool gpt2;
  std::string operator()(const char* llama_name, const char* gpt2_name) const {
    return prefix + (gpt2 ? gpt2_name : llama_name);
  }
};

}  // namespace

/// Runs the list twice: first to learn names and offsets, then, with memory, to bind the views.
template <class T>
struct Parameters<T>::Builder {
  std::vector<TensorSpec>* specs = nullptr;  // first run
  T* memory = nullptr;                       // second run
  Tensors held = Tensors::all;
  std::int64_t offset = 0;

  /// Neighbours start where the last tensor ended; others on a 64-byte boundary.
  void align() { offset = aligned_size<T>(offset); }

  TensorView<T> place(const TensorSpec& spec) {
    if (held == Tensors::outside_layer_matrices && spec.layer_matrices > 0) return {};
    if (specs != nullptr) {
      specs->push_back(spec);
      specs->back().offset = offset;
    }
    T* start = memory == nullptr ? nullptr : memory + offset;
    offset += spec.size();
    return spec.rank == 1 ? TensorView<T>(start, spec.columns) : TensorView<T>(start, spec.rows, spec.columns);
  }
  TensorView<T> matrix(const std::string& name, std::int64_t rows, std::int64_t columns, InitialValue initial) {
    return place({.name = name, .rows = rows, .columns = columns, .rank = 2, .initial = initial, .decay = true});
  }
  /// `count` matrices of a layer, stacked.
  TensorView<T> layer_matrix(const std::string& name, std::int64_t rows, std::int64_t columns, InitialValue initial,
                             OnDisk disk, std::int64_t count = 1) {
    return place({.name = name,
                  .rows = rows,
                  .columns = columns,
                  .rank = 2,
                  .transposed_on_disk = disk == OnDisk::transposed,
                  .initial = initial,
                  .decay = true,
                  .layer_matrices = count});
  }
  TensorView<T> vector(const std::string& name, std::int64_t size, InitialValue initial) {
    align();
    TensorView<T> view = place({.name = name, .rows = 1, .columns = size, .rank = 1, .initial = initial});
    align();
    return view;
  }
  /// The matrices placed since `start` as one.
  TensorView<T> joined(std::int64_t start, std::int64_t columns) {
    if (offset == start) return {};
    TensorView<T> view(memory == nullptr ? nullptr : memory + start, (offset - start) / columns, columns);
    align();
    return view;
  }
};

template <class T>
void Parameters<T>::lay_out(Builder& b) {
  const ModelConfig& c = config_;
  const bool gpt2 = c.family == Family::gpt2;
  const OnDisk conv1d = gpt2 ? OnDisk::transposed : OnDisk::as_is;
  const InitialValue usual = normal(0.02);
  // Residual branches start with nothing to add, so that depth does not matter at first: trains faster (arXiv:1901.09321).
  const InitialValue branch = zeros();

  tokens = b.matrix(gpt2 ? "transformer.wte.weight" : "model.embed_tokens.weight", c.vocab_size, c.channels, usual);
  b.align();
  if (c.positions == Positions::learned) {
    positions = b.matrix("transformer.wpe.weight", c.context_length, c.channels, usual);
    b.align();
  }
  layers.resize(static_cast<std::size_t>(c.n_layers));
  for (std::int64_t i = 0; i < c.n_layers; ++i) {
    LayerParameters<T>& layer = layers[static_cast<std::size_t>(i)];
    const LayerNames name{(gpt2 ? "transformer.h." : "model.layers.") + std::to_string(i) + ".", gpt2};
    layer.attention_norm_gain = b.vector(name("input_layernorm.weight", "ln_1.weight"), c.channels, ones());
    if (c.bias) layer.attention_norm_bias = b.vector(name("", "ln_1.bias"), c.channels, zeros());
    const std::int64_t qkv_start = b.offset;
    if (gpt2) {
      b.layer_matrix(name("", "attn.c_attn.weight"), c.qkv_width(), c.channels, usual, conv1d, 3);
    } else {
      b.layer_matrix(name("self_attn.q_proj.weight", ""), c.q_width(), c.channels, usual, conv1d);
      b.layer_matrix(name("self_attn.k_proj.weight", ""), c.kv_width(), c.channels, usual, conv1d);
      b.layer_matrix(name("self_attn.v_proj.weight", ""), c.kv_width(), c.channels, usual, conv1d);
    }
    layer.qkv = b.joined(qkv_start, c.channels);
    if (c.bias) layer.qkv_bias = b.vector(name("", "attn.c_attn.bias"), c.qkv_width(), zeros());
    if (c.qk_norm) layer.q_norm = b.vector(name("self_attn.q_norm.weight", ""), c.head_dim, ones());
    if (c.qk_norm) layer.k_norm = b.vector(name("self_attn.k_norm.weight", ""), c.head_dim, ones());
    layer.projection =
        b.layer_matrix(name("self_attn.o_proj.weight", "attn.c_proj.weight"), c.channels, c.q_width(), branch, conv1d);
    b.align();
    if (c.bias) layer.projection_bias = b.vector(name("", "attn.c_proj.bias"), c.channels, zeros());
    layer.ffn_norm_gain = b.vector(name("post_attention_layernorm.weight", "ln_2.weight"), c.channels, ones());
    if (c.bias) layer.ffn_norm_bias = b.vector(name("", "ln_2.bias"), c.channels, zeros());
    const std::int64_t up_start = b.offset;
    if (c.activation == Activation::swiglu)
      b.layer_matrix(name("mlp.gate_proj.weight", ""), c.ffn_dim, c.channels, usual, conv1d);
    b.layer_matrix(name("mlp.up_proj.weight", "mlp.c_fc.weight"), c.ffn_dim, c.channels, usual, conv1d);
    layer.up = b.joined(up_start, c.channels);
    if (c.bias) layer.up_bias = b.vector(name("", "mlp.c_fc.bias"), c.ffn_dim, zeros());
    layer.down = b.layer_matrix(name("mlp.down_proj.weight", "mlp.c_proj.weight"), c.channels, c.ffn_dim, branch, conv1d);
    b.align();
    if (c.bias) layer.down_bias = b.vector(name("", "mlp.c_proj.bias"), c.channels, zeros());
  }
  final_norm_gain = b.vector(gpt2 ? "transformer.ln_f.weight" : "model.norm.weight", c.channels, ones());
  if (c.bias) final_norm_bias = b.vector("transformer.ln_f.bias", c.channels, zeros());
  head = tokens;
  if (!c.tied_embeddings) head = b.matrix("lm_head.weight", c.vocab_size, c.channels, usual);
  b.align();
}

template <class T>
Parameters<T>::Parameters(const ModelConfig& config, Tensors held) : config_(config) {
  Builder measure{.specs = &specs_, .held = held};
  lay_out(measure);
  arena_ = Arena<T>(measure.offset);
  Builder bind{.memory = arena_.data(), .held = held};
  lay_out(bind);
}

template <class T>
std::int64_t Parameters<T>::bytes(const ModelConfig& config, Tensors held) {
  Parameters measured;
  measured.config_ = config;
  Builder measure{.held = held};
  measured.lay_out(measure);
  return Arena<T>::bytes(measure.offset);
}

template <class T>
std::vector<TensorSpec> Parameters<T>::list(const ModelConfig& config, Tensors held) {
  Parameters listed;
  listed.config_ = config;
  Builder measure{.specs = &listed.specs_, .held = held};
  listed.lay_out(measure);
  return listed.specs_;
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
