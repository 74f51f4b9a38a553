// The kernels that a configuration chooses, the same in training and decoding.
#pragma once

#include <cmath>

#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/embedding.h"
#include "kernels/norm.h"
#include "kernels/rotary.h"
#include "model/activations.h"
#include "model/config.h"
#include "model/parameters.h"

namespace lm {

/// Returns the scale of attention's scores, 1 / sqrt(D) unless the model has its own, and their cap.
inline AttentionOptions attention_options(const ModelConfig& c, Precision precision = Precision::fp32) {
  const double usual = 1.0 / std::sqrt(static_cast<double>(c.head_dim));
  return {.scale = c.attention_scale == 0 ? usual : c.attention_scale, .cap = c.score_cap, .precision = precision};
}

inline RotaryPairs rotary_pairs(const ModelConfig& c) {
  return c.rotary_interleaved ? RotaryPairs::neighbours : RotaryPairs::halves;
}

/// Returns the tables whose rows are summed; the constant one is the first token type's.
template <class T, class Weights>
EmbeddingTables<T> embedding_tables(const Weights& weights) {
  EmbeddingTables<T> tables{weights.tokens, weights.positions, {}};
  if (!weights.token_types.empty()) tables.constant = {weights.token_types.data(), weights.token_types.columns()};
  return tables;
}

/// Normalises the rows of x.
/// x, y: (rows, C). y may be x.
template <class T>
void norm_forward(Compute& compute, const ModelConfig& c, TensorView<T> y, NormMoments<T> moments, TensorView<const T> x,
                  const NormParameters<T>& weights) {
  if (c.norm == Norm::layernorm) {
    layernorm_forward<T>(compute, y, {moments.mean, moments.rstd}, x, weights.gain, weights.bias, c.norm_eps);
  } else {
    rmsnorm_forward<T>(compute, y, moments.rstd, x, weights.gain, c.norm_eps, c.gain_offset);
  }
}

/// dx += the gradient of x (or = with Write::overwrite, when dx may be dy); `gradients` += those of the weights.
/// x: what forward read.
template <class T>
void norm_backward(Compute& compute, const ModelConfig& c, TensorView<T> dx, const NormParameters<T>& gradients,
                   TensorView<T> dy, TensorView<T> x, NormMoments<T> moments, const NormParameters<T>& weights,
                   Write write = Write::add) {
  if (c.norm == Norm::layernorm) {
    layernorm_backward<T>(compute, dx, gradients.gain, gradients.bias, dy, x, weights.gain, {moments.mean, moments.rstd},
                          write);
  } else {
    rmsnorm_backward<T>(compute, dx, gradients.gain, dy, x, weights.gain, moments.rstd, c.gain_offset, write);
  }
}

/// Returns a matrix of heads as QK-norm sees it: (rows, heads, D), or (rows, heads * D) if it is over the width.
template <class T>
TensorView<T> normed_heads(const ModelConfig& c, TensorView<T> x, std::int64_t heads) {
  return c.qk_norm == QkNorm::head ? x.split_columns(heads) : x;
}

/// Applies the activation of the feed-forward part.
/// y: (rows, F)  up: (rows, 2F) if it is gated, else (rows, F).
template <class T>
void ffn_activation_forward(Compute& compute, const ModelConfig& c, TensorView<T> y, TensorView<const T> up) {
  if (c.gated) {
    gated_forward<T>(compute, c.activation, y, up);
  } else {
    activation_forward<T>(compute, c.activation, y, up);
  }
}

}  // namespace lm
