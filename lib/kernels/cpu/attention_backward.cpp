#include "kernels/cpu/attention_keys.h"

namespace lm {

namespace {

// Rows of queries whose scores exist at one time: many, so that the sums of the keys' gradients are long.
constexpr std::int64_t kBackwardBlock = 42;
constexpr std::int64_t kPrefetchRows = 12;

/// Everything that the backward pass of one (sequence, key-value head) shares.
template <class T>
struct Gradients {
  TensorView<T> dq, dk, dv;
  TensorView<const T> dout, out, log_sum_exp, q, k, v;
  double scale;
  bool add;
};

/// Memory of one tile of the backward pass.
template <class Factors>
struct BackwardScratch {
  using Number = typename Factors::Number;
  using Element = typename Factors::Element;
  using Unit = typename Factors::Unit;
  BackwardScratch(const Factors& factors, std::int64_t keys, std::int64_t width, Cut& cut)
      : stride(score_stride(factors, keys)), gradient_stride(whole_panels(factors, width)) {
    const std::int64_t packed = PackedKeys<Factors>::elements(factors, keys, width);
    keys_across = cut.take<Element>(packed);
    values_across = cut.take<Element>(packed);
    keys_along = cut.take<Element>(packed);
    scores = cut.take<Number>(kBackwardBlock * stride);
    dweights = cut.take<Number>(kBackwardBlock * stride);
    dk = cut.take<Number>(keys * gradient_stride);
    dv = cut.take<Number>(keys * gradient_stride);
    packed_rows = cut.take<Element>(gradient_stride / factors.panel() * factors.panel_size(kBackwardBlock));
    units = cut.take<Unit>(std::max({factors.row_units(kBackwardBlock, width), factors.row_units(kBackwardBlock, keys),
                                     factors.column_units(keys, kBackwardBlock)}));
  }
  Element *keys_across, *values_across, *keys_along, *packed_rows;
  Number *scores, *dweights, *dk, *dv;
  Unit* units;
  std::int64_t stride, gradient_stride;
};

/// sums (keys, width) += weights (count, keys) transposed * rows (count, width).
template <class Factors, class T>
void add_key_gradients(const Factors& factors, const BackwardScratch<Factors>& scratch, T* sums, const T* weights,
                       const T* rows, std::int64_t stride, std::int64_t keys, std::int64_t count, std::int64_t width) {
  const T scale = factors.scale_of(rows, stride, count, width);
  factors.pack_panels(scratch.packed_rows, rows, stride, false, count, width, scale);
  factors.multiply_columns(sums, scratch.gradient_stride, weights, scratch.stride, scratch.packed_rows,
                           factors.panel_size(count), keys, width, count, {sums, scratch.gradient_stride}, 1 / scale,
                           scratch.units);
}

/// One key-value head of one sequence: a single tile, so that the gradients of its keys are one chain.
template <class Factors, class T>
void backward_head(const Factors& factors, const SimdKernels<T>& kernels, const BackwardScratch<Factors>& scratch,
                   const Gradients<T>& g, const SequenceVisibility& visible, std::int64_t b, std::int64_t kv) {
  const std::int64_t heads = g.q.dim(2), width = g.q.dim(3), keys = g.k.dim(1), group = heads / g.k.dim(2);
  PackedKeys<Factors> keys_across(factors, scratch.keys_across, keys, width),
      values_across(factors, scratch.values_across, keys, width), keys_along(factors, scratch.keys_along, keys, width);
  keys_across.pack_across(&g.k(b, 0, kv, 0), g.k.stride(1));
  values_across.pack_across(&g.v(b, 0, kv, 0), g.v.stride(1));
  keys_along.pack_along(&g.k(b, 0, kv, 0), g.k.stride(1));
  std::fill_n(scratch.dk, keys * scratch.gradient_stride, T{0});
  std::fill_n(scratch.dv, keys * scratch.gradient_stride, T{0});
  T *scores = scratch.scores, *dweights = scratch.dweights;
  const std::int64_t stride = scratch.stride;

  for (std::int64_t t = 0; t < keys; t += kBackwardBlock) {
    const std::int64_t count = std::min(kBackwardBlock, keys - t);
    const KeyRange range = inside({0, keys}, visible.keys_of(t, count), factors.panel());
    for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
      const T *query = &g.q(b, t, h, 0), *dresult = &g.dout(b, t, h, 0);
      keys_across.multiply_across(scores, stride, factors.prepare_rows(scratch.units, query, g.q.stride(1), count, width),
                                  count, range.first, range.size());
      values_across.multiply_across(dweights, stride,
                                    factors.prepare_rows(scratch.units, dresult, g.dout.stride(1), count, width), count,
                                    range.first, range.size());
      for (std::int64_t i = 0; i < count; ++i) {
        const std::int64_t limit = std::min(range.end, visible.limit(t + i)) - range.first;
        const T delta = kernels.dot(&g.out(b, t + i, h, 0), &g.dout(b, t + i, h, 0), width);
        kernels.attention_gradients(scores + i * stride, dweights + i * stride, range.size(), limit,
                                    visible.documents(range.first), visible.document(t + i), static_cast<T>(g.scale),
                                    g.log_sum_exp.data()[(b * heads + h) * keys + t + i], delta);
      }
      keys_along.multiply_along(&g.dq(b, t, h, 0), g.dq.stride(1),
                                factors.prepare_rows(scratch.units, dweights, stride, count, range.size()), count,
                                range.first, range.size(), g.add);
      const std::int64_t at = range.first * scratch.gradient_stride;
      add_key_gradients(factors, scratch, scratch.dv + at, scores, dresult, g.dout.stride(1), range.size(), count, width);
      add_key_gradients(factors, scratch, scratch.dk + at, dweights, query, g.q.stride(1), range.size(), count, width);
    }
  }
  for (std::int64_t j = 0; j < keys; ++j) {
    // The rows lie apart in a large matrix: ask for them in time.
    if (j + kPrefetchRows < keys) {
      __builtin_prefetch(&g.dk(b, j + kPrefetchRows, kv, 0), 1);
      __builtin_prefetch(&g.dv(b, j + kPrefetchRows, kv, 0), 1);
    }
    const T *dk = scratch.dk + j * scratch.gradient_stride, *dv = scratch.dv + j * scratch.gradient_stride;
    if (g.add) {
      kernels.add(&g.dk(b, j, kv, 0), dk, width);
      kernels.add(&g.dv(b, j, kv, 0), dv, width);
    } else {
      std::copy_n(dk, width, &g.dk(b, j, kv, 0));
      std::copy_n(dv, width, &g.dv(b, j, kv, 0));
    }
  }
}

}  // namespace

