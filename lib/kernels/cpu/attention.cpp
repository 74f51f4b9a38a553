#include "kernels/attention.h"

#include "kernels/cpu/attention_keys.h"

namespace lm {

namespace {

// Rows of queries whose scores exist at one time: few, so that little work is above the diagonal.
constexpr std::int64_t kForwardBlock = 28;
// Tiles that forward aims at, so that many threads find work; a tile packs its keys and values anew.
constexpr std::int64_t kForwardTiles = 64;

/// Memory of one tile of the forward pass.
template <class Factors>
struct ForwardScratch {
  using Number = typename Factors::Number;
  using Element = typename Factors::Element;
  using Unit = typename Factors::Unit;
  ForwardScratch(const Factors& factors, std::int64_t size, std::int64_t width, Cut& cut)
      : stride(score_stride(factors, size)),
        keys(cut.take<Element>(PackedKeys<Factors>::elements(factors, size, width))),
        values(cut.take<Element>(PackedKeys<Factors>::elements(factors, size, width))),
        scores(cut.take<Number>(kForwardBlock * stride)),
        inverse_sums(cut.take<Number>(kForwardBlock)),
        rows(cut.take<Unit>(std::max(factors.row_units(kForwardBlock, size), factors.row_units(kForwardBlock, width)))) {}
  std::int64_t stride;
  Element *keys, *values;
  Number *scores, *inverse_sums;
  Unit* rows;
};

template <class Factors, class T>
void forward(const Factors& factors, Compute& compute, TensorView<T> out, TensorView<T> log_sum_exp, TensorView<const T> q,
             TensorView<const T> k, TensorView<const T> v, const Visibility& visibility, double scale) {
  const std::int64_t batch = q.dim(0), queries = q.dim(1), heads = q.dim(2), width = q.dim(3), keys = k.dim(1),
                     kv_heads = k.dim(2);
  const std::int64_t group = heads / kv_heads;
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const std::int64_t blocks = std::max<std::int64_t>(1, Tiling{queries, kForwardBlock}.tiles());
  const std::int64_t parts =
      std::clamp<std::int64_t>(kForwardTiles / std::max<std::int64_t>(1, batch * kv_heads), 1, blocks);
  const Tiling chunks{queries, divide_up(blocks, parts) * kForwardBlock};

  const std::int64_t per_head = std::max<std::int64_t>(1, chunks.tiles());
  compute.pool().run(batch * kv_heads * chunks.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t b = tile / per_head / kv_heads, kv = tile / per_head % kv_heads;
    const std::int64_t chunk = chunks.first(tile % per_head), chunk_size = chunks.count(tile % per_head);
    const std::int64_t cached = keys - queries;
    const SequenceVisibility visible(visibility, b, keys);
    const KeyRange all = visible.keys_of(cached + chunk, chunk_size);
    Cut cut(compute.scratch<char>(worker, scratch_bytes<ForwardScratch<Factors>>(factors, all.size(), width)));
    const ForwardScratch<Factors> scratch(factors, all.size(), width, cut);
    PackedKeys<Factors> packed_keys(factors, scratch.keys, all.size(), width),
        packed_values(factors, scratch.values, all.size(), width);
    T* scores = scratch.scores;
    const std::int64_t stride = scratch.stride;
    packed_keys.pack_across(&k(b, all.first, kv, 0), k.stride(1));
    packed_values.pack_along(&v(b, all.first, kv, 0), v.stride(1));

    for (std::int64_t t = chunk; t < chunk + chunk_size; t += kForwardBlock) {
      const std::int64_t count = std::min(kForwardBlock, chunk + chunk_size - t), position = cached + t;
      const KeyRange range = inside(all, visible.keys_of(position, count), factors.panel());
      for (std::int64_t h = kv * group; h < (kv + 1) * group; ++h) {
        packed_keys.multiply_across(scores, stride,
                                    factors.prepare_rows(scratch.rows, &q(b, t, h, 0), q.stride(1), count, width), count,
                                    range.first, range.size());
        for (std::int64_t i = 0; i < count; ++i) {
          const std::int64_t limit = std::min(range.end, visible.limit(position + i) - all.first) - range.first;
          const T sum =
              kernels.attention_weights(scores + i * stride, range.size(), limit, visible.documents(all.first + range.first),
                                        visible.document(position + i), static_cast<T>(scale), scratch.inverse_sums + i);
          if (!log_sum_exp.empty()) log_sum_exp.data()[(b * heads + h) * queries + t + i] = sum;
        }
        packed_values.multiply_along(&out(b, t, h, 0), out.stride(1),
                                     factors.prepare_rows(scratch.rows, scores, stride, count, range.size()), count,
                                     range.first, range.size(), false);
        for (std::int64_t i = 0; i < count; ++i) kernels.scale(&out(b, t + i, h, 0), scratch.inverse_sums[i], width);
      }
    }
  });
}

}  // namespace

