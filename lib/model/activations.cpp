#include "model/activations.h"

#include <algorithm>

#include "kernels/rotary.h"

namespace lm {

/// Runs the list twice, as Parameters does: to measure, then to bind.
template <class T>
struct Activations<T>::Builder {
  T* memory = nullptr;
  std::int64_t offset = 0;

  TensorView<T> vector(std::int64_t size) {
    T* start = reserve(size);
    return TensorView<T>(start, size);
  }
  TensorView<T> matrix(std::int64_t rows, std::int64_t columns) {
    T* start = reserve(rows * columns);
    return TensorView<T>(start, rows, columns);
  }

 private:
  T* reserve(std::int64_t size) {
    T* start = memory == nullptr ? nullptr : memory + offset;
    offset += aligned_size<T>(size);
    return start;
  }
};

template <class T>
std::int64_t Activations<T>::head_chunk_rows(const ModelConfig& config) {
  // About 16 MiB of logits, but rows enough that reading the head and its gradient for each chunk does not tell.
  const std::int64_t rows = (std::int64_t{1} << 22) / config.vocab_size / 64 * 64;
  return std::clamp<std::int64_t>(rows, 256, 512);
}

template <class T>
void Activations<T>::lay_out(Builder& b) {
  const ModelConfig& c = config_;
  const std::int64_t rows = sequences_ * length_;
  const bool backward = keep_ != Keep::scoring;
  const bool layernorm = c.norm == Norm::layernorm;
  const std::int64_t up_width = c.ffn_dim * (c.activation == Activation::swiglu ? 2 : 1);

  residual.resize(static_cast<std::size_t>(c.n_layers) + 1);
  for (std::size_t i = 0; i < residual.size(); ++i) {
    residual[i] = backward || i < 2 ? b.matrix(rows, c.channels) : residual[i - 2];
  }
  layers.resize(static_cast<std::size_t>(c.n_layers));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerActivations<T>& layer = layers[i];
    if (keep_ != Keep::training && i > 0) {
      layer = layers[0];
      continue;
    }
    layer.attention_norm = b.matrix(rows, c.channels);
    if (layernorm) layer.attention_norm_mean = b.vector(rows);
    layer.attention_norm_rstd = b.vector(rows);
    layer.qkv = b.matrix(rows, c.qkv_width());
    if (c.qk_norm) {
      layer.qk = b.matrix(rows, c.q_width() + c.kv_width());
      layer.q_rstd = b.matrix(rows, c.n_heads);
      layer.k_rstd = b.matrix(rows, c.n_kv_heads);
    }
    layer.log_sum_exp = b.vector(rows * c.n_heads);
    layer.attention = b.matrix(rows, c.q_width());
    layer.middle = b.matrix(rows, c.channels);
    layer.ffn_norm = b.matrix(rows, c.channels);
    if (layernorm) layer.ffn_norm_mean = b.vector(rows);
    layer.ffn_norm_rstd = b.vector(rows);
    layer.up = b.matrix(rows, up_width);
    layer.activated = b.matrix(rows, c.ffn_dim);
  }
  final_norm = b.matrix(rows, c.channels);
  if (layernorm) final_norm_mean = b.vector(rows);
  final_norm_rstd = b.vector(rows);
  const std::int64_t chunk = std::min(rows, head_chunk_rows(c));
  logits = b.matrix(chunk, c.vocab_size);
  hidden_chunk = b.matrix(chunk, c.channels);
  if (c.positions == Positions::rotary) {
    cosine = b.matrix(length_, c.head_dim / 2);
    sine = b.matrix(length_, c.head_dim / 2);
  }
  if (!backward) return;
  d_residual = b.matrix(rows, c.channels);
  d_hidden = b.matrix(rows, c.channels);
  d_qkv = b.matrix(rows, c.qkv_width());
  d_attention = b.matrix(rows, c.q_width());
  d_up = b.matrix(rows, up_width);
  d_activated = b.matrix(rows, c.ffn_dim);
  d_hidden_chunk = b.matrix(chunk, c.channels);
}

template <class T>
Activations<T>::Activations(const ModelConfig& config, std::int64_t sequences, std::int64_t length, Keep keep)
    : config_(config), sequences_(sequences), length_(length), keep_(keep) {
  LM_CHECK(sequences > 0 && length > 0);
  Builder measure;
  lay_out(measure);
  arena_ = Arena<T>(measure.offset);
  Builder bind{.memory = arena_.data()};
  lay_out(bind);
  if (config.positions == Positions::rotary) rotary_table(cosine, sine, config.rope_theta);
}

template <class T>
std::int64_t Activations<T>::bytes(const ModelConfig& config, std::int64_t sequences, std::int64_t length, Keep keep) {
  Activations measured;
  measured.config_ = config;
  measured.sequences_ = sequences;
  measured.length_ = length;
  measured.keep_ = keep;
  Builder measure;
  measured.lay_out(measure);
  return Arena<T>::bytes(measure.offset);
}

template class Activations<float>;
template class Activations<double>;

}  // namespace lm
