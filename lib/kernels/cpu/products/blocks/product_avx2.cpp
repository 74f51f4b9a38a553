// AVX2, and with LM_BLOCKS_VNNI the instructions of AVX-VNNI: 32 products in each.
#include "kernels/cpu/products/blocks/product.h"

namespace lm::LM_BLOCKS {
namespace {

struct Avx2 {
  using Bytes = __m256i;
  using Integers = __m256i;
  using Floats = __m256;
  static constexpr std::int64_t kOutputs = 8;
  static constexpr std::int64_t kMostRows = 4;

  LM_INLINE static Bytes load(const char* p) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)); }
  LM_INLINE static Bytes and_each(Bytes v, char byte) { return _mm256_and_si256(v, _mm256_set1_epi8(byte)); }
  LM_INLINE static Bytes or_each(Bytes a, Bytes b) { return _mm256_or_si256(a, b); }
  template <int n>
  LM_INLINE static Bytes shift_right(Bytes v) {
    return _mm256_srli_epi16(v, n);
  }
  template <int n>
  LM_INLINE static Bytes shift_left(Bytes v) {
    return _mm256_slli_epi16(v, n);
  }
  LM_INLINE static Bytes look_up(const std::uint8_t* table, Bytes v) {
    return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(table))), v);
  }
  LM_INLINE static Bytes broadcast_codes(std::int32_t four) { return _mm256_set1_epi32(four); }
#if defined(LM_BLOCKS_VNNI)
  static constexpr bool kWide = true;
  LM_INLINE static Integers dot(Integers sum, Bytes codes, Bytes x) { return _mm256_dpbusd_avx_epi32(sum, codes, x); }
#else
  // Pairs of products are added in 16 bits: codes up to 127 have room there.
  static constexpr bool kWide = false;
  LM_INLINE static Bytes flip_signs(Bytes v) { return _mm256_xor_si256(v, _mm256_set1_epi8(static_cast<char>(-128))); }
  LM_INLINE static Integers dot(Integers sum, Bytes codes, Bytes x) {
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_maddubs_epi16(codes, x), _mm256_set1_epi16(1)));
  }
  LM_INLINE static Integers dot_signed(Integers sum, Bytes codes, Bytes x) {
    return dot(sum, _mm256_abs_epi8(codes), _mm256_sign_epi8(x, codes));
  }
#endif
  LM_INLINE static Integers zero() { return _mm256_setzero_si256(); }
  LM_INLINE static Integers broadcast_sum(std::int32_t sum) { return _mm256_set1_epi32(sum); }
  LM_INLINE static Integers add(Integers a, Integers b) { return _mm256_add_epi32(a, b); }
  LM_INLINE static Floats floats_of(Integers v) { return _mm256_cvtepi32_ps(v); }
  LM_INLINE static Floats broadcast(float value) { return _mm256_set1_ps(value); }
  LM_INLINE static Floats multiply(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
  LM_INLINE static Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
  LM_INLINE static Floats subtract(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
  LM_INLINE static Floats halves_at(const char* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  LM_INLINE static __m128i bytes_at(const char* p) { return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)); }
  /// 2^(exponent - 128), of which the two least are not normal.
  LM_INLINE static Floats powers_at(const char* p) {
    const __m256i exponents = _mm256_cvtepu8_epi32(bytes_at(p));
    const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(exponents, _mm256_set1_epi32(1)), 23);
    const __m256i tiny = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), exponents);
    return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, tiny, _mm256_cmpgt_epi32(_mm256_set1_epi32(2), exponents)));
  }
  LM_INLINE static Floats signed_at(const char* p) { return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes_at(p))); }
  LM_INLINE static Floats unsigned_at(const char* p) { return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes_at(p))); }
  LM_INLINE static Floats floats_at(const float* p) { return _mm256_loadu_ps(p); }
  LM_INLINE static void store(float* p, Floats v) { _mm256_storeu_ps(p, v); }
};

}  // namespace

BlockKernels block_kernels() { return block_kernels_of<Avx2>(); }

}  // namespace lm::LM_BLOCKS
