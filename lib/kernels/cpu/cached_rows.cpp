#include "kernels/cached_rows.h"

#include "kernels/cpu/attention_keys.h"
#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {

namespace {

const CacheKernels& cache_kernels_of(SimdTier tier, CacheType type) {
  return simd_kernels<float>(tier).cache.of[static_cast<int>(type)];
}

char* head_of(const CachedRows& cached, std::int64_t row, std::int64_t head) {
  return reinterpret_cast<char*>(cached.data) + row * cached.row_bytes + head * cached_bytes(cached.type, cached.width);
}

/// Returns a head's rows as fp32, which are where they lie, or are unpacked into memory.
Strided<const float> float_rows(SimdTier tier, const CachedRows& cached, float* memory) {
  if (cached.type == CacheType::f32) {
    return {reinterpret_cast<const float*>(cached.data), cached.row_bytes / static_cast<std::int64_t>(sizeof(float))};
  }
  const CacheKernels& kernels = cache_kernels_of(tier, cached.type);
  for (std::int64_t row = 0; row < cached.rows; ++row)
    kernels.load(memory + row * cached.width, head_of(cached, row, 0), cached.width);
  return {memory, cached.width};
}

}  // namespace

CachedRows CachedRows::rows_part(std::int64_t first, std::int64_t count) const {
  CachedRows part = *this;
  part.data += first * row_bytes;
  part.rows = count;
  return part;
}

CachedRows CachedRows::heads_part(std::int64_t first, std::int64_t count) const {
  CachedRows part = *this;
  part.data += first * cached_bytes(type, width);
  part.heads = count;
  return part;
}

TensorView<float> CachedRows::floats() const {
  LM_CHECK(type == CacheType::f32 && row_bytes == heads * cached_bytes(type, width));
  return {reinterpret_cast<float*>(data), rows, heads, width};
}

std::int64_t cached_bytes(CacheType type, std::int64_t width) {
  constexpr std::int64_t kBlock = 32, kBlockBytes = 34;
  if (type == CacheType::q8_0) return divide_up(width, kBlock) * kBlockBytes;
  return width * (type == CacheType::f32 ? 4 : 2);
}

void store_cached(Compute& compute, const CachedRows& cached, TensorView<const float> x) {
  LM_CHECK(x.dim(0) == cached.rows && x.dim(1) == cached.heads && x.dim(2) == cached.width);
  const CacheKernels& kernels = cache_kernels_of(compute.simd(), cached.type);
  const Tiling tiling = row_tiling(cached.rows, cached.heads * cached.width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t row = tiling.first(tile); row < tiling.first(tile) + tiling.count(tile); ++row) {
      for (std::int64_t head = 0; head < cached.heads; ++head)
        kernels.store(head_of(cached, row, head), &x(row, head, 0), cached.width);
    }
  });
}

void load_cached(Compute& compute, TensorView<float> y, const CachedRows& cached) {
  LM_CHECK(y.dim(0) == cached.rows && y.dim(1) == cached.heads && y.dim(2) == cached.width);
  const CacheKernels& kernels = cache_kernels_of(compute.simd(), cached.type);
  const Tiling tiling = row_tiling(cached.rows, cached.heads * cached.width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t row = tiling.first(tile); row < tiling.first(tile) + tiling.count(tile); ++row) {
      for (std::int64_t head = 0; head < cached.heads; ++head)
        kernels.load(&y(row, head, 0), head_of(cached, row, head), cached.width);
    }
  });
}

std::int64_t attention_cached_scratch(CacheType type, std::int64_t heads, std::int64_t keys, std::int64_t width) {
  return heads * round_up(keys, 16) + (type == CacheType::f32 ? 0 : keys * width);
}

void attention_cached(Compute& compute, TensorView<float> out, TensorView<const float> q, const CachedRows& k,
                      const CachedRows& v, const AttentionOptions& options) {
  const std::int64_t heads = q.dim(0), width = q.dim(1), keys = k.rows, stride = round_up(keys, 16);
  LM_CHECK(out.dim(0) == heads && out.dim(1) == width && v.rows == keys && k.width == width && v.width == width);
  const SimdKernels<float>& kernels = simd_kernels<float>(compute.simd());
  float* const weights = compute.scratch<float>(0, attention_cached_scratch(k.type, heads, keys, width));
  float* const memory = weights + heads * stride;
  const VisibleKeys all{.keys = keys, .first = 0, .limit = keys, .documents = nullptr, .document = 0};
  const Strided<const float> k_rows = float_rows(compute.simd(), k, memory);
  for (std::int64_t h = 0; h < heads; ++h) kernels.decode.scores(weights + h * stride, q.row(h), k_rows, keys, width);
  const Strided<const float> v_rows = float_rows(compute.simd(), v, memory);  // in the same memory
  for (std::int64_t h = 0; h < heads; ++h) {
    float inverse_sum = 0;
    kernels.softmax.attention_weights(weights + h * stride, all, score_scale<float>(options), &inverse_sum);
    kernels.decode.weighted_rows(out.row(h), weights + h * stride, v_rows, keys, width);
    kernels.elementwise.scale(out.row(h), inverse_sum, width);
  }
}

}  // namespace lm
