// fp16: twice as many lanes (AVX512-FP16). Sums are in fp16, too, and so they are short: every kLongestSum products they are
// added to fp32.
//
// Its range is narrow, so factors from activations and gradients are scaled by a power of two, tile by tile, which brings
// their largest near 1. That replaces a scale of the loss: it adapts to each tensor, and no step is lost to it. The code
// uses vector extensions only, so that tests can run it, slowly, on CPUs that lack the instructions.
#include "kernels/cpu/products/half/product.h"

namespace lm::LM_TIER {
namespace {

struct Float16 {
  static constexpr int kDepth = 1;
  static constexpr std::int64_t kLongestSum = 64;
#if defined(__AVX512FP16__)
  using Vector = __m512h;
  LM_INLINE static Vector multiply_add(Vector sum, Vector a, Vector b) { return sum + a * b; }
#else
  using Vector = __m512i;
  /// Computes what the instruction does, except that it rounds twice.
  static Vector multiply_add(Vector sum, Vector a, Vector b) {
    const auto part = [](Vector v, int high) {
      return _mm512_cvtph_ps(high != 0 ? _mm512_extracti64x4_epi64(v, 1) : _mm512_castsi512_si256(v));
    };
    const auto rounded = [&](int high) {
      return _mm512_cvtps_ph(_mm512_fmadd_ps(part(a, high), part(b, high), part(sum, high)), _MM_FROUND_TO_NEAREST_INT);
    };
    return _mm512_inserti64x4(_mm512_castsi256_si512(rounded(0)), rounded(1), 1);
  }
#endif
  using Sum = Vector;

  LM_INLINE static Vector load(const HalfUnit* units) { return reinterpret_cast<Vector>(_mm512_loadu_si512(units)); }
  LM_INLINE static Vector broadcast_unit(HalfUnit unit) {
    return reinterpret_cast<Vector>(_mm512_set1_epi32(static_cast<int>(unit)));
  }
  template <class Add>
  LM_INLINE static void store_sums(float* c, Sum sums, std::int64_t columns, float scale, Add&& add) {
    const auto bits = reinterpret_cast<__m512i>(sums);
    const __m256i parts[2] = {_mm512_castsi512_si256(bits), _mm512_extracti64x4_epi64(bits, 1)};
    for (std::int64_t part = 0; part < 2; ++part) {
      const std::int64_t count = at_most(columns - part * kUnits, kUnits);
      const Vec<float> values = scale * reinterpret_cast<Vec<float>>(_mm512_cvtph_ps(parts[part]));
      store(c + part * kUnits, add(values, part * kUnits, count), count);
    }
  }

  static float scale_of(Strided<const float> x, std::int64_t rows, std::int64_t columns) {
    Vec<float> largest = {};
    for (std::int64_t row = 0; row < rows; ++row) {
      each_vector<float>(columns, [&](std::int64_t i, std::int64_t count) {
        const Vec<float> v = lm::LM_TIER::load(x.data + row * x.stride + i, count);
        largest = maximum_of<float>(largest, maximum_of<float>(v, -v));
      });
    }
    // The exponent, so far from the ends of the range that the inverse of two such scales is a float as well.
    const std::uint32_t exponent = __builtin_bit_cast(std::uint32_t, maximum_lane<float>(largest)) >> 23;
    if (exponent == 0 || exponent == 255) return 1;
    const std::uint32_t bounded = exponent < 67 ? 67 : exponent > 187 ? 187 : exponent;
    return __builtin_bit_cast(float, (254 - bounded) << 23);
  }
  /// Rounds up to 16 neighbours of a row.
  LM_INLINE static __m512i round_row(const float* x, std::int64_t count, float scale) {
    const Vec<float> line = lm::LM_TIER::load(x, count);
    return round_lines(&line, scale);
  }
  /// Rounds a line, with each number twice.
  LM_INLINE static __m512i round_lines(const Vec<float>* lines, float scale) {
    const __m512i once = _mm512_cvtepu16_epi32(round(lines[0], scale));
    return _mm512_or_si512(once, _mm512_slli_epi32(once, 16));
  }
  LM_INLINE static void store_columns(std::uint16_t* panel, const Vec<float>* lines, float scale) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(panel), round(lines[0], scale));
  }
  LM_INLINE static void store_units(HalfUnit* units, __m512i v, std::int64_t count) {
    _mm512_mask_storeu_epi32(units, static_cast<__mmask16>((1u << count) - 1), v);
  }

 private:
  /// Rounds to nearest, ties to even.
  LM_INLINE static __m256i round(Vec<float> v, float scale) {
    return _mm512_cvtps_ph(reinterpret_cast<__m512>(Vec<float>(v * scale)), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  }
};

}  // namespace

HalfKernels kernels_of_format();
HalfKernels kernels_of_format() { return make_half_kernels<Float16>(); }

}  // namespace lm::LM_TIER
