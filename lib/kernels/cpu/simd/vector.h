// Vectors of the tier's width, written once for every tier with GCC's vector extensions.
//
// Files that include this are compiled once per tier with that tier's instruction set, everything in namespace lm::LM_TIER
// (groups.h).
// They include nothing of the standard library except integer types: an inline std function compiled for AVX-512 here could
// be the copy that the linker keeps for the whole program.
#pragma once

#include <cstdint>

#if defined(__x86_64__)
#if !defined(__clang__)
// GCC 12's own AVX-512 headers raise false alarms for registers whose content does not matter.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#endif

namespace lm::LM_TIER {

#if defined(LM_TIER_avx512)
inline constexpr int kVectorBytes = 64;
#elif defined(LM_TIER_avx2)
inline constexpr int kVectorBytes = 32;
#else
inline constexpr int kVectorBytes = 16;
#endif

template <class T>
struct VectorTypes;
template <>
struct VectorTypes<float> {
  typedef float Vector __attribute__((vector_size(kVectorBytes)));
  typedef float Unaligned __attribute__((vector_size(kVectorBytes), aligned(4), may_alias));
  typedef std::int32_t Integers __attribute__((vector_size(kVectorBytes)));
};
template <>
struct VectorTypes<double> {
  typedef double Vector __attribute__((vector_size(kVectorBytes)));
  typedef double Unaligned __attribute__((vector_size(kVectorBytes), aligned(8), may_alias));
  typedef std::int64_t Integers __attribute__((vector_size(kVectorBytes)));
};
template <class T>
using Vec = typename VectorTypes<T>::Vector;
template <class T>
inline constexpr std::int64_t kLanes = kVectorBytes / static_cast<std::int64_t>(sizeof(T));

#define LM_INLINE __attribute__((always_inline)) inline

template <class T>
LM_INLINE Vec<T> broadcast(T value) {
  return value - Vec<T>{};  // x - 0 is x, bit by bit, so nothing is computed
}

#if defined(LM_TIER_avx512)
LM_INLINE Vec<float> load_part(const float* p, std::int64_t n) {
  return reinterpret_cast<Vec<float>>(_mm512_maskz_loadu_ps(static_cast<__mmask16>((1u << n) - 1), p));
}
LM_INLINE Vec<double> load_part(const double* p, std::int64_t n) {
  return reinterpret_cast<Vec<double>>(_mm512_maskz_loadu_pd(static_cast<__mmask8>((1u << n) - 1), p));
}
LM_INLINE void store_part(float* p, Vec<float> v, std::int64_t n) {
  _mm512_mask_storeu_ps(p, static_cast<__mmask16>((1u << n) - 1), reinterpret_cast<__m512>(v));
}
LM_INLINE void store_part(double* p, Vec<double> v, std::int64_t n) {
  _mm512_mask_storeu_pd(p, static_cast<__mmask8>((1u << n) - 1), reinterpret_cast<__m512d>(v));
}
#else
template <class T>
LM_INLINE Vec<T> load_part(const T* p, std::int64_t n) {
  Vec<T> v = {};
  for (std::int64_t i = 0; i < n; ++i) v[i] = p[i];
  return v;
}
template <class T>
LM_INLINE void store_part(T* p, Vec<T> v, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) p[i] = v[i];
}
#endif

/// Returns the first n <= lanes elements at p; the other lanes are 0.
template <class T>
LM_INLINE Vec<T> load(const T* p, std::int64_t n = kLanes<T>) {
  if (n == kLanes<T>) return *reinterpret_cast<const typename VectorTypes<T>::Unaligned*>(p);
  return load_part(p, n);
}
template <class T>
LM_INLINE void store(T* p, Vec<T> v, std::int64_t n = kLanes<T>) {
  if (n == kLanes<T>) {
    *reinterpret_cast<typename VectorTypes<T>::Unaligned*>(p) = v;
  } else {
    store_part(p, v, n);
  }
}

/// Returns v in the first n lanes, `other` in the rest.
template <class T>
LM_INLINE Vec<T> keep_first(Vec<T> v, std::int64_t n, T other) {
  typename VectorTypes<T>::Integers lane = {};
  for (int i = 0; i < kLanes<T>; ++i) lane[i] = i;
  return lane < static_cast<decltype(lane[0] + 0)>(n) ? v : broadcast(other);
}

template <class T>
LM_INLINE Vec<T> maximum_of(Vec<T> a, Vec<T> b) {
  return a > b ? a : b;
}

