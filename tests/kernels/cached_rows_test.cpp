#include "kernels/cached_rows.h"

#include <cmath>
#include <cstring>

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

constexpr CacheType kCacheTypes[] = {CacheType::f32, CacheType::f16, CacheType::bf16, CacheType::q8_0};

/// Returns a value with so many significant bits, at least `smallest` apart from its neighbours, rounded to nearest even.
double with_digits(double value, int digits, double smallest) {
  if (value == 0) return 0;
  int exponent = 0;
  std::frexp(value, &exponent);
  const double unit = std::max(smallest, std::ldexp(1.0, exponent - digits));
  return std::nearbyint(value / unit) * unit;
}

double half_rounded(double value) { return with_digits(value, 11, 0x1p-24); }

/// Returns a head's numbers as the type holds them.
std::vector<float> cached_reference(CacheType type, const float* x, std::int64_t width) {
  std::vector<float> held(x, x + width);
  if (type == CacheType::f16) {
    for (float& value : held) value = static_cast<float>(half_rounded(static_cast<double>(value)));
  } else if (type == CacheType::bf16) {
    for (float& value : held) value = static_cast<float>(with_digits(static_cast<double>(value), 8, 0));
  } else if (type == CacheType::q8_0) {
    for (std::int64_t first = 0; first < width; first += 32) {
      const std::int64_t end = std::min(width, first + 32);
      float largest = 0;
      for (std::int64_t i = first; i < end; ++i) largest = std::max(largest, std::abs(x[i]));
      const float scale = largest / 127.0f, inverse = scale > 0 ? 1.0f / scale : 0.0f;
      for (std::int64_t i = first; i < end; ++i)
        held[static_cast<std::size_t>(i)] =
            static_cast<float>(half_rounded(static_cast<double>(scale))) * std::round(x[i] * inverse);
    }
  }
  return held;
}

/// A cache with its memory.
struct HeldCache {
  HeldCache(CacheType type, std::int64_t rows, std::int64_t heads, std::int64_t width)
      : memory(static_cast<std::size_t>(rows * heads * cached_bytes(type, width) + 8)),
        view{type, memory.data(), rows, heads, width, heads * cached_bytes(type, width)} {}
  std::vector<std::byte> memory;
  CachedRows view;
};

}  // namespace

TEST_CASE("cached numbers are those of the type, on every tier, and rows and heads beside them stay") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (const CacheType type : kCacheTypes) {
      for (const std::int64_t width : {1, 6, 16, 31, 32, 33, 64, 80, 128}) {
        CAPTURE(to_string(type));
        CAPTURE(width);
        auto x = Tensor<float>::random({7, 3, width}, 1);
        for (std::int64_t i = 0; i < width; ++i) x[i] = i % 2 == 0 ? 0.0f : x[i] * 1e-6f;  // small ones, and zeros
        HeldCache cache(type, 7, 3, width);
        store_cached(compute, cache.view, x.view());
        Tensor<float> y({7, 3, width}), part({2, 1, width});
        load_cached(compute, y.view(), cache.view);
        for (std::int64_t head = 0; head < 21; ++head) {
          const std::vector<float> expected =
              cached_reference(type, &x.values[static_cast<std::size_t>(head * width)], width);
          for (std::int64_t i = 0; i < width; ++i) REQUIRE(y[head * width + i] == expected[static_cast<std::size_t>(i)]);
        }
        // Two rows of the second head are written anew.
        const auto other = Tensor<float>::random({2, 1, width}, 2);
        const CachedRows two = cache.view.rows_part(3, 2).heads_part(1, 1);
        store_cached(compute, two, other.view());
        load_cached(compute, part.view(), two);
        Tensor<float> again({7, 3, width});
        load_cached(compute, again.view(), cache.view);
        for (std::int64_t row = 0; row < 7; ++row) {
          for (std::int64_t head = 0; head < 3; ++head) {
            const bool changed = (row == 3 || row == 4) && head == 1;
            for (std::int64_t i = 0; i < width; ++i) {
              const std::int64_t at = (row * 3 + head) * width + i;
              REQUIRE(again[at] == (changed ? part[(row - 3) * width + i] : y[at]));
            }
          }
        }
      }
    }
  }
}

TEST_CASE("attention over a cache has the bits of attention over the numbers that it holds") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(1, tier);
    for (const CacheType type : kCacheTypes) {
      for (const std::int64_t keys : {1, 5, 16, 47, 130}) {
        const std::int64_t width = 40;
        const auto k = Tensor<float>::random({keys, 2, width}, 1), v = Tensor<float>::random({keys, 2, width}, 2);
        const auto q = Tensor<float>::random({3, width}, 3);
        HeldCache keys_cache(type, keys, 2, width), values_cache(type, keys, 2, width);
        store_cached(compute, keys_cache.view, k.view());
        store_cached(compute, values_cache.view, v.view());
        Tensor<float> out({3, width}), expected({3, width}), held_k({keys, 1, width}), held_v({keys, 1, width});
        const CachedRows of_k = keys_cache.view.heads_part(1, 1), of_v = values_cache.view.heads_part(1, 1);
        load_cached(compute, held_k.view(), of_k);
        load_cached(compute, held_v.view(), of_v);
        const AttentionOptions options{.scale = 0.2};
        attention_decode<float>(compute, expected.view(), q.view(), held_k.view(), held_v.view(), options);
        attention_cached(compute, out.view(), q.view(), of_k, of_v, options);
        CHECK(out.values == expected.values);
      }
    }
  }
}
