#include "kernels/blocks.h"

#include <algorithm>
#include <array>
#include <bit>

#include "base/error.h"
#include "base/half.h"
#include "base/little_endian.h"

namespace lm {

// Compiled without fused multiply-adds: the values are those of two roundings.

namespace {

using Byte = unsigned char;

constexpr std::array<std::int8_t, 16> kNonLinear = {-127, -104, -83, -65, -49, -35, -22, -10,
                                                    1,    13,   25,  38,  53,  69,  89,  113};
constexpr std::array<std::int8_t, 16> kFourBitFloats = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};  // doubled

float scale_at(const Byte* bytes) { return float_of_half(load_little<std::uint16_t>(bytes)); }

/// Returns 2^(exponent - 128).
float half_power(Byte exponent) {
  return std::bit_cast<float>(exponent < 2 ? 0x00200000U << exponent : (exponent - 1U) << 23);
}

// Blocks of 32 values: a scale (q4_1, q5_1: and a least value), then 16 bytes, with value i in the lower half of byte i and
// value 16 + i in the upper. The fifth bits come before them, bit i that of value i.

template <class Value>
void each_nibble(const Byte* nibbles, float* y, Value value) {
  for (unsigned i = 0; i < 16; ++i) {
    y[i] = value(nibbles[i] & 0xFU, i);
    y[i + 16] = value(unsigned{nibbles[i]} >> 4, i + 16);
  }
}

void q4_0_block(const Byte* block, float* y) {
  const float d = scale_at(block);
  each_nibble(block + 2, y, [&](unsigned q, unsigned) { return d * static_cast<float>(static_cast<int>(q) - 8); });
}

void q4_1_block(const Byte* block, float* y) {
  const float d = scale_at(block), least = scale_at(block + 2);
  each_nibble(block + 4, y, [&](unsigned q, unsigned) { return d * static_cast<float>(q) + least; });
}

void q5_0_block(const Byte* block, float* y) {
  const float d = scale_at(block);
  const auto high = load_little<std::uint32_t>(block + 2);
  each_nibble(block + 6, y, [&](unsigned q, unsigned i) {
    return d * static_cast<float>(static_cast<int>(q | (high >> i & 1U) << 4) - 16);
  });
}

void q5_1_block(const Byte* block, float* y) {
  const float d = scale_at(block), least = scale_at(block + 2);
  const auto high = load_little<std::uint32_t>(block + 4);
  each_nibble(block + 8, y,
              [&](unsigned q, unsigned i) { return d * static_cast<float>(q | (high >> i & 1U) << 4) + least; });
}

void q8_0_block(const Byte* block, float* y) {
  const float d = scale_at(block);
  for (int i = 0; i < 32; ++i) y[i] = static_cast<float>(static_cast<std::int8_t>(block[2 + i])) * d;
}

void iq4_nl_block(const Byte* block, float* y) {
  const float d = scale_at(block);
  each_nibble(block + 2, y, [&](unsigned q, unsigned) { return d * static_cast<float>(kNonLinear[q]); });
}

void mxfp4_block(const Byte* block, float* y) {
  const float d = half_power(block[0]);
  each_nibble(block + 1, y, [&](unsigned q, unsigned) { return d * static_cast<float>(kFourBitFloats[q]); });
}

// Blocks of 256 values, in groups of 16 or 32 with a small scale each.

/// scales: 16, scale and minimum in the halves of a byte  values: 64, two bits each  d, dmin
void q2_k_block(const Byte* block, float* y) {
  const Byte *scales = block, *values = block + 16;
  const float d = scale_at(block + 80), dmin = scale_at(block + 82);
  for (unsigned i = 0; i < 256; ++i) {
    const unsigned half = i / 128, group = i % 128 / 32, place = i % 32;
    const unsigned scale = scales[i / 16], q = values[32 * half + place] >> (2 * group) & 3U;
    y[i] = d * static_cast<float>(scale & 0xFU) * static_cast<float>(q) - dmin * static_cast<float>(scale >> 4);
  }
}

/// highs: 32, bit g for group g of 32 values, set where 4 is not subtracted  values: 64, two bits each  scales: 12  d
void q3_k_block(const Byte* block, float* y) {
  const Byte *highs = block, *values = block + 32, *packed = block + 96;
  const float d = scale_at(block + 108);
  std::array<float, 16> scales;
  for (unsigned s = 0; s < 16; ++s) {  // the lower 4 bits in 8 bytes, the upper 2 in the rest
    const unsigned low = packed[s % 8] >> (4 * (s / 8)) & 0xFU, high = packed[8 + s % 4] >> (2 * (s / 4)) & 3U;
    scales[s] = d * static_cast<float>(static_cast<int>(low | high << 4) - 32);
  }
  for (unsigned i = 0; i < 256; ++i) {
    const unsigned group = i / 32, place = i % 32;
    const int q = values[32 * (i / 128) + place] >> (2 * (group % 4)) & 3;
    y[i] = scales[i / 16] * static_cast<float>((highs[place] >> group & 1) != 0 ? q : q - 4);
  }
}

struct ScaleAndMinimum {
  unsigned scale, minimum;
};

/// Unpacks 6-bit scales and minimums of 8 groups from 12 bytes: those of the first 4 groups lie whole in bytes 0-3 and 4-7,
/// whose upper 2 bits are those of the last 4 groups; bytes 8-11 hold the lower 4 bits of their scales and of their
/// minimums.
ScaleAndMinimum unpack_scale(const Byte* packed, unsigned group) {
  if (group < 4) return {packed[group] & 63U, packed[group + 4] & 63U};
  const unsigned low = packed[group + 4];
  return {(low & 0xFU) | unsigned{packed[group - 4]} >> 6 << 4, low >> 4 | unsigned{packed[group]} >> 6 << 4};
}

/// d, dmin, scales: 12  highs (q5_K): 32, bit g for group g  values: 128, groups 2k and 2k+1 in the halves of 32 bytes
void q4_or_q5_k_block(const Byte* block, const Byte* highs, const Byte* values, float* y) {
  const float d = scale_at(block), dmin = scale_at(block + 2);
  for (unsigned group = 0; group < 8; ++group) {
    const ScaleAndMinimum packed = unpack_scale(block + 4, group);
    const float scale = d * static_cast<float>(packed.scale), minimum = dmin * static_cast<float>(packed.minimum);
    for (unsigned i = 0; i < 32; ++i) {
      unsigned q = values[32 * (group / 2) + i] >> (4 * (group % 2)) & 0xFU;
      if (highs != nullptr) q |= (highs[i] >> group & 1U) << 4;
      y[32 * group + i] = scale * static_cast<float>(q) - minimum;
    }
  }
}

void q4_k_block(const Byte* block, float* y) { q4_or_q5_k_block(block, nullptr, block + 16, y); }
void q5_k_block(const Byte* block, float* y) { q4_or_q5_k_block(block, block + 16, block + 48, y); }

/// lows: 128, four bits each  highs: 64, two bits each  scales: 16, signed  d
void q6_k_block(const Byte* block, float* y) {
  const Byte *lows = block, *highs = block + 128, *scales = block + 192;
  const float d = scale_at(block + 208);
  for (unsigned i = 0; i < 256; ++i) {
    const unsigned half = i / 128, group = i % 128 / 32, place = i % 32;
    const unsigned low = lows[64 * half + 32 * (group % 2) + place] >> (4 * (group / 2)) & 0xFU;
    const unsigned high = highs[32 * half + place] >> (2 * group) & 3U;
    const float scale = d * static_cast<float>(static_cast<std::int8_t>(scales[i / 16]));
    y[i] = scale * static_cast<float>(static_cast<int>(low | high << 4) - 32);
  }
}

/// d, upper 2 bits of 8 scales: 2  lower 4 bits: 4  values: 128, as iq4_nl has them
void iq4_xs_block(const Byte* block, float* y) {
  const float d = scale_at(block);
  const auto highs = load_little<std::uint16_t>(block + 2);
  for (unsigned group = 0; group < 8; ++group) {
    const unsigned low = block[4 + group / 2] >> (4 * (group % 2)) & 0xFU, high = highs >> (2 * group) & 3U;
    const float scale = d * static_cast<float>(static_cast<int>(low | high << 4) - 32);
    each_nibble(block + 8 + 16 * group, y + 32 * group,
                [&](unsigned q, unsigned) { return scale * static_cast<float>(kNonLinear[q]); });
  }
}

void f32_block(const Byte* block, float* y) { *y = std::bit_cast<float>(load_little<std::uint32_t>(block)); }
void f16_block(const Byte* block, float* y) { *y = scale_at(block); }
void bf16_block(const Byte* block, float* y) { *y = float_of_bfloat16(load_little<std::uint16_t>(block)); }

template <void (*block_values)(const Byte*, float*), GgmlType type>
void each_block(const Byte* blocks, std::int64_t count, float* values) {
  const GgmlTypeFacts facts = facts_of(type);
  for (std::int64_t i = 0; i < count / facts.values; ++i) block_values(blocks + i * facts.bytes, values + i * facts.values);
}

struct Dequantizer {
  GgmlType type;
  void (*run)(const Byte* blocks, std::int64_t count, float* values);
};

constexpr auto kDequantizers = std::to_array<Dequantizer>({
    {GgmlType::f32, each_block<f32_block, GgmlType::f32>},
    {GgmlType::f16, each_block<f16_block, GgmlType::f16>},
    {GgmlType::bf16, each_block<bf16_block, GgmlType::bf16>},
    {GgmlType::q8_0, each_block<q8_0_block, GgmlType::q8_0>},
    {GgmlType::q4_0, each_block<q4_0_block, GgmlType::q4_0>},
    {GgmlType::q4_1, each_block<q4_1_block, GgmlType::q4_1>},
    {GgmlType::q5_0, each_block<q5_0_block, GgmlType::q5_0>},
    {GgmlType::q5_1, each_block<q5_1_block, GgmlType::q5_1>},
    {GgmlType::q2_k, each_block<q2_k_block, GgmlType::q2_k>},
    {GgmlType::q3_k, each_block<q3_k_block, GgmlType::q3_k>},
    {GgmlType::q4_k, each_block<q4_k_block, GgmlType::q4_k>},
    {GgmlType::q5_k, each_block<q5_k_block, GgmlType::q5_k>},
    {GgmlType::q6_k, each_block<q6_k_block, GgmlType::q6_k>},
    {GgmlType::iq4_nl, each_block<iq4_nl_block, GgmlType::iq4_nl>},
    {GgmlType::iq4_xs, each_block<iq4_xs_block, GgmlType::iq4_xs>},
    {GgmlType::mxfp4, each_block<mxfp4_block, GgmlType::mxfp4>},
});

const Dequantizer* find_dequantizer(GgmlType type) {
  const auto* found =
      std::find_if(kDequantizers.begin(), kDequantizers.end(), [&](const Dequantizer& known) { return known.type == type; });
  return found == kDequantizers.end() ? nullptr : found;
}

}  // namespace

bool can_dequantize(GgmlType type) { return find_dequantizer(type) != nullptr; }

void dequantize(GgmlType type, const void* blocks, std::int64_t count, float* values) {
  const Dequantizer* dequantizer = find_dequantizer(type);
  LM_CHECK(dequantizer != nullptr && count % facts_of(type).values == 0);
  dequantizer->run(static_cast<const Byte*>(blocks), count, values);
}

}  // namespace lm
