#include "kernels/cpu/attention_keys.h"

namespace lm {

namespace {

// Rows of queries whose scores exist at one time: many, so that the sums of the keys' gradients are long.
constexpr std::int64_t kBackwardBlock = 42;
constexpr std::int64_t kPrefetchRows = 12;

/// Memory of one tile of the backward pass.
template <class Factors>
struct BackwardScratch {
  using Number = typename Factors::Number;
  using Element = typename Factors::Element;
  using Unit = typename Factors::Unit;
  BackwardScratch(const Factors& factors, std::int64_t keys, std::int64_t width, Layout& layout)
      : stride(score_stride(factors, keys)), gradient_stride(whole_panels(factors, width)) {
    const std::int64_t packed = PackedKeys<Factors>::elements(factors, keys, width);
    keys_across = layout.take<Element>(packed);
    values_across = layout.take<Element>(packed);
    keys_along = layout.take<Element>(packed);
    scores = layout.take<Number>(kBackwardBlock * stride);
    dweights = layout.take<Number>(kBackwardBlock * stride);
    dk = layout.take<Number>(keys * gradient_stride);
    dv = layout.take<Number>(keys * gradient_stride);
    packed_rows = layout.take<Element>(gradient_stride / factors.panel() * factors.panel_size(kBackwardBlock));
    units = layout.take<Unit>(std::max({factors.row_units(kBackwardBlock, width), factors.row_units(kBackwardBlock, keys),
                                        factors.column_units(keys, kBackwardBlock)}));
  }
  Element *keys_across, *values_across, *keys_along, *packed_rows;
  Number *scores, *dweights, *dk, *dv;
  Unit* units;
  std::int64_t stride, gradient_stride;
};

/// What all tiles of the backward pass share.
template <class Factors>
struct BackwardPass {
  using Number = typename Factors::Number;
  const Factors& factors;
  const SimdKernels<Number>& kernels;
  AttentionGradients<Number> gradients;
  TensorView<const Number> dout;
  AttentionResult<const Number> result;
  AttentionInputs<Number> inputs;
  ScoreScale<Number> scale;
  bool add;
};

/// The keys and values of one key-value head of one sequence, packed once for all blocks of queries.
template <class Factors>
struct BackwardKeys {
  BackwardKeys(const BackwardPass<Factors>& pass, const BackwardScratch<Factors>& scratch, std::int64_t sequence,
               std::int64_t kv_head)
      : keys_across(pass.factors, scratch.keys_across, pass.inputs.k.dim(1), pass.inputs.k.dim(3)),
        values_across(pass.factors, scratch.values_across, pass.inputs.k.dim(1), pass.inputs.k.dim(3)),
        keys_along(pass.factors, scratch.keys_along, pass.inputs.k.dim(1), pass.inputs.k.dim(3)) {
    keys_across.pack_across(head_rows(pass.inputs.k, sequence, 0, kv_head));
    values_across.pack_across(head_rows(pass.inputs.v, sequence, 0, kv_head));
    keys_along.pack_along(head_rows(pass.inputs.k, sequence, 0, kv_head));
  }
  PackedKeys<Factors> keys_across, values_across, keys_along;
};

/// A block of queries of one head of one sequence.
struct BackwardBlock {
  std::int64_t sequence, first, count, head;
  KeyRange range;
};

/// sums (keys of the block, D) += weights (queries, those keys) transposed * rows (queries, D).
template <class Factors>
void add_key_gradients(const BackwardPass<Factors>& pass, const BackwardScratch<Factors>& scratch,
                       const BackwardBlock& block, typename Factors::Number* sums, const typename Factors::Number* weights,
                       Strided<const typename Factors::Number> rows) {
  using Number = typename Factors::Number;
  const Factors& factors = pass.factors;
  const std::int64_t width = pass.inputs.q.dim(3), count = block.count;
  const Number scale = factors.scale_of(rows, count, width);
  factors.pack_panels(scratch.packed_rows, {rows.data, rows.stride}, count, width, scale);
  const Strided<Number> to{sums + block.range.first * scratch.gradient_stride, scratch.gradient_stride};
  factors.multiply_columns(to, {weights, scratch.stride}, {scratch.packed_rows, factors.panel_size(count)},
                           {block.range.size(), width, count}, {to.data, to.stride}, 1 / scale, scratch.units);
}

template <class Factors>
void backward_block(const BackwardPass<Factors>& pass, const BackwardScratch<Factors>& scratch,
                    const BackwardKeys<Factors>& packed, const SequenceVisibility& visible, const BackwardBlock& block) {
  using Number = typename Factors::Number;
  const auto& [sequence, t, count, h, range] = block;
  const TensorView<const Number>& q = pass.inputs.q;
  const std::int64_t heads = q.dim(2), width = q.dim(3), keys = q.dim(1), stride = scratch.stride;
  const Strided<const Number> query = head_rows(q, sequence, t, h), dout = head_rows(pass.dout, sequence, t, h);
  const Strided<Number> scores{scratch.scores, stride}, dweights{scratch.dweights, stride};

  // pass 1: scores = queries keys^T, dweights = dout values^T
  packed.keys_across.multiply_across(scores, pass.factors.prepare_rows(scratch.units, query, count, width), count, range);
  packed.values_across.multiply_across(dweights, pass.factors.prepare_rows(scratch.units, dout, count, width), count, range);

  // pass 2: weights = exp(scale * score - log_sum_exp), dscores = scale * weights * (dweights - out . dout), in their places
  for (std::int64_t i = 0; i < count; ++i) {
    const Number delta =
        pass.kernels.decode.dot(&pass.result.out(sequence, t + i, h, 0), &pass.dout(sequence, t + i, h, 0), width);
    pass.kernels.softmax.attention_gradients(scores.data + i * stride, dweights.data + i * stride,
                                             visible.visible_keys(range, t + i), pass.scale,
                                             pass.result.log_sum_exp.data()[(sequence * heads + h) * keys + t + i], delta);
  }

  // pass 3: dq += dscores keys
  const Strided<const Number> dscores{dweights.data, stride};
  packed.keys_along.multiply_along(head_rows(pass.gradients.dq, sequence, t, h),
                                   pass.factors.prepare_rows(scratch.units, dscores, count, range.size()), count, range,
                                   pass.add);

  // pass 4: dv += weights^T dout, dk += dscores^T queries
  add_key_gradients(pass, scratch, block, scratch.dv, scores.data, dout);
  add_key_gradients(pass, scratch, block, scratch.dk, dscores.data, query);
}

/// Writes or adds the sums of one key-value head to its place in the gradients.
template <class Factors>
void store_key_gradients(const BackwardPass<Factors>& pass, const BackwardScratch<Factors>& scratch, std::int64_t sequence,
                         std::int64_t kv_head) {
  using Number = typename Factors::Number;
  const TensorView<Number>&dk = pass.gradients.dk, &dv = pass.gradients.dv;
  const std::int64_t keys = dk.dim(1), width = dk.dim(3);
  for (std::int64_t j = 0; j < keys; ++j) {
    // The rows lie apart in a large matrix: prefetch them in time.
    if (j + kPrefetchRows < keys) {
      __builtin_prefetch(&dk(sequence, j + kPrefetchRows, kv_head, 0), 1);
      __builtin_prefetch(&dv(sequence, j + kPrefetchRows, kv_head, 0), 1);
    }
    const Number *dk_sums = scratch.dk + j * scratch.gradient_stride, *dv_sums = scratch.dv + j * scratch.gradient_stride;
    if (pass.add) {
      pass.kernels.elementwise.add(&dk(sequence, j, kv_head, 0), dk_sums, width);
      pass.kernels.elementwise.add(&dv(sequence, j, kv_head, 0), dv_sums, width);
    } else {
      std::copy_n(dk_sums, width, &dk(sequence, j, kv_head, 0));
      std::copy_n(dv_sums, width, &dv(sequence, j, kv_head, 0));
    }
  }
}

/// One key-value head of one sequence: a single tile, so that the gradients of its keys are one chain.
template <class Factors>
void backward_tile(const BackwardPass<Factors>& pass, const BackwardScratch<Factors>& scratch,
                   const SequenceVisibility& visible, std::int64_t sequence, std::int64_t kv_head) {
  using Number = typename Factors::Number;
  const std::int64_t keys = pass.inputs.k.dim(1), group = pass.inputs.q.dim(2) / pass.inputs.k.dim(2);
  const BackwardKeys<Factors> packed(pass, scratch, sequence, kv_head);
  std::fill_n(scratch.dk, keys * scratch.gradient_stride, Number{0});
  std::fill_n(scratch.dv, keys * scratch.gradient_stride, Number{0});
  for (std::int64_t t = 0; t < keys; t += kBackwardBlock) {
    const std::int64_t count = std::min(kBackwardBlock, keys - t);
    const KeyRange range = inside({0, keys}, visible.keys_of(t, count), pass.factors.panel());
    for (std::int64_t h = kv_head * group; h < (kv_head + 1) * group; ++h)
      backward_block(pass, scratch, packed, visible, {sequence, t, count, h, range});
  }
  store_key_gradients(pass, scratch, sequence, kv_head);
}

}  // namespace

template <class T>
void attention_backward(Compute& compute, AttentionGradients<T> gradients, TensorView<const T> dout,
                        AttentionResult<const T> result, AttentionInputs<T> inputs, const Visibility& visibility,
                        const AttentionOptions& options, Write write) {
  check_attention_shapes<T>(result.out, inputs, visibility);
  const std::int64_t batch = inputs.q.dim(0), keys = inputs.k.dim(1), kv_heads = inputs.k.dim(2), width = inputs.q.dim(3);
  LM_CHECK(keys == inputs.q.dim(1) && result.log_sum_exp.size() == batch * inputs.q.dim(2) * keys);
  with_factors<T>(compute.simd(), options.precision, [&](const auto& factors) {
    using Factors = std::decay_t<decltype(factors)>;
    const BackwardPass<Factors> pass{factors, simd_kernels<T>(compute.simd()), gradients,          dout, result,
                                     inputs,  score_scale<T>(options),         write == Write::add};
    compute.pool().run(batch * kv_heads, [&](std::int64_t tile, int worker) {
      Layout layout(compute.scratch<char>(worker, scratch_bytes<BackwardScratch<Factors>>(factors, keys, width)));
      const BackwardScratch<Factors> scratch(factors, keys, width, layout);
      const std::int64_t sequence = tile / kv_heads;
      backward_tile(pass, scratch, SequenceVisibility(visibility, sequence, keys), sequence, tile % kv_heads);
    });
  });
}

template <class T>
ScratchSize attention_backward_scratch(SimdTier tier, Precision precision, std::int64_t length, std::int64_t head_dim) {
  ScratchSize size;
  with_factors<T>(tier, precision, [&](const auto& factors) {
    size.worker = scratch_bytes<BackwardScratch<std::decay_t<decltype(factors)>>>(factors, length, head_dim);
  });
  return size;
}

template void attention_backward(Compute&, AttentionGradients<float>, TensorView<const float>, AttentionResult<const float>,
                                 AttentionInputs<float>, const Visibility&, const AttentionOptions&, Write);
template void attention_backward(Compute&, AttentionGradients<double>, TensorView<const double>,
                                 AttentionResult<const double>, AttentionInputs<double>, const Visibility&,
                                 const AttentionOptions&, Write);
template ScratchSize attention_backward_scratch<float>(SimdTier, Precision, std::int64_t, std::int64_t);
template ScratchSize attention_backward_scratch<double>(SimdTier, Precision, std::int64_t, std::int64_t);

}  // namespace lm
