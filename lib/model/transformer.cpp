#include "model/transformer.h"

#include <algorithm>
#include <string>

#include "kernels/activation.h"
#include "kernels/attention.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/norm.h"
#include "kernels/rotary.h"
#include "model/decoding_weights.h"
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

template <class T>
NormMoments<T> top(const NormMoments<T>& moments, std::int64_t rows) {
  return {top(moments.mean, rows), top(moments.rstd, rows)};
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
  embed(batch, a, dropout);
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    attention_block_forward(layer, batch, a, dropout);
    ffn_block_forward(layer, rows, a, dropout);
  }
  if (!c.final_norm) return;
  norm_forward<T>(compute_, c, top(a.final_norm, rows), top(a.final_norm_moments, rows), top(a.residual.back(), rows),
                  weights_.final_norm);
}

template <class T>
void Transformer<T>::embed(const Batch& batch, Activations<T>& a, const DropoutPlan& dropout) {
  const ModelConfig& c = weights_.config();
  const std::int64_t rows = batch.rows();
  const TensorView<T> stream = top(a.residual.front(), rows);
  const TensorView<T> sum = c.embedding_norm ? top(a.embedding_norm.input, rows) : stream;
  if constexpr (std::is_same_v<T, float>) {
    for (std::int64_t s = 0; weights_.packed != nullptr && s < batch.sequences; ++s) {
      const auto tokens =
          std::span(batch.input).subspan(static_cast<std::size_t>(s * batch.length), static_cast<std::size_t>(batch.length));
      weights_.packed->embed(compute_, sum.rows(s * batch.length, batch.length), tokens, 0);
    }
  }
  if (weights_.packed == nullptr) {
    embedding_forward<T>(compute_, sum, batch.input, embedding_tables<const T>(weights_), batch.length, c.position_offset);
    if (c.embedding_scale != 1) scale<T>(compute_, sum, c.embedding_scale);
  }
  if (c.embedding_norm) {
    norm_forward<T>(compute_, c, stream, top(a.embedding_norm.moments, rows), sum, weights_.embedding_norm);
  }
  dropout_forward<T>(compute_, stream, dropout_at(dropout, 0));
}

/// Ends a residual branch: out = x + scale * dropout(norm(y)) with y = hidden * weight^T + bias, or norm(x + dropout(y)), or
/// without any norm.
template <class T>
void Transformer<T>::residual_forward(const TensorView<T>& out, const TensorView<T>& x, const BranchEnd& branch,
                                      const Dropout& dropout) {
  const ModelConfig& c = weights_.config();
  const TensorView<T> end = c.post_norm() ? top(branch.kept->input, out.rows()) : out;
  const bool packed = !branch.weight.packed.empty();
  const bool is_sum = !packed && dropout.rate == 0 && c.residual_scale == 1 && !c.branch_norm;  // then the product adds x
  linear_forward<T>(compute_, end, branch.hidden, branch.weight, branch.bias, is_sum ? x : TensorView<T>());
  const auto normalise = [&] {
    norm_forward<T>(compute_, c, out, top(branch.kept->moments, out.rows()), end, *branch.norm);
  };
  if (c.branch_norm) normalise();
  const TensorView<T> added = c.sum_norm ? end : out;
  if (!is_sum) {
    dropout_forward<T>(compute_, added, dropout);
    if (c.residual_scale != 1) scale<T>(compute_, added, c.residual_scale);
    add<T>(compute_, added, x);
  }
  if (c.sum_norm) normalise();
}

/// Takes the gradient of a branch's sum back over its end: d_residual becomes that of x; returns that of the product: itself,
/// or another in `spare`.
template <class T>
TensorView<T> Transformer<T>::residual_backward(const TensorView<T>& d_residual, const TensorView<T>& spare,
                                                const BranchEnd& branch, const NormParameters<T>& d_norm,
                                                const Dropout& dropout) {
  const ModelConfig& c = weights_.config();
  const std::int64_t rows = d_residual.rows();
  const auto normalise = [&](const TensorView<T>& gradient) {
    norm_backward<T>(compute_, c, gradient, d_norm, gradient, top(branch.kept->input, rows), top(branch.kept->moments, rows),
                     *branch.norm, Write::overwrite);
  };
  if (c.sum_norm) normalise(d_residual);
  if (dropout.rate == 0 && c.residual_scale == 1 && !c.branch_norm) return d_residual;
  copy<T>(compute_, spare, d_residual);
  if (c.residual_scale != 1) scale<T>(compute_, spare, c.residual_scale);
  dropout_backward<T>(compute_, spare, dropout);
  if (c.branch_norm) normalise(spare);
  return spare;
}