template <class T>
void attention_forward(Compute& compute, TensorView<T> out, TensorView<T> log_sum_exp, TensorView<const T> q,
                       TensorView<const T> k, TensorView<const T> v, const Visibility& visibility, double scale,
                       Precision precision) {
  check_attention_shapes<T>(out, q, k, v, visibility);
  LM_CHECK(log_sum_exp.empty() || log_sum_exp.size() == q.dim(0) * q.dim(1) * q.dim(2));
  with_factors<T>(compute.simd(), precision,
                  [&](const auto& factors) { forward(factors, compute, out, log_sum_exp, q, k, v, visibility, scale); });
}

template <class T>
ScratchSize attention_forward_scratch(SimdTier tier, Precision precision, std::int64_t length, std::int64_t head_dim) {
  ScratchSize size;
  with_factors<T>(tier, precision, [&](const auto& factors) {
    size.worker = scratch_bytes<ForwardScratch<std::decay_t<decltype(factors)>>>(factors, length, head_dim);
  });
  return size;
}

template <class T>
void attention_decode(Compute& compute, TensorView<T> out, TensorView<const T> q, TensorView<const T> k,
                      TensorView<const T> v, double scale) {
  const std::int64_t heads = q.dim(0), width = q.dim(1), keys = k.dim(0);
  LM_CHECK(out.dim(0) == heads && out.dim(1) == width && v.dim(0) == keys && heads % k.dim(1) == 0);
  const std::int64_t group = heads / k.dim(1);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  compute.pool().run(heads, [&](std::int64_t h, int worker) {
    T* weights = compute.scratch<T>(worker, keys);
    kernels.linear_decode(weights, keys, q.row(h), width, 1, &k(0, h / group, 0), k.stride(0), nullptr, keys, width);
    T inverse_sum = 0;
    kernels.attention_weights(weights, keys, keys, nullptr, 0, static_cast<T>(scale), &inverse_sum);
    kernels.weighted_rows(out.row(h), weights, &v(0, h / group, 0), v.stride(0), keys, width);
    kernels.scale(out.row(h), inverse_sum, width);
  });
}

template void attention_forward(Compute&, TensorView<float>, TensorView<float>, TensorView<const float>,
                                TensorView<const float>, TensorView<const float>, const Visibility&, double, Precision);
template void attention_forward(Compute&, TensorView<double>, TensorView<double>, TensorView<const double>,
                                TensorView<const double>, TensorView<const double>, const Visibility&, double, Precision);
template ScratchSize attention_forward_scratch<float>(SimdTier, Precision, std::int64_t, std::int64_t);
template ScratchSize attention_forward_scratch<double>(SimdTier, Precision, std::int64_t, std::int64_t);
template void attention_decode(Compute&, TensorView<float>, TensorView<const float>, TensorView<const float>,
                               TensorView<const float>, double);
template void attention_decode(Compute&, TensorView<double>, TensorView<const double>, TensorView<const double>,
                               TensorView<const double>, double);

}  // namespace lm
