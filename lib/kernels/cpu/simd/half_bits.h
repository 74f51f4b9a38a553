// Numbers of 16 bits, fp16 and bf16, as bits: rounded to nearest even, and read again.
#pragma once

#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

LM_INLINE std::uint32_t bits_of(float value) { return __builtin_bit_cast(std::uint32_t, value); }
LM_INLINE float float_of(std::uint32_t bits) { return __builtin_bit_cast(float, bits); }

/// Returns the bits of a finite value in bf16.
LM_INLINE std::uint16_t bfloat_of(float value) {
  const std::uint32_t bits = bits_of(value);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

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

/// Returns the numbers of as many halves as a vector has lanes.
LM_INLINE Vec<float> floats_of_halves(const char* halves) {
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

}  // namespace
}  // namespace lm::LM_TIER
