#include "model/decode.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.h"
#include "kernels/attention.h"
#include "kernels/elementwise.h"
#include "kernels/embedding.h"
#include "kernels/matmul.h"
#include "kernels/norm.h"
#include "kernels/rotary.h"
#include "model/layer_kernels.h"
#include "tensor/layout.h"

namespace lm {
namespace {

// A longer prompt is read in blocks of this many tokens: enough rows for the products to run at full speed.
constexpr std::int64_t kBlockRows = 256;

std::int64_t usual_block(const ModelConfig& config) { return std::min(kBlockRows, config.context_length); }

/// Copies (R, KV, D) rows that may be strided.
void copy_rows(TensorView<float> y, TensorView<const float> x) {
  const auto bytes = static_cast<std::size_t>(x.dim(1) * x.dim(2)) * sizeof(float);
  for (std::int64_t r = 0; r < x.rows(); ++r) std::memcpy(y.row(r), x.row(r), bytes);
}

}  // namespace

struct Decoder::Buffers {       // R rows
  TensorView<float> residual;   // (R, C)
  TensorView<float> normed;     // (R, C)
  TensorView<float> mean;       // (R)
  TensorView<float> rstd;       // (R)
  TensorView<float> head_rstd;  // (R * H)
  TensorView<float> qkv;        // (R, (H + 2 KV) D)
  TensorView<float> attention;  // (R, H D)
  TensorView<float> branch;     // (R, C) what a residual branch adds
  TensorView<float> up;         // (R, 2F) or (R, F)
  TensorView<float> activated;  // (R, F)

  Buffers(const ModelConfig& c, std::int64_t rows, Layout& layout) {
    layout.place(residual, rows, c.channels);
    layout.place(normed, rows, c.channels);
    layout.place(mean, rows);
    layout.place(rstd, rows);
    layout.place(head_rstd, rows * c.n_heads);
    layout.place(qkv, rows, c.qkv_width());
    layout.place(attention, rows, c.q_width());
    layout.place(branch, rows, c.channels);
    layout.place(up, rows, c.up_width());
    layout.place(activated, rows, c.ffn_dim);
  }
};

Decoder::Decoder(Compute& compute, const Parameters<float>& parameters)
    : compute_(compute), weights_(parameters), block_rows_(usual_block(parameters.config())) {
  const ModelConfig& config = parameters.config();
  const bool rotary = config.positions == Positions::rotary;
  tables_ = place_views<float>([&](Layout& layout) {
    if (rotary) layout.place(cosine_, config.context_length, config.head_dim / 2);
    if (rotary) layout.place(sine_, config.context_length, config.head_dim / 2);
    layout.place(logits_, config.vocab_size);
  });
  if (rotary) rotary_table(cosine_, sine_, config.rope_theta);
  reserve(block_rows_);
}

void Decoder::reserve(std::int64_t rows) {
  block_rows_ = rows;
  arena_ = Arena<float>();  // freed before the larger one is taken
  arena_ = place_views<float>([&](Layout& layout) { Buffers(weights_.config(), rows, layout); });
}

Decoder::Buffers Decoder::view_buffers(std::int64_t rows) const {
  Layout layout(arena_.data());
  return Buffers(weights_.config(), rows, layout);
}

void Decoder::normalise(TensorView<float> y, TensorView<float> x, TensorView<const float> gain, TensorView<const float> bias,
                        const Buffers& buffers) {
  norm_forward<float>(compute_, weights_.config(), y, buffers.mean.rows(0, x.rows()), buffers.rstd.rows(0, x.rows()), x,
                      gain, bias);
}

void Decoder::linear(TensorView<float> y, TensorView<float> x, TensorView<const float> weight,
                     TensorView<const float> bias) {
  if (x.rows() == 1) {
    linear_decode<float>(compute_, y, x, weight, bias);
  } else {
    linear_forward<float>(compute_, y, x, weight, bias);
  }
}

void Decoder::attend(const KVCache& cache, std::int64_t layer, const Buffers& buffers, std::int64_t prefix_length) {
  const ModelConfig& c = weights_.config();
  const LayerParameters<float>& w = weights_.layers[static_cast<std::size_t>(layer)];
  const std::int64_t rows = buffers.qkv.rows();
  const std::int64_t first = cache.length();
  const TensorView<float> q = buffers.qkv.columns(0, c.q_width()).split_columns(c.n_heads);
  const TensorView<float> k = buffers.qkv.columns(c.q_width(), c.kv_width()).split_columns(c.n_kv_heads);
  const TensorView<float> v = buffers.qkv.columns(c.q_width() + c.kv_width(), c.kv_width()).split_columns(c.n_kv_heads);
  const TensorView<float> cached_k = cache.keys(layer).rows(first, rows);
  copy_rows(cache.values(layer).rows(first, rows), v);
  if (c.qk_norm) {
    rmsnorm_forward<float>(compute_, q, TensorView<float>(buffers.head_rstd.data(), rows, c.n_heads), q, w.q_norm,
                           c.norm_eps);
    rmsnorm_forward<float>(compute_, cached_k, TensorView<float>(buffers.head_rstd.data(), rows, c.n_kv_heads), k, w.k_norm,
                           c.norm_eps);
  } else {
    copy_rows(cached_k, k);
  }
  if (c.positions == Positions::rotary) {
    rotary_forward<float>(compute_, q, cosine_, sine_, rows, first);
    rotary_forward<float>(compute_, cached_k, cosine_, sine_, rows, first);
  }
  const TensorView<const float> keys = cache.keys(layer).rows(0, first + rows);
  const TensorView<const float> values = cache.values(layer).rows(0, first + rows);
  const TensorView<float> out = buffers.attention.split_columns(c.n_heads);
  const double scale = attention_scale(c);
  if (rows == 1) {
    attention_decode<float>(compute_, TensorView<float>(out.data(), c.n_heads, c.head_dim),
                            TensorView<float>(q.data(), c.n_heads, c.head_dim), keys, values, scale);
    return;
  }
  const Visibility visibility = {.prefix_length = {&prefix_length, 1}, .document = {}};
  attention_forward<float>(compute_, {out.split_rows(1), {}}, {q.split_rows(1), keys.split_rows(1), values.split_rows(1)},
                           visibility, {scale});
}

void Decoder::run_layers(KVCache& cache, std::span<const TokenId> tokens, std::int64_t prefix_length) {
  const ModelConfig& c = weights_.config();
  const auto rows = static_cast<std::int64_t>(tokens.size());
  const Buffers b = view_buffers(rows);
  embedding_forward<float>(compute_, b.residual, tokens, weights_.tokens, weights_.positions, rows, cache.length());
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    const LayerParameters<float>& w = weights_.layers[static_cast<std::size_t>(layer)];
    normalise(b.normed, b.residual, w.attention_norm_gain, w.attention_norm_bias, b);
    linear(b.qkv, b.normed, w.qkv, w.qkv_bias);
    attend(cache, layer, b, prefix_length);
    linear(b.branch, b.attention, w.projection, w.projection_bias);
    add<float>(compute_, b.residual, b.branch);
    normalise(b.normed, b.residual, w.ffn_norm_gain, w.ffn_norm_bias, b);
    linear(b.up, b.normed, w.up, w.up_bias);
    activation_forward<float>(compute_, c, b.activated, b.up);
    linear(b.branch, b.activated, w.down, w.down_bias);
    add<float>(compute_, b.residual, b.branch);
  }
  cache.advance(rows);
}