template <class T>
typename Transformer<T>::BranchEnd Transformer<T>::attention_end(std::int64_t layer, std::int64_t rows, Activations<T>& a) {
  const auto l = static_cast<std::size_t>(layer);
  const LayerParameters<T>& w = weights_.layers[l];
  return {top(a.layers[l].attention, rows), linears_.layers[l].projection, w.projection_bias, &w.attention_post_norm,
          &a.layers[l].attention_post_norm};
}

template <class T>
typename Transformer<T>::BranchEnd Transformer<T>::ffn_end(std::int64_t layer, std::int64_t rows, Activations<T>& a) {
  const auto l = static_cast<std::size_t>(layer);
  const LayerParameters<T>& w = weights_.layers[l];
  return {top(a.layers[l].activated, rows), linears_.layers[l].down, w.down_bias, &w.ffn_post_norm,
          &a.layers[l].ffn_post_norm};
}

template <class T>
void Transformer<T>::attention_block_forward(std::int64_t layer, const Batch& batch, Activations<T>& a,
                                             const DropoutPlan& dropout) {
  const ModelConfig& c = weights_.config();
  const LayerShape shape = c.layer(layer);
  const auto l = static_cast<std::size_t>(layer);
  const LayerParameters<T>& w = weights_.layers[l];
  LayerActivations<T>& s = a.layers[l];
  const std::int64_t rows = batch.rows();
  const TensorView<T> x = top(a.residual[l], rows);
  const TensorView<T> qkv = top(s.qkv, rows);
  const TensorView<T> input = attention_input(layer, rows, a);

  if (!w.attention_norm.gain.empty())
    norm_forward<T>(compute_, c, input, top(s.attention_norm_moments, rows), x, w.attention_norm);
  show(layer, LayerMatrix::qkv, input);
  linear_forward<T>(compute_, qkv, input, linears_.layers[l].qkv, w.qkv_bias);
  TensorView<T> qk = qkv;
  if (c.qk_norm != QkNorm::none) {
    qk = top(s.qk, rows);
    const auto normalise = [&](std::int64_t first, std::int64_t width, std::int64_t heads, TensorView<T> rstd,
                               TensorView<T> gain) {
      rmsnorm_forward<T>(compute_, normed_heads(c, qk.columns(first, width), heads), top(rstd, rows),
                         normed_heads(c, qkv.columns(first, width), heads), gain, c.norm_eps, c.gain_offset);
    };
    normalise(0, c.q_width(), c.n_heads, s.q_rstd, w.q_norm);
    normalise(c.q_width(), c.kv_width(), c.n_kv_heads, s.k_rstd, w.k_norm);
  }
  const RotaryTable<T> table = a.rotary.of(shape.rotation, batch.length);
  if (!table.cosine.empty())
    rotary_forward<T>(compute_, rotated_heads(c, qk), table.cosine, table.sine, rotary_pairs(c), batch.length);

  const Heads<T> heads = split_heads(c, batch.sequences, qk, qkv);
  const TensorView<T> attention = top(s.attention, rows);
  const TensorView<T> log_sum_exp(s.log_sum_exp.data(), batch.sequences, c.n_heads, batch.length);
  attention_forward<T>(compute_, {attention.split_columns(c.n_heads).split_rows(batch.sequences), log_sum_exp},
                       {heads.q, heads.k, heads.v}, batch.visibility(shape.window),
                       attention_options(c, linears_.precision()));
  show(layer, LayerMatrix::projection, attention);
  residual_forward(top(s.middle, rows), x, attention_end(layer, rows, a), dropout_at(dropout, 1 + 2 * layer));
}

/// Computes all of the feed-forward part except its product back into the residual stream, which backward does not need.
template <class T>
void Transformer<T>::ffn_hidden_forward(std::int64_t layer, std::int64_t rows, Activations<T>& a) {
  const ModelConfig& c = weights_.config();
  const auto l = static_cast<std::size_t>(layer);
  const LayerParameters<T>& w = weights_.layers[l];
  LayerActivations<T>& s = a.layers[l];
  const TensorView<T> input = ffn_input(layer, rows, a);
  const TensorView<T> up = top(s.up, rows);

  if (c.input_norm)
    norm_forward<T>(compute_, c, input, top(s.ffn_norm_moments, rows), ffn_source(layer, rows, a), w.ffn_norm);
  show(layer, LayerMatrix::up, input);
  linear_forward<T>(compute_, up, input, linears_.layers[l].up, w.up_bias);
  ffn_activation_forward<T>(compute_, c, top(s.activated, rows), up);
  show(layer, LayerMatrix::down, top(s.activated, rows));
}

