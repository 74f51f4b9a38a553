#include "model/decode_step.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/cached_rows.h"
#include "kernels/cross_entropy.h"
#include "kernels/elementwise.h"
#include "model/layer_kernels.h"
#include "tensor/layout.h"

namespace lm {

/// A token of the step.
struct DecodeStep::Row {
  TokenId token;
  std::int64_t sequence;  // among those of the step
  std::int64_t index;     // among the sequence's tokens of the step
  std::int64_t position;
};

/// What members write for each other. R rows.
struct DecodeStep::Shared {
  TensorView<float> qkv;        // (R, (H + 2 KV) D)
  TensorView<float> attention;  // (R, H D)
  TensorView<float> branch;     // (R, C) what a residual branch adds, or the head's dense product
  TensorView<float> up;         // (R, 2F) gate and up, or (R, F)
  TensorView<float> activated;  // (R, F)

  Shared(const ModelConfig& c, std::int64_t rows, Layout& layout) {
    layout.place(qkv, rows, c.qkv_width());
    layout.place(attention, rows, c.q_width());
    layout.place(branch, rows, c.channels);
    layout.place(up, rows, c.up_width());
    layout.place(activated, rows, c.ffn_dim);
  }
};

/// What each member has for itself, with the same numbers in all of them.
struct DecodeStep::Own {
  TensorView<float> stream;         // (R, C)
  TensorView<float> normed;         // (R, C)
  TensorView<float> second_normed;  // (R, C) what the second of two parallel branches reads
  TensorView<float> branch;         // (R, C)
  TensorView<float> mean, rstd;     // (R)
  TensorView<float> head_rstd;      // (H)

  Own(const ModelConfig& c, std::int64_t rows, Layout& layout) {
    for (TensorView<float>* view : {&stream, &normed, &second_normed, &branch}) layout.place(*view, rows, c.channels);
    layout.place(mean, rows);
    layout.place(rstd, rows);
    layout.place(head_rstd, c.n_heads);
  }
};

/// What one member does.
struct DecodeStep::Member {
  const DecodeStep& step;
  const Shared& shared;
  const Own& own;
  const RotaryTables<float>& rotary;
  TeamBarrier& barrier;
  Compute& compute;
  std::int64_t number, members;
  const ModelConfig& c = step.weights_.config();
  const Parameters<float>& parameters = step.weights_.parameters();

  void run(TensorView<float> logits) {
    embed();
    for (std::int64_t layer = 0; layer < c.n_layers; ++layer) run_layer(layer);
    write_logits(logits);
  }

 private:
  /// This member's part of so many things.
  struct Part {
    std::int64_t first, end;
  };
  Part part_of(std::int64_t count) const { return {count * number / members, count * (number + 1) / members}; }
  PanelRange panels_of(const PackedMatrix& matrix) const { return panel_part(matrix, number, members); }

  void norm(TensorView<float> y, TensorView<float> x, const NormParameters<float>& weights) const {
    norm_forward<float>(compute, c, y, {own.mean, own.rstd}, x, weights);
  }
  TensorView<const float> normed(TensorView<float> y, const NormParameters<float>& weights) const {
    if (weights.gain.empty()) return own.stream;
    norm(y, own.stream, weights);
    return y;
  }
  void multiply(TensorView<float> y, TensorView<const float> x, const PackedMatrix& weight,
                TensorView<const float> bias) const {
    linear_panels(compute, y, x, weight, bias, panels_of(weight));
  }

  void multiply_stacked(TensorView<float> y, TensorView<const float> x, std::span<const PackedMatrix> stacked,
                        TensorView<const float> bias) const {
    for_each_stacked(stacked, y, bias,
                     [&](TensorView<float> part, const PackedMatrix& matrix, TensorView<const float> part_bias) {
                       multiply(part, x, matrix, part_bias);
                     });
  }

  void embed() const {
    for (std::size_t r = 0; r < step.rows_.size(); ++r) {
      const Row& row = step.rows_[r];
      step.weights_.embed(compute, own.stream.rows(static_cast<std::int64_t>(r), 1), {&row.token, 1}, row.position);
    }
    if (c.embedding_norm) norm(own.stream, own.stream, parameters.embedding_norm);
  }

