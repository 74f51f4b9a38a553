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
  ForwardScratch(const Factors& factors, std::int64_t size, std::int64_t width, Layout& layout)
      : stride(score_stride(factors, size)),
        keys(layout.take<Element>(PackedKeys<Factors>::elements(factors, size, width))),
        values(layout.take<Element>(PackedKeys<Factors>::elements(factors, size, width))),
        scores(layout.take<Number>(kForwardBlock * stride)),
        inverse_sums(layout.take<Number>(kForwardBlock)),
        rows(layout.take<Unit>(std::max(factors.row_units(kForwardBlock, size), factors.row_units(kForwardBlock, width)))) {}
  std::int64_t stride;
  Element *keys, *values;
  Number *scores, *inverse_sums;
  Unit* rows;
};

/// What all tiles of the forward pass share.
template <class Factors>
struct ForwardPass {
  using Number = typename Factors::Number;
  const Factors& factors;
  const SimdKernels<Number>& kernels;
  AttentionResult<Number> result;
  AttentionInputs<Number> inputs;
  const Visibility& visibility;
  ScoreScale<Number> scale;
};

/// Some queries of one sequence, and a key-value head with the query heads that share it.
struct ForwardTile {
  std::int64_t sequence, kv_head, first_query, queries;
};

/// A block of a tile's queries, of one head.
struct ForwardBlock {
  std::int64_t first, count, head;
  KeyRange range;  // of the tile's packed keys
};

/// The keys and values of a tile, packed once for all of its blocks.
template <class Factors>
struct ForwardKeys {
  const SequenceVisibility& visible;
  KeyRange all;  // what is packed of the sequence
  PackedKeys<Factors> keys, values;
};

template <class Factors>
void forward_block(const ForwardPass<Factors>& pass, const ForwardScratch<Factors>& scratch,
                   const ForwardKeys<Factors>& packed, std::int64_t sequence, const ForwardBlock& block) {
  using Number = typename Factors::Number;
  const TensorView<Number>&out = pass.result.out, &log_sum_exp = pass.result.log_sum_exp;
  const TensorView<const Number>& q = pass.inputs.q;
  const std::int64_t queries = q.dim(1), heads = q.dim(2), width = q.dim(3), cached = pass.inputs.k.dim(1) - queries;
  const std::int64_t t = block.first, h = block.head, count = block.count;
  const Strided<Number> scores{scratch.scores, scratch.stride};

  // pass 1: scores = queries keys^T
  packed.keys.multiply_across(scores, pass.factors.prepare_rows(scratch.rows, head_rows(q, sequence, t, h), count, width),
                              count, block.range);

  // pass 2: weights = exp(scale * (score - its row's largest)), and their sums
  for (std::int64_t i = 0; i < count; ++i) {
    const VisibleKeys visible = packed.visible.visible_keys(block.range.moved(packed.all.first), cached + t + i);
    const Number sum = pass.kernels.softmax.attention_weights(scores.data + i * scores.stride, visible, pass.scale,
                                                              scratch.inverse_sums + i);
    if (!log_sum_exp.empty()) log_sum_exp.data()[(sequence * heads + h) * queries + t + i] = sum;
  }

  // pass 3: out = weights values
  const Strided<const Number> weights{scores.data, scores.stride};
  packed.values.multiply_along(head_rows(out, sequence, t, h),
                               pass.factors.prepare_rows(scratch.rows, weights, count, block.range.size()), count,
                               block.range, false);

  // pass 4: out /= the sums
  for (std::int64_t i = 0; i < count; ++i)
    pass.kernels.elementwise.scale(&out(sequence, t + i, h, 0), scratch.inverse_sums[i], width);
}

template <class Factors>
void forward_tile(const ForwardPass<Factors>& pass, Compute& compute, int worker, const ForwardTile& tile) {
  const auto& [q, k, v] = pass.inputs;
  const Factors& factors = pass.factors;
  const std::int64_t width = q.dim(3), keys = k.dim(1), cached = keys - q.dim(1), group = q.dim(2) / k.dim(2);
  const SequenceVisibility visible(pass.visibility, tile.sequence, keys);
  const KeyRange all = visible.keys_of(cached + tile.first_query, tile.queries);
  Layout layout(compute.scratch<char>(worker, scratch_bytes<ForwardScratch<Factors>>(factors, all.size(), width)));
  const ForwardScratch<Factors> scratch(factors, all.size(), width, layout);
  ForwardKeys<Factors> packed{visible, all, PackedKeys<Factors>(factors, scratch.keys, all.size(), width),
                              PackedKeys<Factors>(factors, scratch.values, all.size(), width)};
  packed.keys.pack_across(head_rows(k, tile.sequence, all.first, tile.kv_head));
  packed.values.pack_along(head_rows(v, tile.sequence, all.first, tile.kv_head));
  const std::int64_t end = tile.first_query + tile.queries;
  for (std::int64_t t = tile.first_query; t < end; t += kForwardBlock) {
    const std::int64_t count = std::min(kForwardBlock, end - t);
    const KeyRange range = inside(all, visible.keys_of(cached + t, count), factors.panel());
    for (std::int64_t h = tile.kv_head * group; h < (tile.kv_head + 1) * group; ++h)
      forward_block(pass, scratch, packed, tile.sequence, {t, count, h, range});
  }
}

