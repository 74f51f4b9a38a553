// The lines of a panel: how the weights of its columns lie in memory, for each type of weights.
#pragma once

#include "kernels/cpu/simd/half_bits.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

/// Vectors, and columns, of a panel of matrix products (gemm.cpp).
inline constexpr int kGemmVectors = 2;
inline constexpr std::int64_t kGemmPanel = kGemmVectors * kLanes<float>;

typedef std::uint32_t PackedWords __attribute__((vector_size(kVectorBytes)));
typedef std::uint32_t UnalignedWords __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));

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
    reinterpret_cast<std::uint16_t*>(line)[2 * column + input] = bfloat_of(value);
  }
  static LM_INLINE float get(const char* line, std::int64_t input, std::int64_t column) {
    return float_of(static_cast<std::uint32_t>(reinterpret_cast<const std::uint16_t*>(line)[2 * column + input]) << 16);
  }
};

/// [columns] fp16
struct Float16Lines {
  static constexpr int kInputs = 1, kVectors = 2 * kGemmVectors;
  static constexpr std::int64_t kVectorSize = kVectorBytes / 2, kBytes = kVectors * kVectorSize;
  template <int kCount>
  static LM_INLINE void load(Vec<float> (*weights)[kCount], const char* line) {
#pragma GCC unroll 4
    for (int v = 0; v < kCount; ++v) weights[0][v] = floats_of_halves(line + v * (kVectorBytes / 2));
  }
  static LM_INLINE void set(char* line, std::int64_t, std::int64_t column, float value) {
    reinterpret_cast<std::uint16_t*>(line)[column] = half_of(value);
  }
  static LM_INLINE float get(const char* line, std::int64_t, std::int64_t column) {
    return float_of_half(reinterpret_cast<const std::uint16_t*>(line)[column]);
  }
};

}  // namespace
}  // namespace lm::LM_TIER
