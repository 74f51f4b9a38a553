#include "model/transformer.h"

#include <algorithm>
#include <string>

#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/cross_entropy.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/norm.h"
#include "kernels/rotary.h"
#include "model/layer_kernels.h"

namespace lm {

namespace {

/// Returns the first `rows` rows of a tensor that may be absent.
template <class T>
TensorView<T> top(const TensorView<T>& view, std::int64_t rows) {
  return view.empty() ? view : view.rows(0, rows);
}

/// Queries, keys and values of one layer as attention sees them: (B, T, heads, D).
template <class T>
struct Heads {
  TensorView<T> q, k, v;
};

template <class T>
Heads<T> split_heads(const ModelConfig& c, std::int64_t sequences, TensorView<T> qk, TensorView<T> qkv) {
  return {.q = qk.columns(0, c.q_width()).split_columns(c.n_heads).split_rows(sequences),
          .k = qk.columns(c.q_width(), c.kv_width()).split_columns(c.n_kv_heads).split_rows(sequences),
          .v = qkv.columns(c.q_width() + c.kv_width(), c.kv_width()).split_columns(c.n_kv_heads).split_rows(sequences)};
}

/// Returns query and key heads side by side, (rows, H + KV, D): what rotation turns.
template <class T>
TensorView<T> rotated_heads(const ModelConfig& c, TensorView<T> qk) {
  return qk.columns(0, c.q_width() + c.kv_width()).split_columns(c.n_heads + c.n_kv_heads);
}

/// What a norm's forward pass read, and kept for backward.
template <class T>
struct NormInputs {
  TensorView<T> x, gain, mean, rstd;
};

template <class T>
void norm_backward(Compute& compute, const ModelConfig& c, TensorView<T> dx, TensorView<T> dgain, TensorView<T> dbias,
                   TensorView<T> dy, const NormInputs<T>& in) {
  if (c.norm == Norm::layernorm) {
    layernorm_backward<T>(compute, dx, dgain, dbias, dy, in.x, in.gain, {in.mean, in.rstd});
  } else {
    rmsnorm_backward<T>(compute, dx, dgain, dy, in.x, in.gain, in.rstd);
  }
}

/// Ends a residual branch: out = x + dropout(branch * weight^T + bias).
template <class T>
void residual_forward(Compute& compute, TensorView<T> out, TensorView<T> x, TensorView<T> branch, LinearWeight<T> weight,
                      TensorView<T> bias, const Dropout& dropout) {
  if (dropout.rate == 0) {
    linear_forward<T>(compute, out, branch, weight, bias, x);
    return;
  }
  linear_forward<T>(compute, out, branch, weight, bias);
  dropout_forward<T>(compute, out, dropout);
  add<T>(compute, out, x);
}

/// Returns the gradient that enters a residual branch: d_residual itself, or its masked copy in `spare`.
template <class T>
TensorView<T> residual_backward(Compute& compute, TensorView<T> d_residual, TensorView<T> spare, const Dropout& dropout) {
  if (dropout.rate == 0) return d_residual;
  copy<T>(compute, spare, d_residual);
  dropout_backward<T>(compute, spare, dropout);
  return spare;
}

void check_batch(const Batch& batch, std::int64_t vocab_size) {
  const auto rows = static_cast<std::size_t>(batch.rows());
  LM_CHECK(batch.input.size() == rows && batch.target.size() == rows && batch.weight.size() == rows);
  LM_CHECK(batch.prefix_length.empty() || batch.prefix_length.size() == static_cast<std::size_t>(batch.sequences));
  LM_CHECK(batch.document.empty() || batch.document.size() == rows);
  for (std::size_t i = 0; i < rows; ++i) {
    const TokenId largest = batch.weight[i] != 0 ? std::max(batch.input[i], batch.target[i]) : batch.input[i];
    if (largest >= vocab_size) {
      throw Error("token id " + std::to_string(largest) + " is beyond the model's vocabulary of " +
                  std::to_string(vocab_size));
    }
  }
}

}  // namespace

template <class T>
Dropout Transformer<T>::dropout_at(const DropoutPlan& plan, std::int64_t place) const {
  const auto places = static_cast<std::uint64_t>(2 * weights_.config().n_layers + 1);
  return {.rate = plan.rate, .key = plan.key, .stream = plan.pass * places + static_cast<std::uint64_t>(place)};
}

template <class T>
void Transformer<T>::forward(const Batch& batch, Activations<T>& a, const DropoutPlan& dropout) {
  const ModelConfig& c = weights_.config();
  check_batch(batch, c.vocab_size);
  // Many short sequences fit into the room of few long ones; the rotary table is laid out for this length.
  LM_CHECK(batch.rows() <= a.sequences() * a.length() && batch.length <= a.length() && batch.length <= c.context_length);
  const std::int64_t rows = batch.rows();
  const TensorView<T> stream = top(a.residual.front(), rows);
  embedding_forward<T>(compute_, stream, batch.input, weights_.tokens, weights_.positions, batch.length);
  dropout_forward<T>(compute_, stream, dropout_at(dropout, 0));
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    attention_block_forward(layer, batch, a, dropout);
    ffn_block_forward(layer, rows, a, dropout);
  }
  norm_forward<T>(compute_, c, top(a.final_norm, rows), top(a.final_norm_mean, rows), top(a.final_norm_rstd, rows),
                  top(a.residual.back(), rows), weights_.final_norm_gain, weights_.final_norm_bias);
}