  void run_layer(std::int64_t layer) const {
    const LayerParameters<float>& w = parameters.layers[static_cast<std::size_t>(layer)];
    const PackedLayer& matrices = step.weights_.layer(layer);
    multiply_stacked(shared.qkv, normed(own.normed, w.attention_norm), matrices.qkv, w.qkv_bias);
    // Of parallel branches the second reads the layer's input too.
    const TensorView<const float> second =
        c.parallel_residual ? normed(own.second_normed, w.ffn_norm) : TensorView<const float>();
    barrier.wait();
    attend(layer);
    barrier.wait();
    multiply(shared.branch, shared.attention, matrices.projection, w.projection_bias);
    barrier.wait();
    end_branch(w.attention_post_norm);
    feed_forward(matrices, w, c.parallel_residual ? second : normed(own.normed, w.ffn_norm));
    barrier.wait();
    multiply(shared.branch, shared.activated, matrices.down, w.down_bias);
    barrier.wait();
    end_branch(w.ffn_post_norm);
  }

  /// Adds what the branch gave to the stream, with the norm at its end.
  void end_branch(const NormParameters<float>& post_norm) const {
    TensorView<float> branch = shared.branch;
    if (c.branch_norm) {
      norm(own.branch, branch, post_norm);
      branch = own.branch;
    } else if (c.residual_scale != 1) {
      copy<float>(compute, own.branch, branch);
      branch = own.branch;
    }
    if (c.residual_scale != 1) scale<float>(compute, branch, c.residual_scale);
    add<float>(compute, own.stream, branch);
    if (c.sum_norm) norm(own.stream, own.stream, post_norm);
  }

  /// Writes this member's columns of what the feed-forward part's activation gives.
  void feed_forward(const PackedLayer& matrices, const LayerParameters<float>& w, TensorView<const float> x) const {
    multiply_stacked(shared.up, x, matrices.up, w.up_bias);
    const auto [first, count] = columns_of(matrices.up.back());
    if (count == 0) return;
    const TensorView<float> y = shared.activated.columns(first, count);
    const TensorView<float> up = shared.up.columns(c.up_width() - c.ffn_dim + first, count);
    if (!c.gated) return activation_forward<float>(compute, c.activation, y, up);
    gated_forward<float>(compute, c.activation, y, shared.up.columns(first, count), up);
  }

  struct Columns {
    std::int64_t first, count;
  };
  Columns columns_of(const PackedMatrix& matrix) const {
    const PanelRange range = panels_of(matrix);
    const std::int64_t first = range.first * matrix.panel;
    return {first, std::min(matrix.outputs, (range.first + range.count) * matrix.panel) - first};
  }

  /// Key-value heads are the work's units if they divide well among the members: who has one prepares its queries, keys and
  /// values. Else this is shared out first, and then each query's heads.
  void attend(std::int64_t layer) const {
    const auto rows = static_cast<std::int64_t>(step.rows_.size());
    const std::int64_t units = step.sequences_ * c.n_kv_heads, group = c.n_heads / c.n_kv_heads;
    const bool divides = units % members == 0 || units >= 4 * members;
    if (c.qk_norm != QkNorm::width && divides) {
      const Part part = part_of(units);
      for (std::int64_t unit = part.first; unit < part.end; ++unit) {
        const std::int64_t sequence = unit / c.n_kv_heads, head = unit % c.n_kv_heads;
        const auto each_row = [&](auto&& body) {
          for (std::int64_t r = 0; r < rows; ++r) {
            if (row(r).sequence == sequence) body(r);
          }
        };
        each_row([&](std::int64_t r) { prepare(layer, r, head, 1); });
        each_row([&](std::int64_t r) { attend_heads(layer, r, head * group, group); });
      }
      return;
    }
    // A norm over the width of all heads needs them all.
    const std::int64_t at_once = c.qk_norm == QkNorm::width ? c.n_kv_heads : 1, units_of_row = c.n_kv_heads / at_once;
    const Part prepared = part_of(rows * units_of_row);
    for (std::int64_t unit = prepared.first; unit < prepared.end; ++unit)
      prepare(layer, unit / units_of_row, unit % units_of_row * at_once, at_once);
    barrier.wait();
    const Part heads = part_of(rows * c.n_heads);
    for (std::int64_t head = heads.first; head < heads.end; ++head)
      attend_heads(layer, head / c.n_heads, head % c.n_heads, 1);
  }

