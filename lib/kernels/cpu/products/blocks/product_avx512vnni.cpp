// AVX-512 with VNNI: 64 products in each instruction.
#include "kernels/cpu/products/blocks/product.h"

namespace lm::LM_BLOCKS {
namespace {

struct Avx512Vnni {
  using Bytes = __m512i;
  using Integers = __m512i;
  using Floats = __m512;
  static constexpr std::int64_t kOutputs = 16;
  static constexpr std::int64_t kMostRows = 8;
  static constexpr bool kWide = true;

  LM_INLINE static Bytes load(const char* p) { return _mm512_loadu_si512(p); }
  LM_INLINE static Bytes and_each(Bytes v, char byte) { return _mm512_and_si512(v, _mm512_set1_epi8(byte)); }
  LM_INLINE static Bytes or_each(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
  template <int n>
  LM_INLINE static Bytes shift_right(Bytes v) {
    return _mm512_srli_epi16(v, n);
  }
  template <int n>
  LM_INLINE static Bytes shift_left(Bytes v) {
    return _mm512_slli_epi16(v, n);
  }
  LM_INLINE static Bytes look_up(const std::uint8_t* table, Bytes v) {
    return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table))), v);
  }
  LM_INLINE static Bytes broadcast_codes(std::int32_t four) { return _mm512_set1_epi32(four); }
  LM_INLINE static Integers dot(Integers sum, Bytes codes, Bytes x) { return _mm512_dpbusd_epi32(sum, codes, x); }
  LM_INLINE static Integers zero() { return _mm512_setzero_si512(); }
  LM_INLINE static Integers broadcast_sum(std::int32_t sum) { return _mm512_set1_epi32(sum); }
  LM_INLINE static Integers add(Integers a, Integers b) { return _mm512_add_epi32(a, b); }
  LM_INLINE static Floats floats_of(Integers v) { return _mm512_cvtepi32_ps(v); }
  LM_INLINE static Floats broadcast(float value) { return _mm512_set1_ps(value); }
  LM_INLINE static Floats multiply(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
  LM_INLINE static Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
  LM_INLINE static Floats subtract(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
  LM_INLINE static Floats halves_at(const char* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  LM_INLINE static __m128i bytes_at(const char* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }
  /// 2^(exponent - 128), of which the two least are not normal.
  LM_INLINE static Floats powers_at(const char* p) {
    const __m512i exponents = _mm512_cvtepu8_epi32(bytes_at(p));
    const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(exponents, _mm512_set1_epi32(1)), 23);
    const __m512i tiny = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), exponents);
    return _mm512_castsi512_ps(
        _mm512_mask_mov_epi32(normal, _mm512_cmplt_epi32_mask(exponents, _mm512_set1_epi32(2)), tiny));
  }
  LM_INLINE static Floats signed_at(const char* p) { return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(bytes_at(p))); }
  LM_INLINE static Floats unsigned_at(const char* p) { return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(bytes_at(p))); }
  LM_INLINE static Floats floats_at(const float* p) { return _mm512_loadu_ps(p); }
  LM_INLINE static void store(float* p, Floats v) { _mm512_storeu_ps(p, v); }
};

}  // namespace

BlockKernels block_kernels() { return block_kernels_of<Avx512Vnni>(); }

}  // namespace lm::LM_BLOCKS
