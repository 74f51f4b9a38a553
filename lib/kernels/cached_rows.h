// Cached keys and values, in fp32 or in fewer bits. In plain loops: cached_reference() in tests/kernels/cached_rows_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/choice.h"
#include "kernels/attention.h"
#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// How cached numbers are held. f16 and bf16 are rounded to nearest even. q8_0: blocks of 32 numbers of a head, each an integer from
/// -127 to 127 times the block's scale, its largest magnitude / 127 in fp16.
enum class CacheType { f32, f16, bf16, q8_0 };
template <>
inline constexpr auto kChoices<CacheType> = choice_table<CacheType>("type of a cache", {{"f32", CacheType::f32},
                                                                                        {"f16", CacheType::f16},
                                                                                        {"bf16", CacheType::bf16},
                                                                                        {"q8_0", CacheType::q8_0}});

/// Keys, or values, of some tokens and heads: (rows, heads, width); owns nothing.
struct CachedRows {
  CacheType type = CacheType::f32;
  std::byte* data = nullptr;
  std::int64_t rows = 0, heads = 0, width = 0;
  std::int64_t row_bytes = 0;  // from one row to the next

  CachedRows rows_part(std::int64_t first, std::int64_t count) const;
  CachedRows heads_part(std::int64_t first, std::int64_t count) const;
  /// Returns the numbers of a cache of fp32, all of whose heads are there.
  TensorView<float> floats() const;
};

/// Returns the bytes of a head's `width` numbers.
std::int64_t cached_bytes(CacheType type, std::int64_t width);

/// Rounds x (rows, heads, width) into a cache. Rows and heads of x may be strided.
void store_cached(Compute& compute, const CachedRows& cached, TensorView<const float> x);
/// y = what is cached. y: (rows, heads, width)
void load_cached(Compute& compute, TensorView<float> y, const CachedRows& cached);

/// Computes attention, on the calling thread, of query heads that share a key-value head, over cached rows all of which they see:
/// as attention_decode() does over the numbers that load_cached() gives. out, q: (heads, D)  k, v: (S, 1, D)
void attention_cached(Compute& compute, TensorView<float> out, TensorView<const float> q, const CachedRows& k,
                      const CachedRows& v, const AttentionOptions& options);
/// Returns the elements of worker 0's scratch that it asks for.
std::int64_t attention_cached_scratch(CacheType type, std::int64_t heads, std::int64_t keys, std::int64_t width);

}  // namespace lm