template <class T>
void Transformer<T>::attention_block_forward(std::int64_t layer, const Batch& batch, Activations<T>& a,
                                             const DropoutPlan& dropout) {
  const ModelConfig& c = weights_.config();
  const auto l = static_cast<std::size_t>(layer);
  const LayerParameters<T>& w = weights_.layers[l];
  LayerActivations<T>& s = a.layers[l];
  const std::int64_t rows = batch.rows();
  const TensorView<T> x = top(a.residual[l], rows);
  const TensorView<T> normed = top(s.attention_norm, rows);
  const TensorView<T> qkv = top(s.qkv, rows);

  norm_forward<T>(compute_, c, normed, top(s.attention_norm_mean, rows), top(s.attention_norm_rstd, rows), x,
                  w.attention_norm_gain, w.attention_norm_bias);
  linear_forward<T>(compute_, qkv, normed, linears_.layers[l].qkv, w.qkv_bias);
  TensorView<T> qk = qkv;
  if (c.qk_norm) {
    qk = top(s.qk, rows);
    rmsnorm_forward<T>(compute_, qk.columns(0, c.q_width()).split_columns(c.n_heads), top(s.q_rstd, rows),
                       qkv.columns(0, c.q_width()).split_columns(c.n_heads), w.q_norm, c.norm_eps);
    rmsnorm_forward<T>(compute_, qk.columns(c.q_width(), c.kv_width()).split_columns(c.n_kv_heads), top(s.k_rstd, rows),
                       qkv.columns(c.q_width(), c.kv_width()).split_columns(c.n_kv_heads), w.k_norm, c.norm_eps);
  }
  if (c.positions == Positions::rotary) rotary_forward<T>(compute_, rotated_heads(c, qk), a.cosine, a.sine, batch.length);

  const Heads<T> heads = split_heads(c, batch.sequences, qk, qkv);
  const TensorView<T> attention = top(s.attention, rows);
  const TensorView<T> log_sum_exp(s.log_sum_exp.data(), batch.sequences, c.n_heads, batch.length);
  attention_forward<T>(compute_, {attention.split_columns(c.n_heads).split_rows(batch.sequences), log_sum_exp},
                       {heads.q, heads.k, heads.v}, batch.visibility(), {attention_scale(c), linears_.precision()});
  residual_forward<T>(compute_, top(s.middle, rows), x, attention, linears_.layers[l].projection, w.projection_bias,
                      dropout_at(dropout, 1 + 2 * layer));
}

