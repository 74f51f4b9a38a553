// bf16: two products in each instruction and sum (AVX512-BF16). Its range is that of float, so nothing needs a scale.
#include "kernels/cpu/products/half/product.h"

namespace lm::LM_TIER {
namespace {

struct Bfloat16 {
  static constexpr int kDepth = 2;
  static constexpr std::int64_t kLongestSum = std::int64_t{1} << 40;
  using Vector = __m512i;
  using Sum = __m512;

  LM_INLINE static Vector load(const HalfUnit* units) { return _mm512_loadu_si512(units); }
  LM_INLINE static Vector broadcast_unit(HalfUnit unit) { return _mm512_set1_epi32(static_cast<int>(unit)); }
  LM_INLINE static Sum multiply_add(Sum sum, Vector a, Vector b) {
    return _mm512_dpbf16_ps(sum, reinterpret_cast<__m512bh>(a), reinterpret_cast<__m512bh>(b));
  }
  template <class Add>
  LM_INLINE static void store_sums(float* c, Sum sums, std::int64_t columns, float, Add&& add) {
    store(c, add(reinterpret_cast<Vec<float>>(sums), 0, columns), columns);
  }

  static float scale_of(Strided<const float>, std::int64_t, std::int64_t) { return 1; }
  /// Rounds up to 32 neighbours of a row.
  LM_INLINE static Vector round_row(const float* x, std::int64_t count, float) {
    return round(lm::LM_TIER::load(x, at_most(count, kUnits)),
                 lm::LM_TIER::load(x + kUnits, at_most(count - kUnits, kUnits)));
  }
  /// Rounds two lines: the columns of one and of the other by turns.
  LM_INLINE static Vector round_lines(const Vec<float>* lines, float) {
    const Vector order = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5,
                                          20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    return _mm512_permutexvar_epi16(order, round(lines[0], lines[1]));
  }
  LM_INLINE static void store_columns(std::uint16_t* panel, const Vec<float>* lines, float scale) {
    _mm512_storeu_si512(panel, round_lines(lines, scale));
  }
  LM_INLINE static void store_units(HalfUnit* units, Vector v, std::int64_t count) {
    _mm512_mask_storeu_epi32(units, static_cast<__mmask16>((1u << count) - 1), v);
  }

 private:
  /// Rounds to nearest, ties to even: low, then high.
  LM_INLINE static Vector round(Vec<float> low, Vec<float> high) {
    return reinterpret_cast<Vector>(_mm512_cvtne2ps_pbh(reinterpret_cast<__m512>(high), reinterpret_cast<__m512>(low)));
  }
};

}  // namespace

HalfKernels kernels_of_format();
HalfKernels kernels_of_format() { return make_half_kernels<Bfloat16>(); }

}  // namespace lm::LM_TIER
