#include "kernels/cpu/simd/cache.h"

#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/half_bits.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

constexpr std::int64_t kBlockNumbers = 32;
constexpr std::int64_t kScaleBytes = 2, kBlockSize = kScaleBytes + kBlockNumbers;

void store_floats(char* to, const float* x, std::int64_t width) {
  __builtin_memcpy(to, x, static_cast<std::size_t>(width) * sizeof(float));
}
void load_floats(float* y, const char* from, std::int64_t width) {
  __builtin_memcpy(y, from, static_cast<std::size_t>(width) * sizeof(float));
}

/// Numbers beyond the halves become the largest of them: a key that large would have decided alone in any case.
void store_halves(char* to, const float* x, std::int64_t width) {
  constexpr float kLargest = 65504.0f;
  for (std::int64_t i = 0; i < width; ++i) {
    const float value = x[i] > kLargest ? kLargest : x[i] < -kLargest ? -kLargest : x[i];
    const std::uint16_t bits = half_of(value);
    __builtin_memcpy(to + 2 * i, &bits, sizeof(bits));
  }
}
void load_halves(float* y, const char* from, std::int64_t width) {
  each_vector<float>(width, [&](std::int64_t i, std::int64_t count) {
    if (count == kLanes<float>) return store(y + i, floats_of_halves(from + 2 * i));
    for (std::int64_t j = i; j < width; ++j) {
      std::uint16_t bits = 0;
      __builtin_memcpy(&bits, from + 2 * j, sizeof(bits));
      y[j] = float_of_half(bits);
    }
  });
}

void store_bfloats(char* to, const float* x, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) {
    const std::uint16_t bits = bfloat_of(x[i]);
    __builtin_memcpy(to + 2 * i, &bits, sizeof(bits));
  }
}
void load_bfloats(float* y, const char* from, std::int64_t width) {
  for (std::int64_t i = 0; i < width; ++i) {
    std::uint16_t bits = 0;
    __builtin_memcpy(&bits, from + 2 * i, sizeof(bits));
    y[i] = float_of(static_cast<std::uint32_t>(bits) << 16);
  }
}

void store_blocks(char* to, const float* x, std::int64_t width) {
  for (std::int64_t first = 0; first < width; first += kBlockNumbers, to += kBlockSize) {
    const std::int64_t count = width - first < kBlockNumbers ? width - first : kBlockNumbers;
    float largest = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      const float size = __builtin_fabsf(x[first + i]);
      largest = size > largest ? size : largest;
    }
    const float scale = largest / 127.0f, inverse = scale > 0 ? 1.0f / scale : 0.0f;
    const std::uint16_t bits = half_of(scale < 65504.0f ? scale : 65504.0f);
    __builtin_memcpy(to, &bits, kScaleBytes);
    for (std::int64_t i = 0; i < kBlockNumbers; ++i) {
      const float value = i < count ? x[first + i] * inverse : 0.0f;
      to[kScaleBytes + i] = static_cast<char>(static_cast<int>(value + (value < 0 ? -0.5f : 0.5f)));
    }
  }
}
void load_blocks(float* y, const char* from, std::int64_t width) {
  for (std::int64_t first = 0; first < width; first += kBlockNumbers, from += kBlockSize) {
    const std::int64_t count = width - first < kBlockNumbers ? width - first : kBlockNumbers;
    std::uint16_t bits = 0;
    __builtin_memcpy(&bits, from, kScaleBytes);
    const float scale = float_of_half(bits);
    const auto* numbers = reinterpret_cast<const signed char*>(from + kScaleBytes);
    for (std::int64_t i = 0; i < count; ++i) y[first + i] = scale * static_cast<float>(numbers[i]);
  }
}

}  // namespace

CacheTable cache_kernels() {
  return {.of = {{store_floats, load_floats},
                 {store_halves, load_halves},
                 {store_bfloats, load_bfloats},
                 {store_blocks, load_blocks}}};
}

}  // namespace lm::LM_TIER
