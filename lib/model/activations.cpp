#include "model/activations.h"

#include <algorithm>

#include "kernels/rotary.h"

namespace lm {

template <class T>
std::int64_t Activations<T>::head_chunk_rows(const ModelConfig& config) {
  // About 16 MiB of logits, but rows enough that reading the head and its gradient for each chunk costs little.
  const std::int64_t rows = (std::int64_t{1} << 22) / config.vocab_size / 64 * 64;
  return std::clamp<std::int64_t>(rows, 256, 512);
}

template <class T>
void Activations<T>::lay_out_layer(Layout& layout, LayerActivations<T>& layer) {
  const ModelConfig& c = config_;
  const std::int64_t rows = sequences_ * length_;
  const bool layernorm = c.norm == Norm::layernorm;
  layout.place(layer.attention_norm, rows, c.channels);
  if (layernorm) layout.place(layer.attention_norm_mean, rows);
  layout.place(layer.attention_norm_rstd, rows);
  layout.place(layer.qkv, rows, c.qkv_width());
  if (c.qk_norm) {
    layout.place(layer.qk, rows, c.q_width() + c.kv_width());
    layout.place(layer.q_rstd, rows, c.n_heads);
    layout.place(layer.k_rstd, rows, c.n_kv_heads);
  }
  layout.place(layer.log_sum_exp, rows * c.n_heads);
  layout.place(layer.attention, rows, c.q_width());
  layout.place(layer.middle, rows, c.channels);
  layout.place(layer.ffn_norm, rows, c.channels);
  if (layernorm) layout.place(layer.ffn_norm_mean, rows);
  layout.place(layer.ffn_norm_rstd, rows);
  layout.place(layer.up, rows, c.up_width());
  layout.place(layer.activated, rows, c.ffn_dim);
}

template <class T>
void Activations<T>::lay_out(Layout& layout) {
  const ModelConfig& c = config_;
  const std::int64_t rows = sequences_ * length_;
  const bool backward = keep_ != Keep::scoring;
  const bool layernorm = c.norm == Norm::layernorm;

  residual.resize(static_cast<std::size_t>(c.n_layers) + 1);
  for (std::size_t i = 0; i < residual.size(); ++i) {
    if (backward || i < 2) {
      layout.place(residual[i], rows, c.channels);
    } else {
      residual[i] = residual[i - 2];
    }
  }
  layers.resize(static_cast<std::size_t>(c.n_layers));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerActivations<T>& layer = layers[i];
    if (keep_ != Keep::training && i > 0) {
      layer = layers[0];
      continue;
    }
    lay_out_layer(layout, layer);
  }
  layout.place(final_norm, rows, c.channels);
  if (layernorm) layout.place(final_norm_mean, rows);
  layout.place(final_norm_rstd, rows);
  const std::int64_t chunk = std::min(rows, head_chunk_rows(c));
  layout.place(logits, chunk, c.vocab_size);
  layout.place(hidden_chunk, chunk, c.channels);
  if (c.positions == Positions::rotary) {
    layout.place(cosine, length_, c.head_dim / 2);
    layout.place(sine, length_, c.head_dim / 2);
  }
  if (!backward) return;
  layout.place(d_residual, rows, c.channels);
  layout.place(d_hidden, rows, c.channels);
  layout.place(d_qkv, rows, c.qkv_width());
  layout.place(d_attention, rows, c.q_width());
  layout.place(d_up, rows, c.up_width());
  layout.place(d_activated, rows, c.ffn_dim);
  layout.place(d_hidden_chunk, chunk, c.channels);
}

template <class T>
Activations<T>::Activations(const ModelConfig& config, std::int64_t sequences, std::int64_t length, Keep keep)
    : config_(config), sequences_(sequences), length_(length), keep_(keep) {
  LM_CHECK(sequences > 0 && length > 0);
  arena_ = place_views<T>([&](Layout& layout) { lay_out(layout); });
  if (config.positions == Positions::rotary) rotary_table(cosine, sine, config.rope_theta);
}

template <class T>
std::int64_t Activations<T>::bytes(const ModelConfig& config, std::int64_t sequences, std::int64_t length, Keep keep) {
  Activations measured;
  measured.config_ = config;
  measured.sequences_ = sequences;
  measured.length_ = length;
  measured.keep_ = keep;
  return view_bytes([&](Layout& layout) { measured.lay_out(layout); });
}

template class Activations<float>;
template class Activations<double>;

}  // namespace lm
