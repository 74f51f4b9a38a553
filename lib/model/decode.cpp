#include "model/decode.h"

#include <algorithm>
#include <bit>
#include <string>

#include "base/error.h"
#include "kernels/attention.h"
#include "kernels/cached_rows.h"
#include "kernels/cross_entropy.h"
#include "kernels/elementwise.h"
#include "kernels/norm.h"
#include "kernels/rotary.h"
#include "model/layer_kernels.h"
#include "tensor/layout.h"

namespace lm {
namespace {

// A longer prompt is read in blocks of so many tokens: enough rows for the products to run at full speed.
std::int64_t usual_block(const ModelConfig& config) { return std::min(KVCache::kUsualBlock, config.context_length); }

}  // namespace

struct Decoder::Buffers {           // R rows
  TensorView<float> residual;       // (R, C)
  TensorView<float> normed;         // (R, C)
  TensorView<float> second_normed;  // (R, C) what the second of two parallel branches reads
  TensorView<float> mean;           // (R)
  TensorView<float> rstd;           // (R)
  TensorView<float> head_rstd;      // (R * H)
  TensorView<float> qkv;            // (R, (H + 2 KV) D)
  TensorView<float> attention;      // (R, H D)
  TensorView<float> branch;         // (R, C) what a residual branch adds
  TensorView<float> up;             // (R, 2F) or (R, F)
  TensorView<float> activated;      // (R, F)