/// Computes all of the feed-forward part except its product back into the residual stream, which backward does not need.
template <class T>
void Transformer<T>::ffn_hidden_forward(std::int64_t layer, std::int64_t rows, Activations<T>& a) {
  const ModelConfig& c = weights_.config();
  const auto l = static_cast<std::size_t>(layer);
  const LayerParameters<T>& w = weights_.layers[l];
  LayerActivations<T>& s = a.layers[l];
  const TensorView<T> normed = top(s.ffn_norm, rows);
  const TensorView<T> up = top(s.up, rows);

  norm_forward<T>(compute_, c, normed, top(s.ffn_norm_mean, rows), top(s.ffn_norm_rstd, rows), top(s.middle, rows),
                  w.ffn_norm_gain, w.ffn_norm_bias);
  linear_forward<T>(compute_, up, normed, linears_.layers[l].up, w.up_bias);
  activation_forward<T>(compute_, c, top(s.activated, rows), up);
}

template <class T>
void Transformer<T>::ffn_block_forward(std::int64_t layer, std::int64_t rows, Activations<T>& a,
                                       const DropoutPlan& dropout) {
  const auto l = static_cast<std::size_t>(layer);
  const LayerParameters<T>& w = weights_.layers[l];
  LayerActivations<T>& s = a.layers[l];
  ffn_hidden_forward(layer, rows, a);
  residual_forward<T>(compute_, top(a.residual[l + 1], rows), top(s.middle, rows), top(s.activated, rows),
                      linears_.layers[l].down, w.down_bias, dropout_at(dropout, 2 + 2 * layer));
}

template <class T>
Loss Transformer<T>::backward(const Batch& batch, Activations<T>& a, Parameters<T>& gradients, double scale,
                              const DropoutPlan& dropout) {
  LM_CHECK(a.keep() != Keep::scoring);
  const ModelConfig& c = weights_.config();
  const std::int64_t rows = batch.rows();
  const Loss loss = head_backward(batch, a, gradients, scale);
  const TensorView<T> d_stream = top(a.d_residual, rows);
  fill<T>(compute_, d_stream, T(0));
  norm_backward<T>(compute_, c, d_stream, gradients.final_norm_gain, gradients.final_norm_bias, top(a.d_hidden, rows),
                   {.x = top(a.residual.back(), rows),
                    .gain = weights_.final_norm_gain,
                    .mean = top(a.final_norm_mean, rows),
                    .rstd = top(a.final_norm_rstd, rows)});
  for (std::int64_t layer = c.n_layers - 1; layer >= 0; --layer) {
    if (a.keep() == Keep::recomputing && layer + 1 < c.n_layers) {
      // The same calls as in forward, so the same bits; the last layer's activations are still there.
      attention_block_forward(layer, batch, a, dropout);
      ffn_hidden_forward(layer, rows, a);
    }
    ffn_block_backward(layer, rows, a, gradients, dropout);
    attention_block_backward(layer, batch, a, gradients, dropout);
  }
  dropout_backward<T>(compute_, d_stream, dropout_at(dropout, 0));
  embedding_backward<T>(compute_, gradients.tokens, gradients.positions, d_stream, batch.input, batch.length);
  return loss;
}

template <class T>
void Transformer<T>::ffn_block_backward(std::int64_t layer, std::int64_t rows, Activations<T>& a, Parameters<T>& gradients,
                                        const DropoutPlan& dropout) {
  const ModelConfig& c = weights_.config();
  const auto l = static_cast<std::size_t>(layer);
  const LayerParameters<T>& w = weights_.layers[l];
  LayerParameters<T>& g = gradients.layers[l];
  LayerActivations<T>& s = a.layers[l];
  const TensorView<T> d_stream = top(a.d_residual, rows);
  const TensorView<T> d_hidden = top(a.d_hidden, rows);
  const TensorView<T> d_activated = top(a.d_activated, rows);
  const TensorView<T> d_up = top(a.d_up, rows);

  const TensorView<T> d_branch = residual_backward<T>(compute_, d_stream, d_hidden, dropout_at(dropout, 2 + 2 * layer));
  linear_backward_weight<T>(compute_, g.down, g.down_bias, d_branch, top(s.activated, rows), linears_.precision());
  linear_backward_input<T>(compute_, d_activated, d_branch, linears_.layers[l].down, Write::overwrite);
  if (c.activation == Activation::swiglu) {
    swiglu_backward<T>(compute_, d_up, d_activated, top(s.up, rows), Write::overwrite);
  } else {
    gelu_backward<T>(compute_, d_up, d_activated, top(s.up, rows), Write::overwrite);
  }
  linear_backward_weight<T>(compute_, g.up, g.up_bias, d_up, top(s.ffn_norm, rows), linears_.precision());
  linear_backward_input<T>(compute_, d_hidden, d_up, linears_.layers[l].up, Write::overwrite);
  norm_backward<T>(compute_, c, d_stream, g.ffn_norm_gain, g.ffn_norm_bias, d_hidden,
                   {.x = top(s.middle, rows),
                    .gain = w.ffn_norm_gain,
                    .mean = top(s.ffn_norm_mean, rows),
                    .rstd = top(s.ffn_norm_rstd, rows)});
}

