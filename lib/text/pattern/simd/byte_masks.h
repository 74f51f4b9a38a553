// The classes of 64 ASCII bytes as bits, bit i for byte i; what each SIMD tier has instructions for. Compiled once for each tier.
#pragma once

#include <cstdint>

#if defined(LM_TIER_avx2) || defined(LM_TIER_avx512)
#include <immintrin.h>
#endif

namespace lm::LM_TIER {

using Bits = std::uint64_t;

struct ByteMasks {
  Bits upper, lower, number;
  Bits space;    // White_Space, newlines included
  Bits newline;  // \r and \n
  Bits blank;    // ' '
  Bits quote;    // '
  Bits slash;
  Bits high;  // not ASCII
};

#if defined(LM_TIER_avx512)

static inline Bits in_range(__m512i bytes, char first, int count) {
  return _mm512_cmple_epu8_mask(_mm512_sub_epi8(bytes, _mm512_set1_epi8(first)),
                                _mm512_set1_epi8(static_cast<char>(count - 1)));
}
static inline Bits equal(__m512i bytes, char byte) { return _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(byte)); }

static inline ByteMasks masks_of(const unsigned char* text) {
  const __m512i bytes = _mm512_loadu_si512(text);
  const Bits blank = equal(bytes, ' ');
  return {.upper = in_range(bytes, 'A', 26),
          .lower = in_range(bytes, 'a', 26),
          .number = in_range(bytes, '0', 10),
          .space = blank | in_range(bytes, '\t', 5),
          .newline = equal(bytes, '\n') | equal(bytes, '\r'),
          .blank = blank,
          .quote = equal(bytes, '\''),
          .slash = equal(bytes, '/'),
          .high = _mm512_movepi8_mask(bytes)};
}
/// Returns bits for what is printed: ASCII without controls and ' '.
static inline Bits visible_of(const unsigned char* text) { return in_range(_mm512_loadu_si512(text), '!', 94); }
static inline Bits tabs_of(const unsigned char* text) { return equal(_mm512_loadu_si512(text), '\t'); }

/// Writes base + i for each bit i; may write up to 64 numbers.
static inline std::uint32_t* write_places(Bits bits, std::uint32_t base, std::uint32_t* places) {
  __m512i numbers = _mm512_add_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                                     _mm512_set1_epi32(static_cast<int>(base)));
  for (int i = 0; i < 4; ++i) {
    const auto some = static_cast<__mmask16>(bits >> (16 * i));
    _mm512_storeu_si512(places, _mm512_maskz_compress_epi32(some, numbers));
    places += __builtin_popcount(some);
    numbers = _mm512_add_epi32(numbers, _mm512_set1_epi32(16));
  }
  return places;
}

#else

#if defined(LM_TIER_avx2)

struct Bytes {
  __m256i low, high;
};
static inline Bits bits_of(__m256i low, __m256i high) {
  const auto first = static_cast<std::uint32_t>(_mm256_movemask_epi8(low));
  const auto second = static_cast<std::uint32_t>(_mm256_movemask_epi8(high));
  return first | (Bits{second} << 32);
}
static inline __m256i half_in_range(__m256i bytes, char first, int count) {
  const __m256i from_first = _mm256_sub_epi8(bytes, _mm256_set1_epi8(first));
  return _mm256_cmpeq_epi8(_mm256_min_epu8(from_first, _mm256_set1_epi8(static_cast<char>(count - 1))), from_first);
}
static inline Bits in_range(Bytes bytes, char first, int count) {
  return bits_of(half_in_range(bytes.low, first, count), half_in_range(bytes.high, first, count));
}
static inline Bits equal(Bytes bytes, char byte) {
  return bits_of(_mm256_cmpeq_epi8(bytes.low, _mm256_set1_epi8(byte)),
                 _mm256_cmpeq_epi8(bytes.high, _mm256_set1_epi8(byte)));
}