template <class T>
void Transformer<T>::ffn_block_forward(std::int64_t layer, std::int64_t rows, Activations<T>& a,
                                       const DropoutPlan& dropout) {
  const auto l = static_cast<std::size_t>(layer);
  ffn_hidden_forward(layer, rows, a);
  residual_forward(top(a.residual[l + 1], rows), top(a.layers[l].middle, rows), ffn_end(layer, rows, a),
                   dropout_at(dropout, 2 + 2 * layer));
}

template <class T>
Loss Transformer<T>::backward(const Batch& batch, Activations<T>& a, Parameters<T>& gradients, double scale,
                              const DropoutPlan& dropout, const GradientWatch& complete) {
  LM_CHECK(a.keep() != Keep::scoring);
  const ModelConfig& c = weights_.config();
  const std::int64_t rows = batch.rows();
  const Loss loss = head_backward(batch, a, gradients, scale);
  const TensorView<T> d_stream = top(a.d_residual, rows);
  if (c.final_norm) {
    norm_backward<T>(compute_, c, d_stream, gradients.final_norm, top(a.d_hidden, rows), top(a.residual.back(), rows),
                     top(a.final_norm_moments, rows), weights_.final_norm, Write::overwrite);
  } else {
    copy<T>(compute_, d_stream, top(a.d_hidden, rows));
  }
  if (complete) complete(c.n_layers);
  for (std::int64_t layer = c.n_layers - 1; layer >= 0; --layer) {
    if (a.keep() == Keep::recomputing && layer + 1 < c.n_layers) {
      // The same calls as in forward, so the same bits; the last layer's activations are still there.
      attention_block_forward(layer, batch, a, dropout);
      if (c.post_norm()) {
        ffn_block_forward(layer, rows, a, dropout);  // the last norm's input is wanted as well
      } else {
        ffn_hidden_forward(layer, rows, a);
      }
    }
    if (c.parallel_residual) copy<T>(compute_, top(a.d_branch, rows), d_stream);
    ffn_block_backward(layer, rows, a, gradients, dropout);
    attention_block_backward(layer, batch, a, gradients, dropout);
    if (complete) complete(layer);
  }
  embed_backward(batch, a, gradients, dropout);
  return loss;
}

template <class T>
void Transformer<T>::embed_backward(const Batch& batch, Activations<T>& a, Parameters<T>& gradients,
                                    const DropoutPlan& dropout) {
  const ModelConfig& c = weights_.config();
  const std::int64_t rows = batch.rows();
  const TensorView<T> d_stream = top(a.d_residual, rows);
  dropout_backward<T>(compute_, d_stream, dropout_at(dropout, 0));
  if (c.embedding_norm) {
    norm_backward<T>(compute_, c, d_stream, gradients.embedding_norm, d_stream, top(a.embedding_norm.input, rows),
                     top(a.embedding_norm.moments, rows), weights_.embedding_norm, Write::overwrite);
  }
  if (c.embedding_scale != 1) scale<T>(compute_, d_stream, c.embedding_scale);
  embedding_backward<T>(compute_, embedding_tables<T>(gradients), d_stream, batch.input, batch.length, c.position_offset);
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

  const TensorView<T> d_branch =
      residual_backward(d_stream, d_hidden, ffn_end(layer, rows, a), g.ffn_post_norm, dropout_at(dropout, 2 + 2 * layer));
  linear_backward_weight<T>(compute_, g.down, g.down_bias, d_branch, top(s.activated, rows), linears_.precision());
  linear_backward_input<T>(compute_, d_activated, d_branch, linears_.layers[l].down, Write::overwrite);
  if (c.gated) {
    gated_backward<T>(compute_, c.activation, d_up, d_activated, top(s.up, rows), Write::overwrite);
  } else {
    activation_backward<T>(compute_, c.activation, d_up, d_activated, top(s.up, rows), Write::overwrite);
  }
  linear_backward_weight<T>(compute_, g.up, g.up_bias, d_up, ffn_input(layer, rows, a), linears_.precision());
  if (!c.input_norm) {
    linear_backward_input<T>(compute_, d_stream, d_up, linears_.layers[l].up, Write::add);
    return;
  }
  linear_backward_input<T>(compute_, d_hidden, d_up, linears_.layers[l].up, Write::overwrite);
  norm_backward<T>(compute_, c, d_stream, g.ffn_norm, d_hidden, ffn_source(layer, rows, a), top(s.ffn_norm_moments, rows),
                   w.ffn_norm);
}