template <class T>
void attention_backward(Compute& compute, TensorView<T> dq, TensorView<T> dk, TensorView<T> dv, TensorView<const T> dout,
                        TensorView<const T> out, TensorView<const T> log_sum_exp, TensorView<const T> q,
                        TensorView<const T> k, TensorView<const T> v, const Visibility& visibility, double scale,
                        Write write, Precision precision) {
  check_attention_shapes<T>(out, q, k, v, visibility);
  const std::int64_t keys = k.dim(1), kv_heads = k.dim(2), width = q.dim(3);
  LM_CHECK(keys == q.dim(1) && log_sum_exp.size() == q.dim(0) * q.dim(2) * keys);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Gradients<T> gradients{dq, dk, dv, dout, out, log_sum_exp, q, k, v, scale, write == Write::add};
  with_factors<T>(compute.simd(), precision, [&](const auto& factors) {
    using Factors = std::decay_t<decltype(factors)>;
    compute.pool().run(q.dim(0) * kv_heads, [&](std::int64_t tile, int worker) {
      Cut cut(compute.scratch<char>(worker, scratch_bytes<BackwardScratch<Factors>>(factors, keys, width)));
      const BackwardScratch<Factors> scratch(factors, keys, width, cut);
      const std::int64_t b = tile / kv_heads;
      backward_head(factors, kernels, scratch, gradients, SequenceVisibility(visibility, b, keys), b, tile % kv_heads);
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

template void attention_backward(Compute&, TensorView<float>, TensorView<float>, TensorView<float>, TensorView<const float>,
                                 TensorView<const float>, TensorView<const float>, TensorView<const float>,
                                 TensorView<const float>, TensorView<const float>, const Visibility&, double, Write,
                                 Precision);
template void attention_backward(Compute&, TensorView<double>, TensorView<double>, TensorView<double>,
                                 TensorView<const double>, TensorView<const double>, TensorView<const double>,
                                 TensorView<const double>, TensorView<const double>, TensorView<const double>,
                                 const Visibility&, double, Write, Precision);
template ScratchSize attention_backward_scratch<float>(SimdTier, Precision, std::int64_t, std::int64_t);
template ScratchSize attention_backward_scratch<double>(SimdTier, Precision, std::int64_t, std::int64_t);

}  // namespace lm