  Buffers(const ModelConfig& c, std::int64_t rows, Layout& layout) {
    layout.place(residual, rows, c.channels);
    layout.place(normed, rows, c.channels);
    if (c.parallel_residual) layout.place(second_normed, rows, c.channels);
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

Decoder::Decoder(Compute& compute, const DecodingWeights& weights) : Decoder(compute, nullptr, &weights) {}

Decoder::Decoder(Compute& compute, const Parameters<float>& parameters)
    : Decoder(compute, parameters.packed != nullptr ? nullptr : std::make_unique<const DecodingWeights>(compute, parameters),
              parameters.packed) {}

Decoder::Decoder(Compute& compute, std::unique_ptr<const DecodingWeights> owned, const DecodingWeights* weights)
    : compute_(compute),
      owned_(std::move(owned)),
      weights_(weights != nullptr ? *weights : *owned_),
      parameters_(weights_.parameters()),
      step_(compute, weights_),
      block_rows_(usual_block(weights_.config())) {
  reserve_positions(block_rows_);
  reserve(block_rows_);
}

/// Makes tables for sequences of so many tokens: of the whole context, which may be millions, only what is needed.
void Decoder::reserve_positions(std::int64_t length) {
  if (length <= positions_) return;
  const ModelConfig& config = weights_.config();
  positions_ = std::min(static_cast<std::int64_t>(std::bit_ceil(static_cast<std::uint64_t>(length))), config.context_length);
  tables_ = Arena<float>();  // freed before the larger one is taken
  tables_ = place_views<float>([&](Layout& layout) {
    rotary_.place(layout, config, positions_);
    layout.place(logits_, config.vocab_size);
  });
  rotary_.fill(config);
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

void Decoder::normalise(TensorView<float> y, TensorView<float> x, const NormParameters<float>& weights,
                        const Buffers& buffers) {
  norm_forward<float>(compute_, weights_.config(), y, {buffers.mean.rows(0, x.rows()), buffers.rstd.rows(0, x.rows())}, x,
                      weights);
}

void Decoder::embed(const KVCache& cache, const Block& block, const Buffers& buffers) {
  const TensorView<float> stream = buffers.residual;
  weights_.embed(compute_, stream, block.tokens, cache.length());
  if (weights_.config().embedding_norm) normalise(stream, stream, parameters_.embedding_norm, buffers);
}

void Decoder::end_branch(const Buffers& b, TensorView<float> stream, TensorView<float> hidden, const PackedMatrix& weight,
                         TensorView<const float> bias, const NormParameters<float>& post_norm) {
  const ModelConfig& c = weights_.config();
  linear_packed(compute_, b.branch, hidden, weight, bias);
  if (c.branch_norm) normalise(b.branch, b.branch, post_norm, b);
  if (c.residual_scale != 1) scale<float>(compute_, b.branch, c.residual_scale);
  add<float>(compute_, stream, b.branch);
  if (c.sum_norm) normalise(stream, stream, post_norm, b);
}

void Decoder::feed_forward(const PackedLayer& matrices, const LayerParameters<float>& layer, const Buffers& b,
                           TensorView<float> x) {
  const ModelConfig& c = weights_.config();
  linear_packed(compute_, b.up, x, matrices.up, layer.up_bias);
  ffn_activation_forward<float>(compute_, c, b.activated, b.up);
}

/// Returns cached keys and values as fp32: where they lie, or unpacked until the next call.
Decoder::CachedFloats Decoder::float_rows(const KVCache::Slots& slots) {
  if (slots.keys.type == CacheType::f32) return {slots.keys.floats(), slots.values.floats()};
  const std::int64_t size = slots.keys.rows * slots.keys.heads * slots.keys.width;
  if (unpacked_.size() < 2 * size) unpacked_ = Arena<float>(2 * size);
  const auto unpack = [&](float* to, const CachedRows& cached) {
    const TensorView<float> view(to, cached.rows, cached.heads, cached.width);
    load_cached(compute_, view, cached);
    return view;
  };
  return {unpack(unpacked_.data(), slots.keys), unpack(unpacked_.at(size), slots.values)};
}

void Decoder::attend(KVCache& cache, std::int64_t layer, const Buffers& buffers, const Block& block) {
  const ModelConfig& c = weights_.config();
  const LayerShape shape = c.layer(layer);
  const LayerParameters<float>& w = parameters_.layers[static_cast<std::size_t>(layer)];
  const std::int64_t rows = buffers.qkv.rows(), first = cache.length();
  const TensorView<float> queries = buffers.qkv.columns(0, c.q_width());
  const TensorView<float> q = queries.split_columns(c.n_heads);
  const TensorView<float> k = buffers.qkv.columns(c.q_width(), c.kv_width()).split_columns(c.n_kv_heads);
  const TensorView<float> v = buffers.qkv.columns(c.q_width() + c.kv_width(), c.kv_width()).split_columns(c.n_kv_heads);
  if (c.qk_norm != QkNorm::none) {
    const auto normalise = [&](TensorView<float> x, std::int64_t heads, const TensorView<float>& gain) {
      const std::int64_t groups = c.qk_norm == QkNorm::head ? heads : 1;
      rmsnorm_forward<float>(compute_, normed_heads(c, x, heads), TensorView<float>(buffers.head_rstd.data(), rows, groups),
                             normed_heads(c, x, heads), gain, c.norm_eps, c.gain_offset);
    };
    normalise(queries, c.n_heads, w.q_norm);
    normalise(buffers.qkv.columns(c.q_width(), c.kv_width()), c.n_kv_heads, w.k_norm);
  }
  const RotaryTable<float>& table = rotary_.of(shape.rotation, block.length);
  if (!table.cosine.empty()) {
    rotary_forward<float>(compute_, q, table.cosine, table.sine, rotary_pairs(c), rows, first);
    rotary_forward<float>(compute_, k, table.cosine, table.sine, rotary_pairs(c), rows, first);
  }
  const KVCache::Slots slots = cache.slots(layer, rows);
  const std::int64_t seen = slots.keys.rows - rows;
  store_cached(compute_, slots.keys.rows_part(seen, rows), k);
  store_cached(compute_, slots.values.rows_part(seen, rows), v);
  const CachedFloats cached = float_rows(slots);
  const TensorView<float> out = buffers.attention.split_columns(c.n_heads);
  // The keys begin at a position of their own, from which the prefix counts too.
  const std::int64_t prefix_length = std::max<std::int64_t>(0, block.prefix_length - (first - seen));
  const Visibility visibility = {.prefix_length = {&prefix_length, 1}, .document = {}, .window = shape.window};
  attention_forward<float>(compute_, {out.split_rows(1), {}},
                           {q.split_rows(1), cached.keys.split_rows(1), cached.values.split_rows(1)}, visibility,
                           attention_options(c));
}

void Decoder::run_layers(KVCache& cache, const Block& block) {
  const ModelConfig& c = weights_.config();
  const auto rows = static_cast<std::int64_t>(block.tokens.size());
  const Buffers b = view_buffers(rows);
  const TensorView<float> stream = b.residual;
  const auto normed = [&](const TensorView<float>& y, const NormParameters<float>& weights) {
    if (weights.gain.empty()) return stream;
    normalise(y, stream, weights, b);
    return y;
  };
  embed(cache, block, b);
  for (std::int64_t layer = 0; layer < c.n_layers; ++layer) {
    const LayerParameters<float>& w = parameters_.layers[static_cast<std::size_t>(layer)];
    const PackedLayer& matrices = weights_.layer(layer);
    linear_packed(compute_, b.qkv, normed(b.normed, w.attention_norm), matrices.qkv, w.qkv_bias);
    // Of parallel branches the second reads the layer's input too.
    const TensorView<float> second = c.parallel_residual ? normed(b.second_normed, w.ffn_norm) : TensorView<float>();
    attend(cache, layer, b, block);
    end_branch(b, stream, b.attention, matrices.projection, w.projection_bias, w.attention_post_norm);
    feed_forward(matrices, w, b, c.parallel_residual ? second : normed(b.normed, w.ffn_norm));
    end_branch(b, stream, b.activated, matrices.down, w.down_bias, w.ffn_post_norm);
  }
  cache.advance(rows);
}

TensorView<const float> Decoder::last_logits(std::int64_t rows) {
  const ModelConfig& c = weights_.config();
  const Buffers b = view_buffers(rows);
  TensorView<float> hidden = b.residual.rows(rows - 1, 1);
  const TensorView<float> normed = b.normed.rows(0, 1);
  if (c.final_norm) {
    normalise(normed, hidden, parameters_.final_norm, b);
    hidden = normed;
  }
  if (c.head_dense) {
    const TensorView<float> dense = b.branch.rows(0, 1);
    linear_packed(compute_, dense, hidden, weights_.head_dense(), parameters_.head_dense_bias);
    activation_forward<float>(compute_, c.head_activation, dense, dense);
    normalise(normed, dense, parameters_.head_norm, b);
    hidden = normed;
  }
  const TensorView<float> logits(logits_.data(), 1, logits_.size());
  linear_packed(compute_, logits, hidden, weights_.head(), parameters_.head_bias);
  if (c.logit_scale != 1 || c.logit_cap != 0) cap_logits<float>(compute_, logits, c.logit_scale, c.logit_cap);
  return logits_;
}

bool Decoder::keeps_keys(std::int64_t from, std::int64_t to) const {
  return from == 0 || !rotation_changes(weights_.config(), from, to);
}

void Decoder::check_tokens(const KVCache& cache, std::span<const TokenId> tokens) const {
  LM_CHECK(!tokens.empty());
  const std::int64_t count = std::ssize(tokens);
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
}

TensorView<const float> Decoder::prefill(KVCache& cache, std::span<const TokenId> tokens, std::int64_t prefix_length,
                                         std::int64_t final_length) {
  check_tokens(cache, tokens);
  const std::int64_t count = std::ssize(tokens);
  // The prefix's queries see keys after them, so all of it has to be read at once.
  const std::int64_t at_once = std::min(prefix_length, count);
  const std::int64_t block = std::max(at_once, usual_block(weights_.config()));
  const std::int64_t length = std::max(final_length, cache.length() + count);
  LM_CHECK(cache.length() == 0 || keeps_keys(cache.length(), cache.length() + count) || final_length > 0);
  if (block > block_rows_) reserve(block);
  reserve_positions(length);
  std::int64_t rows = 0;
  for (std::int64_t first = 0; first < count; first += rows) {
    rows = std::min(block, count - first);
    run_layers(cache,
               {tokens.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(rows)), prefix_length, length});
  }
  return last_logits(rows);
}

void Decoder::generate(std::span<const Continuation> inputs, TensorView<float> logits) {
  std::int64_t longest = 0;
  for (const auto& [cache, tokens] : inputs) {
    check_tokens(*cache, tokens);
    LM_CHECK(cache->length() == 0 || keeps_keys(cache->length(), cache->length() + std::ssize(tokens)));
    longest = std::max(longest, cache->length() + std::ssize(tokens));
  }
  reserve_positions(longest);
  // As many rows at a time as a step takes.
  std::vector<Continuation> together;
  std::int64_t first = 0, rows = 0;
  const auto run = [&] {
    if (rows > 0) step_.run(together, rotary_, logits.rows(first, rows));
    first += rows;
    rows = 0;
    together.clear();
  };
  for (Continuation rest : inputs) {
    while (!rest.tokens.empty()) {
      const auto count = std::min<std::size_t>(rest.tokens.size(), static_cast<std::size_t>(DecodeStep::kMostRows - rows));
      together.push_back({rest.cache, rest.tokens.first(count)});
      rest.tokens = rest.tokens.subspan(count);
      rows += static_cast<std::int64_t>(count);
      if (rows == DecodeStep::kMostRows) run();
    }
  }
  run();
}

TensorView<const float> Decoder::step(KVCache& cache, TokenId token) {
  reserve_positions(cache.length() + 1);  // logits_ is in the same memory
  const Continuation input{&cache, {&token, 1}};
  generate({&input, 1}, TensorView<float>(logits_.data(), 1, weights_.config().vocab_size));
  return logits_;
}

}  // namespace lm
