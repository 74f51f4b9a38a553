#include "kernels/cpu/block_reader.h"

#include <cstring>

#include "base/little_endian.h"

namespace lm {

namespace {

using Byte = unsigned char;
constexpr unsigned kInputs = 32, kHalf = 16;  // of a group, and of half a group

std::uint16_t half_at(const Byte* bytes) { return load_little<std::uint16_t>(bytes); }

// Blocks of 32 values: a scale (q4_1, q5_1: and a least value), the fifth bits if there are any, bit i that of value i, and the
// values' lower four.

/// Reads 16 bytes, with value i in the lower half of byte i and value 16 + i in the upper.
void read_fours(const Byte* fours, Byte* codes) {
  for (unsigned i = 0; i < kHalf; ++i) {
    codes[i] = fours[i] & 0xFU;
    codes[i + kHalf] = static_cast<Byte>(fours[i] >> 4);
  }
}

void add_fifth_bits(const Byte* bits, Byte* codes) {
  const auto high = load_little<std::uint32_t>(bits);
  for (unsigned i = 0; i < kInputs; ++i) codes[i] = static_cast<Byte>(codes[i] | (high >> i & 1U) << 4);
}

void read_q8_0(const Byte* block, QuantizedBlock& to) {
  to.scale = half_at(block);
  for (unsigned i = 0; i < kInputs; ++i) to.codes[i] = static_cast<Byte>(block[2 + i] ^ 0x80U);
}

void read_q4_0(const Byte* block, QuantizedBlock& to) {
  to.scale = half_at(block);
  read_fours(block + 2, to.codes.data());
}

void read_q4_1(const Byte* block, QuantizedBlock& to) {
  to.scale = half_at(block);
  to.least = half_at(block + 2);
  read_fours(block + 4, to.codes.data());
}

void read_q5_0(const Byte* block, QuantizedBlock& to) {
  to.scale = half_at(block);
  read_fours(block + 6, to.codes.data());
  add_fifth_bits(block + 2, to.codes.data());
}

void read_q5_1(const Byte* block, QuantizedBlock& to) {
  to.scale = half_at(block);
  to.least = half_at(block + 2);
  read_fours(block + 8, to.codes.data());
  add_fifth_bits(block + 4, to.codes.data());
}

void read_mxfp4(const Byte* block, QuantizedBlock& to) {
  to.small_scales[0] = block[0];
  read_fours(block + 1, to.codes.data());
}

// Blocks of 256 values, in groups of 16 or 32 with a small scale each.

/// scales: 16, scale and minimum in the halves of a byte  values: 64, two bits each  d, dmin
void read_q2_k(const Byte* block, QuantizedBlock& to) {
  to.scale = half_at(block + 80);
  to.least = half_at(block + 82);
  for (unsigned s = 0; s < 16; ++s) {
    to.small_scales[s] = block[s] & 0xFU;
    to.small_least[s] = static_cast<Byte>(block[s] >> 4);
  }
  for (unsigned i = 0; i < 256; ++i) to.codes[i] = block[16 + 32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32)) & 3U;
}

/// highs: 32, bit g for group g of 32 values, set where 4 is not subtracted  values: 64, two bits each  scales: 12, the lower
/// 4 bits in 8 bytes, the upper 2 in the rest  d
void read_q3_k(const Byte* block, QuantizedBlock& to) {
  const Byte *highs = block, *values = block + 32, *packed = block + 96;
  to.scale = half_at(block + 108);
  for (unsigned s = 0; s < 16; ++s) {
    const unsigned low = packed[s % 8] >> (4 * (s / 8)) & 0xFU, high = packed[8 + s % 4] >> (2 * (s / 4)) & 3U;
    to.small_scales[s] = static_cast<Byte>((low | high << 4) - 32U);
  }
  for (unsigned i = 0; i < 256; ++i) {
    const unsigned low = values[32 * (i / 128) + i % 32] >> (2 * (i / 32 % 4)) & 3U;
    to.codes[i] = static_cast<Byte>(low | (highs[i % 32] >> (i / 32) & 1U) << 2);
  }
}

/// d, dmin  scales and minimums: 12, of 6 bits: those of the first 4 groups lie whole in bytes 0-3 and 4-7, whose upper 2 bits
/// are those of the last 4 groups; bytes 8-11 hold the lower 4 bits of their scales and of their minimums  highs (q5_K): 32, bit
/// g for group g  values: 128, groups 2k and 2k+1 in the halves of 32 bytes
void read_q4_or_q5_k(const Byte* block, const Byte* highs, const Byte* values, QuantizedBlock& to) {
  to.scale = half_at(block);
  to.least = half_at(block + 2);
  const Byte* packed = block + 4;
  for (unsigned g = 0; g < 4; ++g) {
    to.small_scales[g] = packed[g] & 63U;
    to.small_least[g] = packed[g + 4] & 63U;
    to.small_scales[g + 4] = static_cast<Byte>((packed[g + 8] & 0xFU) | packed[g] >> 6 << 4);
    to.small_least[g + 4] = static_cast<Byte>(packed[g + 8] >> 4 | packed[g + 4] >> 6 << 4);
  }
  for (unsigned i = 0; i < 256; ++i) {
    unsigned code = values[32 * (i / 64) + i % 32] >> (4 * (i / 32 % 2)) & 0xFU;
    if (highs != nullptr) code |= (highs[i % 32] >> (i / 32) & 1U) << 4;
    to.codes[i] = static_cast<Byte>(code);
  }
}

void read_q4_k(const Byte* block, QuantizedBlock& to) { read_q4_or_q5_k(block, nullptr, block + 16, to); }
void read_q5_k(const Byte* block, QuantizedBlock& to) { read_q4_or_q5_k(block, block + 16, block + 48, to); }

/// lows: 128, four bits each  highs: 64, two bits each  scales: 16, signed  d
void read_q6_k(const Byte* block, QuantizedBlock& to) {
  const Byte *lows = block, *highs = block + 128;
  to.scale = half_at(block + 208);
  std::memcpy(to.small_scales.data(), block + 192, 16);
  for (unsigned i = 0; i < 256; ++i) {
    const unsigned half = i / 128, group = i % 128 / 32, place = i % 32;
    const unsigned low = lows[64 * half + 32 * (group % 2) + place] >> (4 * (group / 2)) & 0xFU;
    const unsigned high = highs[32 * half + place] >> (2 * group) & 3U;
    to.codes[i] = static_cast<Byte>(low | high << 4);
  }
}

/// d, upper 2 bits of 8 scales: 2  lower 4 bits: 4  values: 128, as iq4_nl has them
void read_iq4_xs(const Byte* block, QuantizedBlock& to) {
  to.scale = half_at(block);
  const unsigned highs = half_at(block + 2);
  for (unsigned g = 0; g < 8; ++g) {
    const unsigned low = block[4 + g / 2] >> (4 * (g % 2)) & 0xFU, high = highs >> (2 * g) & 3U;
    to.small_scales[g] = static_cast<Byte>((low | high << 4) - 32U);
    read_fours(block + 8 + kHalf * g, to.codes.data() + kInputs * g);
  }
}

constexpr std::array<ReadBlock, kBlockKinds> kReaders = {read_q8_0, read_q4_0,   read_q4_1, read_q5_0, read_q5_1,
                                                         read_q2_k, read_q3_k,   read_q4_k, read_q5_k, read_q6_k,
                                                         read_q4_0, read_iq4_xs, read_mxfp4};

}  // namespace

ReadBlock block_reader(BlockKind kind) { return kReaders[static_cast<std::size_t>(kind)]; }

}  // namespace lm