static inline Bytes load(const unsigned char* text) {
  return {_mm256_loadu_si256(reinterpret_cast<const __m256i*>(text)),
          _mm256_loadu_si256(reinterpret_cast<const __m256i*>(text + 32))};
}

static inline ByteMasks masks_of(const unsigned char* text) {
  const Bytes bytes = load(text);
  const Bits blank = equal(bytes, ' ');
  return {.upper = in_range(bytes, 'A', 26),
          .lower = in_range(bytes, 'a', 26),
          .number = in_range(bytes, '0', 10),
          .space = blank | in_range(bytes, '\t', 5),
          .newline = equal(bytes, '\n') | equal(bytes, '\r'),
          .blank = blank,
          .quote = equal(bytes, '\''),
          .slash = equal(bytes, '/'),
          .high = bits_of(bytes.low, bytes.high)};
}
/// Returns bits for what is printed: ASCII without controls and ' '.
static inline Bits visible_of(const unsigned char* text) { return in_range(load(text), '!', 94); }
static inline Bits tabs_of(const unsigned char* text) { return equal(load(text), '\t'); }

#else

/// A bit for each of ByteMasks but `high`, in its order, for the 128 bytes of ASCII.
struct ByteKinds {
  unsigned char of[256];
};
static constexpr ByteKinds make_kinds() {
  ByteKinds kinds{};
  for (int c = 0; c < 128; ++c) {
    const bool newline = c == '\n' || c == '\r';
    const bool space = c == ' ' || (c >= 9 && c <= 13);
    kinds.of[c] = static_cast<unsigned char>((c >= 'A' && c <= 'Z' ? 1 : 0) | (c >= 'a' && c <= 'z' ? 2 : 0) |
                                             (c >= '0' && c <= '9' ? 4 : 0) | (space ? 8 : 0) | (newline ? 16 : 0) |
                                             (c == ' ' ? 32 : 0) | (c == '\'' ? 64 : 0) | (c == '/' ? 128 : 0));
  }
  return kinds;
}
static constexpr ByteKinds kKinds = make_kinds();

/// Returns bit `kind` of each of eight bytes.
static inline Bits gather(Bits bytes, int kind) {
  return (((bytes >> kind) & 0x0101010101010101) * 0x0102040810204080) >> 56;
}

static inline ByteMasks masks_of(const unsigned char* text) {
  ByteMasks masks{};
  for (int i = 0; i < 64; i += 8) {
    Bits kinds = 0, high = 0;
    for (int j = 0; j < 8; ++j) {
      const Bits byte = text[i + j];
      kinds |= Bits{kKinds.of[byte]} << (8 * j);
      high |= (byte >> 7) << j;
    }
    masks.upper |= gather(kinds, 0) << i;
    masks.lower |= gather(kinds, 1) << i;
    masks.number |= gather(kinds, 2) << i;
    masks.space |= gather(kinds, 3) << i;
    masks.newline |= gather(kinds, 4) << i;
    masks.blank |= gather(kinds, 5) << i;
    masks.quote |= gather(kinds, 6) << i;
    masks.slash |= gather(kinds, 7) << i;
    masks.high |= high << i;
  }
  return masks;
}
/// Returns bits for what is printed: ASCII without controls and ' '.
static inline Bits visible_of(const unsigned char* text) {
  Bits visible = 0;
  for (int i = 0; i < 64; ++i) visible |= Bits{text[i] > ' ' && text[i] < 0x7F} << i;
  return visible;
}
static inline Bits tabs_of(const unsigned char* text) {
  Bits tabs = 0;
  for (int i = 0; i < 64; ++i) tabs |= Bits{text[i] == '\t'} << i;
  return tabs;
}

#endif

/// Writes base + i for each bit i.
static inline std::uint32_t* write_places(Bits bits, std::uint32_t base, std::uint32_t* places) {
  for (; bits != 0; bits &= bits - 1) *places++ = base + static_cast<std::uint32_t>(__builtin_ctzll(bits));
  return places;
}

#endif

}  // namespace lm::LM_TIER