template <class T>
void Transformer<T>::attention_block_backward(std::int64_t layer, const Batch& batch, Activations<T>& a,
                                              Parameters<T>& gradients, const DropoutPlan& dropout) {
  const ModelConfig& c = weights_.config();
  const LayerShape shape = c.layer(layer);
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

  // Of parallel branches, the feed-forward part has added its gradient to the stream's already.
  const TensorView<T> d_branch =
      residual_backward(c.parallel_residual ? top(a.d_branch, rows) : d_stream, d_hidden, attention_end(layer, rows, a),
                        g.attention_post_norm, dropout_at(dropout, 1 + 2 * layer));
  linear_backward_weight<T>(compute_, g.projection, g.projection_bias, d_branch, attention, linears_.precision());
  linear_backward_input<T>(compute_, d_attention, d_branch, linears_.layers[l].projection, Write::overwrite);
  const bool normed = c.qk_norm != QkNorm::none;
  const Heads<T> heads = split_heads(c, batch.sequences, normed ? top(s.qk, rows) : qkv, qkv);
  const Heads<T> d_heads = split_heads(c, batch.sequences, d_qkv, d_qkv);
  const TensorView<T> log_sum_exp(s.log_sum_exp.data(), batch.sequences, c.n_heads, batch.length);
  attention_backward<T>(
      compute_, {d_heads.q, d_heads.k, d_heads.v}, d_attention.split_columns(c.n_heads).split_rows(batch.sequences),
      {attention.split_columns(c.n_heads).split_rows(batch.sequences), log_sum_exp}, {heads.q, heads.k, heads.v},
      batch.visibility(shape.window), attention_options(c, linears_.precision()), Write::overwrite);
  const RotaryTable<T> table = a.rotary.of(shape.rotation, batch.length);
  if (!table.cosine.empty())
    rotary_backward<T>(compute_, rotated_heads(c, d_qkv), table.cosine, table.sine, rotary_pairs(c), batch.length);
  if (normed) {
    const auto normalise = [&](std::int64_t first, std::int64_t width, std::int64_t count, TensorView<T> d_gain,
                               TensorView<T> gain, TensorView<T> rstd) {
      const TensorView<T> gradient = normed_heads(c, d_qkv.columns(first, width), count);
      rmsnorm_backward<T>(compute_, gradient, d_gain, gradient, normed_heads(c, qkv.columns(first, width), count), gain,
                          top(rstd, rows), c.gain_offset, Write::overwrite);
    };
    normalise(0, c.q_width(), c.n_heads, g.q_norm, w.q_norm, s.q_rstd);
    normalise(c.q_width(), c.kv_width(), c.n_kv_heads, g.k_norm, w.k_norm, s.k_rstd);
  }
  linear_backward_weight<T>(compute_, g.qkv, g.qkv_bias, d_qkv, attention_input(layer, rows, a), linears_.precision());
  if (w.attention_norm.gain.empty()) {
    linear_backward_input<T>(compute_, d_stream, d_qkv, linears_.layers[l].qkv, Write::add);
    return;
  }
  linear_backward_input<T>(compute_, d_hidden, d_qkv, linears_.layers[l].qkv, Write::overwrite);
  norm_backward<T>(compute_, c, d_stream, g.attention_norm, d_hidden, top(a.residual[l], rows),
                   top(s.attention_norm_moments, rows), w.attention_norm);
}

template <class T>
TensorView<T> Transformer<T>::attention_input(std::int64_t layer, std::int64_t rows, const Activations<T>& a) const {
  const auto l = static_cast<std::size_t>(layer);
  return top(weights_.layers[l].attention_norm.gain.empty() ? a.residual[l] : a.layers[l].attention_norm, rows);
}

template <class T>
TensorView<T> Transformer<T>::ffn_source(std::int64_t layer, std::int64_t rows, const Activations<T>& a) const {
  const auto l = static_cast<std::size_t>(layer);
  return top(weights_.config().parallel_residual ? a.residual[l] : a.layers[l].middle, rows);
}

template <class T>
TensorView<T> Transformer<T>::ffn_input(std::int64_t layer, std::int64_t rows, const Activations<T>& a) const {
  const auto l = static_cast<std::size_t>(layer);
  return weights_.config().input_norm ? top(a.layers[l].ffn_norm, rows) : ffn_source(layer, rows, a);
}

template class Transformer<float>;
template class Transformer<double>;

}  // namespace lm