/// Returns in lane i lane order[i] of a, or of b from the number of lanes on.
template <class T>
LM_INLINE Vec<T> shuffle(Vec<T> a, Vec<T> b, typename VectorTypes<T>::Integers order) {
#if defined(__clang__)
  Vec<T> mixed = {};
  for (int i = 0; i < kLanes<T>; ++i) mixed[i] = order[i] < kLanes<T> ? a[order[i]] : b[order[i] - kLanes<T>];
  return mixed;
#else
  return __builtin_shuffle(a, b, order);
#endif
}

/// Returns v with its lanes moved by kStep, cyclically.
template <class T, int kStep>
LM_INLINE Vec<T> rotate_lanes(Vec<T> v) {
  typename VectorTypes<T>::Integers order = {};
  using Lane = decltype(order[0] + 0);
  for (int i = 0; i < kLanes<T>; ++i) order[i] = static_cast<Lane>((i + kStep) % kLanes<T>);
  return shuffle<T>(v, v, order);
}

/// Returns the sum of the lanes in a fixed tree: halves are added until one lane is left.
template <class T, int kStep = static_cast<int>(kLanes<T>) / 2>
LM_INLINE T sum_lanes(Vec<T> v) {
  if constexpr (kStep == 0) {
    return v[0];
  } else {
    return sum_lanes<T, kStep / 2>(v + rotate_lanes<T, kStep>(v));
  }
}
template <class T, int kStep = static_cast<int>(kLanes<T>) / 2>
LM_INLINE T maximum_lane(Vec<T> v) {
  if constexpr (kStep == 0) {
    return v[0];
  } else {
    return maximum_lane<T, kStep / 2>(maximum_of<T>(v, rotate_lanes<T, kStep>(v)));
  }
}

/// Returns the lanes of a and b by turns: a0 b0 a1 b1 .. of their first (kHigh 0) or second halves (kHigh 1).
template <class T, int kHigh>
LM_INLINE Vec<T> interleave(Vec<T> a, Vec<T> b) {
  typename VectorTypes<T>::Integers order = {};
  using Lane = decltype(order[0] + 0);
  for (int i = 0; i < kLanes<T>; ++i) {
    order[i] = static_cast<Lane>(i / 2 + kHigh * (kLanes<T> / 2) + (i % 2) * kLanes<T>);
  }
  return shuffle<T>(a, b, order);
}

/// rows[i][j] <-> rows[j][i] for a square of vectors: one perfect shuffle for each halving of the lanes.
template <class T>
LM_INLINE void transpose(Vec<T> (&rows)[kLanes<T>]) {
  constexpr int kHalf = static_cast<int>(kLanes<T>) / 2;
#pragma GCC unroll 4
  for (int step = 1; step < kLanes<T>; step *= 2) {
    Vec<T> mixed[kLanes<T>];
#pragma GCC unroll 8
    for (int i = 0; i < kHalf; ++i) {
      mixed[2 * i] = interleave<T, 0>(rows[i], rows[i + kHalf]);
      mixed[2 * i + 1] = interleave<T, 1>(rows[i], rows[i + kHalf]);
    }
#pragma GCC unroll 16
    for (int i = 0; i < kLanes<T>; ++i) rows[i] = mixed[i];
  }
}

/// Calls body(i, count) for whole vectors (count is the constant number of lanes, so that the branches in load and store
/// vanish) and once for what remains.
template <class T, class Body>
LM_INLINE void each_vector(std::int64_t n, Body&& body) {
  std::int64_t i = 0;
  for (; i + kLanes<T> <= n; i += kLanes<T>) body(i, kLanes<T>);
  if (i < n) body(i, n - i);
}

/// Returns 2^n p for a whole n >= -126, of which n + 1.5 * 2^23 is given.
LM_INLINE Vec<float> times_power_of_two(Vec<float> p, Vec<float> shifted) {
  typedef std::uint32_t Bits __attribute__((vector_size(kVectorBytes)));
  return p * reinterpret_cast<Vec<float>>((reinterpret_cast<Bits>(shifted) << 23) + 0x3f800000u);
}

// Adding it leaves a small number's nearest integer in the low bits of the sum.
inline constexpr float kRounder = 12582912.0f;

/// Returns exp(x), at most 2 units in the last place wrong; 0 below -87.33 (and at -infinity), capped above 88.02, NaN stays
/// NaN. x = n ln 2 + r, exp(r) by Cephes's polynomial (expf), 2^n by its exponent bits.
LM_INLINE Vec<float> exp_of(Vec<float> x) {
  const Vec<float> highest = broadcast(88.02f), lowest = broadcast(-87.33f);
  const Vec<float> y = x > highest ? highest : x;
  const Vec<float> shifted = y * 1.44269504f + kRounder;
  const Vec<float> n = shifted - kRounder;
  Vec<float> r = y - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;
  Vec<float> p = r * 1.9875691500e-4f + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * (r * r) + (r + 1.0f);
  return x < lowest ? Vec<float>{} : times_power_of_two(p, shifted);
}

