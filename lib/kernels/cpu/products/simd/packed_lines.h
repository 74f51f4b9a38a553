// The lines of a panel: how the weights of its columns lie in memory, for each type of weights.
#pragma once

#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

/// Vectors, and columns, of a panel of matrix products (gemm.cpp).
inline constexpr int kGemmVectors = 2;
inline constexpr std::int64_t kGemmPanel = kGemmVectors * kLanes<float>;

typedef std::uint32_t PackedWords __attribute__((vector_size(kVectorBytes)));
typedef std::uint32_t UnalignedWords __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));

LM_INLINE std::uint32_t bits_of(float value) { return __builtin_bit_cast(std::uint32_t, value); }
LM_INLINE float float_of(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }

// Lines have kBytes for kInputs inputs of kVectors vectors of columns, each of which takes kVectorSize bytes. load() makes vectors
// of some columns for each input; set() and get() are for one weight. Panels of fp32 are those of matrix products. Those of other
// types are unpacked for these anyway, and are so wide that one of them keeps the multipliers busy with one row.

/// [columns] fp32
struct FloatLines {
  static constexpr int kInputs = 1, kVectors = kGemmVectors;
  static constexpr std::int64_t kVectorSize = kVectorBytes, kBytes = kVectors * kVectorSize;
  template <int kCount>
  static LM_INLINE void load(Vec<float> (*weights)[kCount], const char* line) {
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v)
      weights[0][v] = lm::LM_TIER::load(reinterpret_cast<const float*>(line) + v * kLanes<float>);
  }
  static LM_INLINE float get(const char* line, std::int64_t, std::int64_t column) {
    return reinterpret_cast<const float*>(line)[column];
  }
};

/// [columns][2] bf16: two inputs of a column side by side, so that a shift makes one of them fp32 and a mask the other.
struct Bfloat16Lines {
  static constexpr int kInputs = 2, kVectors = 2 * kGemmVectors;
  static constexpr std::int64_t kVectorSize = kVectorBytes, kBytes = kVectors * kVectorSize;
  template <int kCount>
  static LM_INLINE void load(Vec<float> (*weights)[kCount], const char* line) {
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) {
      const PackedWords words = *reinterpret_cast<const UnalignedWords*>(line + v * kVectorBytes);
      weights[0][v] = reinterpret_cast<Vec<float>>(words << 16);
      weights[1][v] = reinterpret_cast<Vec<float>>(words & 0xffff0000u);
    }
  }
  /// Rounds to nearest even; weights are finite.
  static LM_INLINE void set(char* line, std::int64_t input, std::int64_t column, float value) {
    const std::uint32_t bits = bits_of(value), rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    reinterpret_cast<std::uint16_t*>(line)[2 * column + input] = static_cast<std::uint16_t>(rounded);
  }
  static LM_INLINE float get(const char* line, std::int64_t input, std::int64_t column) {
    return float_of(static_cast<std::uint32_t>(reinterpret_cast<const std::uint16_t*>(line)[2 * column + input]) << 16);
  }
};

/// Returns the bits of a value below 65520, rounded to nearest even.
LM_INLINE std::uint16_t half_of(float value) {
  const std::uint32_t bits = bits_of(value), sign = bits >> 16 & 0x8000u, size = bits & 0x7fffffffu;
  // Below 2^-14 the spacing is 2^-24: adding 0.5, whose last bit that is, rounds.
  if (size < 0x38800000u) return static_cast<std::uint16_t>(sign | (bits_of(float_of(size) + 0.5f) - 0x3f000000u));
  return static_cast<std::uint16_t>(sign | ((size - 0x38000000u + 0xfffu + (size >> 13 & 1)) >> 13));
}

/// Returns the number that a half's bits mean, which is finite.
LM_INLINE float float_of_half(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16, size = half & 0x7fffu;
  if (size < 0x400u) return float_of(sign | bits_of(static_cast<float>(size) * 0x1p-24f));
  return float_of(sign | ((size << 13) + 0x38000000u));
}

/// [columns] fp16
struct Float16Lines {
  static constexpr int kInputs = 1, kVectors = 2 * kGemmVectors;
  static constexpr std::int64_t kVectorSize = kVectorBytes / 2, kBytes = kVectors * kVectorSize;
  template <int kCount>
  static LM_INLINE void load(Vec<float> (*weights)[kCount], const char* line) {
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) weights[0][v] = to_floats(line + v * (kVectorBytes / 2));
  }
  static LM_INLINE void set(char* line, std::int64_t, std::int64_t column, float value) {
    reinterpret_cast<std::uint16_t*>(line)[column] = half_of(value);
  }
  static LM_INLINE float get(const char* line, std::int64_t, std::int64_t column) {
    return float_of_half(reinterpret_cast<const std::uint16_t*>(line)[column]);
  }

 private:
  static LM_INLINE Vec<float> to_floats(const char* halves) {
#if defined(LM_TIER_avx512)
    return reinterpret_cast<Vec<float>>(_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(halves))));
#elif defined(LM_TIER_avx2)
    return reinterpret_cast<Vec<float>>(_mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(halves))));
#else
    Vec<float> floats = {};
    for (int i = 0; i < kLanes<float>; ++i) floats[i] = float_of_half(reinterpret_cast<const std::uint16_t*>(halves)[i]);
    return floats;
#endif
  }
};

}  // namespace
}  // namespace lm::LM_TIER