template <class T>
void Transformer<T>::attention_block_backward(std::int64_t layer, const Batch& batch, Activations<T>& a,
                                              Parameters<T>& gradients, const DropoutPlan& dropout) {
  const ModelConfig& c = weights_.config();
  const auto l = static_cast<std::size_t>(layer);
  const LayerParameters<T>& w = weights_.layers[l];
  LayerParameters<T>& g = gradients.layers[l];
  LayerActivations<T>& s = a.layers[l];
  const std::int64_t rows = batch.rows();
  const TensorView<T> d_stream = top(a.d_residual, rows);
  const TensorView<T> d_hidden = top(a.d_hidden, rows);
  const TensorView<T> d_attention = top(a.d_attention, rows);
  const TensorView<T> d_qkv = top(a.d_qkv, rows);
  const TensorView<T> qkv = top(s.qkv, rows);
  const TensorView<T> attention = top(s.attention, rows);

  const TensorView<T> d_branch = residual_backward<T>(compute_, d_stream, d_hidden, dropout_at(dropout, 1 + 2 * layer));
  linear_backward_weight<T>(compute_, g.projection, g.projection_bias, d_branch, attention, linears_.precision());
  linear_backward_input<T>(compute_, d_attention, d_branch, linears_.layers[l].projection, Write::overwrite);
  const Heads<T> heads = split_heads(c, batch.sequences, c.qk_norm ? top(s.qk, rows) : qkv, qkv);
  const Heads<T> d_heads = split_heads(c, batch.sequences, d_qkv, d_qkv);
  const TensorView<T> log_sum_exp(s.log_sum_exp.data(), batch.sequences, c.n_heads, batch.length);
  attention_backward<T>(
      compute_, {d_heads.q, d_heads.k, d_heads.v}, d_attention.split_columns(c.n_heads).split_rows(batch.sequences),
      {attention.split_columns(c.n_heads).split_rows(batch.sequences), log_sum_exp}, {heads.q, heads.k, heads.v},
      batch.visibility(), {attention_scale(c), linears_.precision()}, Write::overwrite);
  if (c.positions == Positions::rotary)
    rotary_backward<T>(compute_, rotated_heads(c, d_qkv), a.cosine, a.sine, batch.length);
  if (c.qk_norm) {
    rmsnorm_backward_in_place<T>(compute_, d_qkv.columns(0, c.q_width()).split_columns(c.n_heads), g.q_norm,
                                 qkv.columns(0, c.q_width()).split_columns(c.n_heads), w.q_norm, top(s.q_rstd, rows));
    rmsnorm_backward_in_place<T>(compute_, d_qkv.columns(c.q_width(), c.kv_width()).split_columns(c.n_kv_heads), g.k_norm,
                                 qkv.columns(c.q_width(), c.kv_width()).split_columns(c.n_kv_heads), w.k_norm,
                                 top(s.k_rstd, rows));
  }
  linear_backward_weight<T>(compute_, g.qkv, g.qkv_bias, d_qkv, top(s.attention_norm, rows), linears_.precision());
  linear_backward_input<T>(compute_, d_hidden, d_qkv, linears_.layers[l].qkv, Write::overwrite);
  norm_backward<T>(compute_, c, d_stream, g.attention_norm_gain, g.attention_norm_bias, d_hidden,
                   {.x = top(a.residual[l], rows),
                    .gain = w.attention_norm_gain,
                    .mean = top(s.attention_norm_mean, rows),
                    .rstd = top(s.attention_norm_rstd, rows)});
}

template class Transformer<float>;
template class Transformer<double>;

}  // namespace lm