  const Row& row(std::int64_t r) const { return step.rows_[static_cast<std::size_t>(r)]; }
  const KVCache::Slots& slots(std::int64_t layer, const Row& of) const {
    return step.slots_[static_cast<std::size_t>(layer * step.sequences_ + of.sequence)];
  }
  /// Returns the place of a row's token among the slots of its sequence.
  std::int64_t slot_of(const KVCache::Slots& slots, const Row& of) const { return slots.keys.rows - slots.count + of.index; }

  /// Normalises and rotates a row's queries and keys of some key-value heads, and stores keys and values in the cache.
  void prepare(std::int64_t layer, std::int64_t r, std::int64_t head, std::int64_t count) const {
    const LayerParameters<float>& w = parameters.layers[static_cast<std::size_t>(layer)];
    const std::int64_t group = c.n_heads / c.n_kv_heads, d = c.head_dim;
    float* const q = shared.qkv.row(r) + head * group * d;
    float* const k = shared.qkv.row(r) + c.q_width() + head * d;
    const float* const v = k + c.kv_width();
    const auto prepare_heads = [&](float* x, std::int64_t heads, const TensorView<float>& gain) {
      if (c.qk_norm != QkNorm::none) {
        const TensorView<float> view = normed_heads(c, TensorView<float>(x, 1, heads * d), heads);
        const std::int64_t groups = c.qk_norm == QkNorm::head ? heads : 1;
        rmsnorm_forward<float>(compute, view, TensorView<float>(own.head_rstd.data(), 1, groups), view, gain, c.norm_eps,
                               c.gain_offset);
      }
      const RotaryTable<float>& table = rotary.of(c.layer(layer).rotation, row(r).position + 1);
      if (table.cosine.empty()) return;
      rotary_forward<float>(compute, TensorView<float>(x, 1, heads, d), table.cosine, table.sine, rotary_pairs(c), 1,
                            row(r).position);
    };
    prepare_heads(q, count * group, w.q_norm);
    prepare_heads(k, count, w.k_norm);
    const KVCache::Slots& cached = slots(layer, row(r));
    const std::int64_t slot = slot_of(cached, row(r));
    const auto part = [&](const CachedRows& rows) { return rows.rows_part(slot, 1).heads_part(head, count); };
    store_cached(compute, part(cached.keys), TensorView<const float>(k, 1, count, d));
    store_cached(compute, part(cached.values), TensorView<const float>(v, 1, count, d));
  }

  /// Computes what some heads of a row, which share a key-value head, see of their sequence.
  void attend_heads(std::int64_t layer, std::int64_t r, std::int64_t head, std::int64_t count) const {
    const std::int64_t d = c.head_dim, window = c.layer(layer).window, kv_head = head / (c.n_heads / c.n_kv_heads);
    const KVCache::Slots& cached = slots(layer, row(r));
    const std::int64_t slot = slot_of(cached, row(r)),
                       first = window == 0 ? 0 : std::max<std::int64_t>(0, slot - window + 1);
    const auto of_head = [&](const CachedRows& rows) {
      return rows.rows_part(first, slot + 1 - first).heads_part(kv_head, 1);
    };
    attention_cached(compute, TensorView<float>(shared.attention.row(r) + head * d, count, d),
                     TensorView<float>(shared.qkv.row(r) + head * d, count, d), of_head(cached.keys), of_head(cached.values),
                     attention_options(c));
  }