/// Returns the tiles of one sequence's queries.
Tiling query_tiling(std::int64_t queries, std::int64_t batch, std::int64_t kv_heads) {
  const std::int64_t blocks = std::max<std::int64_t>(1, Tiling{queries, kForwardBlock}.tiles());
  const std::int64_t tiles =
      std::clamp<std::int64_t>(kForwardTiles / std::max<std::int64_t>(1, batch * kv_heads), 1, blocks);
  return {queries, divide_up(blocks, tiles) * kForwardBlock};
}

}  // namespace

template <class T>
void attention_forward(Compute& compute, AttentionResult<T> result, AttentionInputs<T> inputs, const Visibility& visibility,
                       const AttentionOptions& options) {
  const TensorView<const T>& q = inputs.q;
  check_attention_shapes<T>(result.out, inputs, visibility);
  LM_CHECK(result.log_sum_exp.empty() || result.log_sum_exp.size() == q.dim(0) * q.dim(1) * q.dim(2));
  const std::int64_t batch = q.dim(0), kv_heads = inputs.k.dim(2);
  const Tiling tiling = query_tiling(q.dim(1), batch, kv_heads);
  const std::int64_t per_head = std::max<std::int64_t>(1, tiling.tiles());
  with_factors<T>(compute.simd(), options.precision, [&](const auto& factors) {
    const ForwardPass<std::decay_t<decltype(factors)>> pass{factors,    simd_kernels<T>(compute.simd()), result, inputs,
                                                            visibility, score_scale<T>(options)};
    compute.pool().run(batch * kv_heads * tiling.tiles(), [&](std::int64_t tile, int worker) {
      forward_tile(pass, compute, worker,
                   {tile / per_head / kv_heads, tile / per_head % kv_heads, tiling.first(tile % per_head),
                    tiling.count(tile % per_head)});
    });
  });
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
                      TensorView<const T> v, const AttentionOptions& options) {
  const std::int64_t heads = q.dim(0), width = q.dim(1), keys = k.dim(0);
  LM_CHECK(out.dim(0) == heads && out.dim(1) == width && v.dim(0) == keys && heads % k.dim(1) == 0);
  const std::int64_t group = heads / k.dim(1);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  compute.pool().run(heads, [&](std::int64_t h, int worker) {
    T* weights = compute.scratch<T>(worker, keys);
    kernels.decode.scores(weights, q.row(h), {&k(0, h / group, 0), k.stride(0)}, keys, width);
    T inverse_sum = 0;
    const VisibleKeys all{.keys = keys, .first = 0, .limit = keys, .documents = nullptr, .document = 0};
    kernels.softmax.attention_weights(weights, all, score_scale<T>(options), &inverse_sum);
    kernels.decode.weighted_rows(out.row(h), weights, {&v(0, h / group, 0), v.stride(0)}, keys, width);
    kernels.elementwise.scale(out.row(h), inverse_sum, width);
  });
}

template void attention_forward(Compute&, AttentionResult<float>, AttentionInputs<float>, const Visibility&,
                                const AttentionOptions&);
template void attention_forward(Compute&, AttentionResult<double>, AttentionInputs<double>, const Visibility&,
                                const AttentionOptions&);
template ScratchSize attention_forward_scratch<float>(SimdTier, Precision, std::int64_t, std::int64_t);
template ScratchSize attention_forward_scratch<double>(SimdTier, Precision, std::int64_t, std::int64_t);
template void attention_decode(Compute&, TensorView<float>, TensorView<const float>, TensorView<const float>,
                               TensorView<const float>, const AttentionOptions&);
template void attention_decode(Compute&, TensorView<double>, TensorView<const double>, TensorView<const double>,
                               TensorView<const double>, const AttentionOptions&);

}  // namespace lm