/// Returns 2^x for x <= 127, as exact as x itself: 0 below -126 (and at -infinity). Cephes's polynomial (exp2f).
LM_INLINE Vec<float> exp2_of(Vec<float> x) {
  const Vec<float> lowest = broadcast(-126.0f);
  const Vec<float> shifted = x + kRounder;
  const Vec<float> r = x - (shifted - kRounder);
  Vec<float> p = r * 1.535336188319500e-4f + 1.339887440266574e-3f;
  p = p * r + 9.618437357674640e-3f;
  p = p * r + 5.550332471162809e-2f;
  p = p * r + 2.402264791363012e-1f;
  p = p * r + 6.931472028550421e-1f;
  p = p * r + 1.0f;
  return x < lowest ? Vec<float>{} : times_power_of_two(p, shifted);
}
LM_INLINE Vec<double> exp2_of(Vec<double> x) {
  for (int i = 0; i < kLanes<double>; ++i) x[i] = __builtin_exp2(x[i]);
  return x;
}
/// In double it is the C library's: it serves checks only.
LM_INLINE Vec<double> exp_of(Vec<double> x) {
  for (int i = 0; i < kLanes<double>; ++i) x[i] = __builtin_exp(x[i]);
  return x;
}

/// Returns |x|.
template <class T>
LM_INLINE Vec<T> magnitude(Vec<T> x) {
  return x < Vec<T>{} ? -x : x;
}

/// Returns erf(x), at most 1.5e-7 wrong: below 1 an odd polynomial, beyond it 1 - exp(-polynomial), both fitted to the
/// function's values at the zeros of a Chebyshev polynomial, weighted until the error was level.
LM_INLINE Vec<float> erf_of(Vec<float> x) {
  const Vec<float> four = broadcast(4.0f), one = broadcast(1.0f);
  const Vec<float> s = x * x;
  Vec<float> small = s * 7.889119297e-05f - 8.020841051e-04f;
  small = small * s + 5.189535208e-03f;
  small = small * s - 2.685444430e-02f;
  small = small * s + 1.128360033e-01f;
  small = small * s - 3.761262596e-01f;
  small = (small * s + 1.128379107f) * x;
  const Vec<float> size = magnitude<float>(x), m = size > four ? four : size;
  Vec<float> power = m * -1.855748997e-04f + 2.939615864e-03f;
  power = power * m - 2.180535160e-02f;
  power = power * m + 1.030374393e-01f;
  power = power * m + 6.382256150e-01f;
  power = power * m + 1.127040029f;
  power = power * m + 3.537089215e-04f;
  const Vec<float> large = one - exp_of(-power);
  return size < one ? small : x < Vec<float>{} ? -large : large;
}
LM_INLINE Vec<double> erf_of(Vec<double> x) {
  for (int i = 0; i < kLanes<double>; ++i) x[i] = __builtin_erf(x[i]);
  return x;
}

/// Returns tanh(x), at most 1.5e-7 wrong, and relatively as little near 0: below 0.625 an odd polynomial, fitted as erf_of's.
LM_INLINE Vec<float> tanh_of(Vec<float> x) {
  const Vec<float> s = x * x, size = magnitude<float>(x), limit = broadcast(0.625f);
  Vec<float> small = s * 2.122742590e-03f - 8.156276308e-03f;
  small = small * s + 2.169260569e-02f;
  small = small * s - 5.394537747e-02f;
  small = small * s + 1.333319545e-01f;
  small = small * s - 3.333333135e-01f;
  small = x + x * s * small;
  const Vec<float> large = 1.0f - 2.0f / (exp_of(2.0f * size) + 1.0f);
  return size < limit ? small : x < Vec<float>{} ? -large : large;
}
LM_INLINE Vec<double> tanh_of(Vec<double> x) {
  for (int i = 0; i < kLanes<double>; ++i) x[i] = __builtin_tanh(x[i]);
  return x;
}

LM_INLINE float square_root(float x) { return __builtin_sqrtf(x); }
LM_INLINE double square_root(double x) { return __builtin_sqrt(x); }
LM_INLINE float log_of(float x) { return __builtin_logf(x); }
LM_INLINE double log_of(double x) { return __builtin_log(x); }

/// Returns 1 / (1 + exp(-x)).
template <class T>
LM_INLINE Vec<T> sigmoid(Vec<T> x) {
  return T{1} / (T{1} + exp_of(-x));
}

}  // namespace lm::LM_TIER