TensorView<const float> Decoder::last_logits(std::int64_t rows) {
  const Buffers b = view_buffers(rows);
  const TensorView<float> last = b.residual.rows(rows - 1, 1);
  const TensorView<float> normed = b.normed.rows(0, 1);
  normalise(normed, last, weights_.final_norm_gain, weights_.final_norm_bias, b);
  linear_decode<float>(compute_, TensorView<float>(logits_.data(), 1, logits_.size()), normed, weights_.head,
                       TensorView<const float>());
  return logits_;
}

TensorView<const float> Decoder::prefill(KVCache& cache, std::span<const TokenId> tokens, std::int64_t prefix_length) {
  LM_CHECK(!tokens.empty());
  const auto count = static_cast<std::int64_t>(tokens.size());
  if (cache.length() + count > cache.capacity()) {
    throw Error("cannot read " + std::to_string(count) + " tokens after " + std::to_string(cache.length()) +
                ": the cache holds " + std::to_string(cache.capacity()));
  }
  for (const TokenId token : tokens) {
    if (token >= static_cast<std::uint64_t>(weights_.config().vocab_size)) {
      throw Error("token '" + std::to_string(token) + "' is beyond the model's vocabulary of " +
                  std::to_string(weights_.config().vocab_size));
    }
  }
  // The prefix's queries see keys after them, so all of it has to be read at once.
  const std::int64_t at_once = std::min(prefix_length, count);
  const std::int64_t block = std::max(at_once, usual_block(weights_.config()));
  if (block > block_rows_) reserve(block);
  std::int64_t rows = 0;
  for (std::int64_t first = 0; first < count; first += rows) {
    rows = std::min(block, count - first);
    run_layers(cache, tokens.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(rows)), prefix_length);
  }
  return last_logits(rows);
}

TensorView<const float> Decoder::step(KVCache& cache, TokenId token) { return prefill(cache, {&token, 1}, 0); }

}  // namespace lm