  void write_logits(TensorView<float> logits) const {
    TensorView<const float> hidden = own.stream;
    if (c.final_norm) hidden = normed(own.normed, parameters.final_norm);
    if (c.head_dense) {
      barrier.wait();  // all have read the last branch
      multiply(shared.branch, hidden, step.weights_.head_dense(), parameters.head_dense_bias);
      barrier.wait();
      activation_forward<float>(compute, c.head_activation, own.branch, shared.branch);
      norm(own.normed, own.branch, parameters.head_norm);
      hidden = own.normed;
    }
    const PackedMatrix& head = step.weights_.head();
    multiply(logits, hidden, head, parameters.head_bias);
    const auto [first, count] = columns_of(head);
    if ((c.logit_scale != 1 || c.logit_cap != 0) && count > 0)
      cap_logits<float>(compute, logits.columns(first, count), c.logit_scale, c.logit_cap);
  }
};

DecodeStep::DecodeStep(Compute& compute, const DecodingWeights& weights) : compute_(compute), weights_(weights) {
  for (int member = 0; member < compute.pool().threads(); ++member)
    own_compute_.push_back(std::make_unique<Compute>(1, compute.simd()));
  memory_ = place_views<float>([&](Layout& layout) { lay_out(layout, kMostRows); });
}

DecodeStep::~DecodeStep() = default;

void DecodeStep::lay_out(Layout& layout, std::int64_t rows) {
  Shared(weights_.config(), rows, layout);
  for (std::size_t member = 0; member < own_compute_.size(); ++member) Own(weights_.config(), rows, layout);
}

/// Lists the rows, and makes room for them in their caches.
void DecodeStep::collect(std::span<const Continuation> inputs) {
  rows_.clear();
  slots_.clear();
  sequences_ = std::ssize(inputs);
  std::int64_t longest = 0;
  for (const Continuation& input : inputs) {
    const std::int64_t sequence = &input - inputs.data(), length = input.cache->length();
    for (std::int64_t i = 0; i < std::ssize(input.tokens); ++i)
      rows_.push_back({input.tokens[static_cast<std::size_t>(i)], sequence, i, length + i});
    longest = std::max(longest, length + std::ssize(input.tokens));
  }
  LM_CHECK(!rows_.empty() && std::ssize(rows_) <= kMostRows);
  for (std::int64_t layer = 0; layer < weights_.config().n_layers; ++layer) {
    for (const Continuation& input : inputs) slots_.push_back(input.cache->slots(layer, std::ssize(input.tokens)));
  }
  // A member may not fail while others wait for it.
  const ModelConfig& c = weights_.config();
  const std::int64_t scratch =
      attention_cached_scratch(slots_.front().keys.type, c.n_heads / c.n_kv_heads, longest, c.head_dim);
  const std::int64_t quantized = block_scratch(std::ssize(rows_), std::max({c.channels, c.q_width(), c.ffn_dim}));
  for (const std::unique_ptr<Compute>& compute : own_compute_) {
    compute->scratch<float>(0, scratch);
    compute->scratch<char>(0, quantized);
  }
}

void DecodeStep::run(std::span<const Continuation> inputs, const RotaryTables<float>& rotary, TensorView<float> logits) {
  collect(inputs);
  const auto rows = std::ssize(rows_);
  LM_CHECK(logits.rows() == rows && logits.columns() == weights_.config().vocab_size);
  Layout layout(memory_.data());
  const Shared shared(weights_.config(), rows, layout);
  std::vector<Own> own;
  for (std::size_t member = 0; member < own_compute_.size(); ++member) own.emplace_back(weights_.config(), rows, layout);
  compute_.pool().run_team([&](int number, TeamBarrier& barrier) {
    const auto place = static_cast<std::size_t>(number);
    Member{.step = *this,
           .shared = shared,
           .own = own[place],
           .rotary = rotary,
           .barrier = barrier,
           .compute = *own_compute_[place],
           .number = number,
           .members = compute_.pool().threads()}
        .run(logits);
  });
  for (const Continuation& input : inputs) input.cache->advance(std::ssize(input.tokens));
}

}  // namespace lm
