#include "model/activations.h"

#include <algorithm>

namespace lm {

template <class T>
std::int64_t Activations<T>::head_chunk_rows(const ModelConfig& config) {
  // About 16 MiB of logits, but rows enough that reading the head and its gradient for each chunk costs little.
  const std::int64_t rows = (std::int64_t{1} << 22) / config.vocab_size / 64 * 64;
  return std::clamp<std::int64_t>(rows, 256, 512);
}

template <class T>
void Activations<T>::place_moments(Layout& layout, NormMoments<T>& moments, std::int64_t rows) const {
  if (config_.norm == Norm::layernorm) layout.place(moments.mean, rows);
  layout.place(moments.rstd, rows);
}

template <class T>
void Activations<T>::place_post_norm(Layout& layout, PostNormActivations<T>& norm) const {
  layout.place(norm.input, sequences_ * length_, config_.channels);
  place_moments(layout, norm.moments, sequences_ * length_);
}

template <class T>
void Activations<T>::lay_out_layer(Layout& layout, LayerActivations<T>& layer) {
  const ModelConfig& c = config_;
  const std::int64_t rows = sequences_ * length_;
  if (c.input_norm) {
    layout.place(layer.attention_norm, rows, c.channels);
    place_moments(layout, layer.attention_norm_moments, rows);
  }
  layout.place(layer.qkv, rows, c.qkv_width());
  if (c.qk_norm != QkNorm::none) {
    layout.place(layer.qk, rows, c.q_width() + c.kv_width());
    layout.place(layer.q_rstd, rows, c.qk_norm == QkNorm::head ? c.n_heads : 1);
    layout.place(layer.k_rstd, rows, c.qk_norm == QkNorm::head ? c.n_kv_heads : 1);
  }
  layout.place(layer.log_sum_exp, rows * c.n_heads);
  layout.place(layer.attention, rows, c.q_width());
  if (c.post_norm()) place_post_norm(layout, layer.attention_post_norm);
  layout.place(layer.middle, rows, c.channels);
  if (c.input_norm) {
    layout.place(layer.ffn_norm, rows, c.channels);
    place_moments(layout, layer.ffn_norm_moments, rows);
  }
  layout.place(layer.up, rows, c.up_width());
  layout.place(layer.activated, rows, c.ffn_dim);
  if (c.post_norm()) place_post_norm(layout, layer.ffn_post_norm);
}

template <class T>
void Activations<T>::lay_out_head(Layout& layout) {
  const ModelConfig& c = config_;
  const std::int64_t chunk = std::min(sequences_ * length_, head_chunk_rows(c));
  const bool backward = keep_ != Keep::scoring;
  layout.place(logits, chunk, c.vocab_size);
  layout.place(hidden_chunk, chunk, c.channels);
  if (c.logit_cap != 0 && backward) layout.place(head.capped, chunk, c.vocab_size);
  if (!c.head_dense) return;
  layout.place(head.dense, chunk, c.channels);
  layout.place(head.activated, chunk, c.channels);
  layout.place(head.normed, chunk, c.channels);
  place_moments(layout, head.moments, chunk);
  if (backward) layout.place(d_head, chunk, c.channels);
}

template <class T>
void Activations<T>::lay_out(Layout& layout) {
  const ModelConfig& c = config_;
  const std::int64_t rows = sequences_ * length_;
  const bool backward = keep_ != Keep::scoring;

  if (c.embedding_norm) place_post_norm(layout, embedding_norm);
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
  if (c.final_norm) {
    layout.place(final_norm, rows, c.channels);
    place_moments(layout, final_norm_moments, rows);
  } else {
    final_norm = residual.back();
  }
  lay_out_head(layout);
  rotary.place(layout, c, length_);
  if (!backward) return;
  layout.place(d_residual, rows, c.channels);
  layout.place(d_hidden, rows, c.channels);
  layout.place(d_qkv, rows, c.qkv_width());
  layout.place(d_attention, rows, c.q_width());
  layout.place(d_up, rows, c.up_width());
  layout.place(d_activated, rows, c.ffn_dim);
  if (c.parallel_residual) layout.place(d_branch, rows, c.channels);
  layout.place(d_hidden_chunk, std::min(rows, head_chunk_rows(c)), c.channels);
}

template <class T>
Activations<T>::Activations(const ModelConfig& config, std::int64_t sequences, std::int64_t length, Keep keep)
    : config_(config), sequences_(sequences), length_(length), keep_(keep) {
  LM_CHECK(sequences > 0 && length > 0);
  arena_ = place_views<T>([&](Layout& layout) { lay_out(layout); });
  rotary.fill(config);
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
