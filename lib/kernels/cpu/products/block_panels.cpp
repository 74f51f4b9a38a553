#include "kernels/cpu/products/block_panels.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "base/half.h"
#include "base/little_endian.h"
#include "kernels/cpu/products/block_kernels.h"
#include "kernels/cpu/products/blocks/layout.h"

namespace lm {

// Compiled without fused multiply-adds: unpacked values are those of two roundings.

namespace {

using Byte = unsigned char;
constexpr unsigned kInputs = 32, kHalf = 16;  // of a group, and of half a group

/// A block of a file, taken apart: codes as panels have them, and scales.
struct Block {
  std::uint16_t scale = 0, least = 0;                        // fp16
  std::array<Byte, 16> small_scales = {}, small_least = {};  // of each scale of a super's groups; [0] an exponent
  std::array<Byte, 256> codes = {};
};

std::uint16_t half_at(const Byte* bytes) { return load_little<std::uint16_t>(bytes); }

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

void read_q8_0(const Byte* block, Block& to) {
  to.scale = half_at(block);
  for (unsigned i = 0; i < kInputs; ++i) to.codes[i] = static_cast<Byte>(block[2 + i] ^ 0x80U);
}

void read_q4_0(const Byte* block, Block& to) {
  to.scale = half_at(block);
  read_fours(block + 2, to.codes.data());
}

void read_q4_1(const Byte* block, Block& to) {
  to.scale = half_at(block);
  to.least = half_at(block + 2);
  read_fours(block + 4, to.codes.data());
}

void read_q5_0(const Byte* block, Block& to) {
  to.scale = half_at(block);
  read_fours(block + 6, to.codes.data());
  add_fifth_bits(block + 2, to.codes.data());
}

void read_q5_1(const Byte* block, Block& to) {
  to.scale = half_at(block);
  to.least = half_at(block + 2);
  read_fours(block + 8, to.codes.data());
  add_fifth_bits(block + 4, to.codes.data());
}

void read_mxfp4(const Byte* block, Block& to) {
  to.small_scales[0] = block[0];
  read_fours(block + 1, to.codes.data());
}

// What the bytes of these blocks are: kernels/cpu/blocks.cpp.

void read_q2_k(const Byte* block, Block& to) {
  to.scale = half_at(block + 80);
  to.least = half_at(block + 82);
  for (unsigned s = 0; s < 16; ++s) {
    to.small_scales[s] = block[s] & 0xFU;
    to.small_least[s] = static_cast<Byte>(block[s] >> 4);
  }
  for (unsigned i = 0; i < 256; ++i) to.codes[i] = block[16 + 32 * (i / 128) + i % 32] >> (2 * (i % 128 / 32)) & 3U;
}

void read_q3_k(const Byte* block, Block& to) {
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

void read_q4_or_q5_k(const Byte* block, const Byte* highs, const Byte* values, Block& to) {
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

void read_q4_k(const Byte* block, Block& to) { read_q4_or_q5_k(block, nullptr, block + 16, to); }
void read_q5_k(const Byte* block, Block& to) { read_q4_or_q5_k(block, block + 16, block + 48, to); }

void read_q6_k(const Byte* block, Block& to) {
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

void read_iq4_xs(const Byte* block, Block& to) {
  to.scale = half_at(block);
  const unsigned highs = half_at(block + 2);
  for (unsigned g = 0; g < 8; ++g) {
    const unsigned low = block[4 + g / 2] >> (4 * (g % 2)) & 0xFU, high = highs >> (2 * g) & 3U;
    to.small_scales[g] = static_cast<Byte>((low | high << 4) - 32U);
    read_fours(block + 8 + kHalf * g, to.codes.data() + kInputs * g);
  }
}

using ReadBlock = void (*)(const Byte* block, Block& to);

constexpr std::array<ReadBlock, kBlockKinds> kReaders = {read_q8_0, read_q4_0,   read_q4_1, read_q5_0, read_q5_1,
                                                         read_q2_k, read_q3_k,   read_q4_k, read_q5_k, read_q6_k,
                                                         read_q4_0, read_iq4_xs, read_mxfp4};

bool is_finite_half(std::uint16_t half) { return (half & 0x7C00U) != 0x7C00U; }

/// Where the parts of a group lie in a panel.
struct Group {
  Byte* super;   // scales of its super, if the type has these
  Byte* scales;  // of the group
  Byte* codes;
};

Group group_at(const BlockLayout& layout, Byte* panel, std::int64_t g, std::int64_t groups) {
  Byte* const super = panel + layout.scales_at(g / kSuper * kSuper);
  Byte* const scales = layout.scale != ScaleKind::super ? panel + layout.scales_at(g)
                                                         : super + layout.super_bytes() + g % kSuper * layout.scale_bytes();
  return {super, scales, panel + layout.codes_at(groups) + g * layout.code_bytes()};
}

void write_codes(const BlockLayout& layout, Byte* to, std::int64_t output, const Byte* codes) {
  constexpr unsigned kLine = kPanelOutputs * 4;
  Byte* const at = to + output * 4;
  if (layout.bytes) {
    for (unsigned k = 0; k < 8; ++k) std::memcpy(at + k * kLine, codes + 4 * k, 4);
    return;
  }
  unsigned taken = 0;  // bits
  Byte* plane = at;
  if (layout.fours) {
    for (unsigned i = 0; i < kHalf; ++i)
      plane[i / 4 * kLine + i % 4] = static_cast<Byte>((codes[i] & 0xFU) | (codes[i + kHalf] & 0xFU) << 4);
    plane += 4 * kLine;
    taken = 4;
  }
  if (layout.twos) {
    for (unsigned i = 0; i < kInputs; ++i) {
      Byte& byte = plane[i / 16 * kLine + i % 4];
      byte = static_cast<Byte>(byte | (codes[i] >> taken & 3U) << (2 * (i / 4 % 4)));
    }
    plane += 2 * kLine;
    taken += 2;
  }
  if (layout.ones) {
    for (unsigned i = 0; i < kInputs; ++i)
      plane[i % 4] = static_cast<Byte>(plane[i % 4] | (codes[i] >> taken & 1U) << (i / 4));
  }
}

unsigned code_at(const BlockLayout& layout, const Byte* from, std::int64_t output, unsigned i) {
  constexpr unsigned kLine = kPanelOutputs * 4;
  const Byte* const at = from + output * 4;
  if (layout.bytes) return at[i / 4 * kLine + i % 4];
  unsigned code = 0, taken = 0;
  const Byte* plane = at;
  if (layout.fours) {
    code = plane[i % kHalf / 4 * kLine + i % 4] >> (4 * (i / kHalf)) & 0xFU;
    plane += 4 * kLine;
    taken = 4;
  }
  if (layout.twos) {
    code |= (plane[i / 16 * kLine + i % 4] >> (2 * (i / 4 % 4)) & 3U) << taken;
    plane += 2 * kLine;
    taken += 2;
  }
  if (layout.ones) code |= (plane[i % 4] >> (i / 4) & 1U) << taken;
  return code;
}

void write_half(Byte* to, std::int64_t output, std::uint16_t half) { store_little(to + 2 * output, half); }

/// Writes a group's scales, and those of its super if it is the first one of that.
void write_scales(const BlockLayout& layout, const Group& group, std::int64_t output, const Block& block, unsigned g) {
  switch (layout.scale) {
    case ScaleKind::half:
      write_half(group.scales, output, block.scale);
      if (layout.least) write_half(group.scales + 2 * kPanelOutputs, output, block.least);
      return;
    case ScaleKind::power:
      group.scales[output] = block.small_scales[0];
      return;
    case ScaleKind::super:
      break;
  }
  if (g == 0) {
    write_half(group.super, output, block.scale);
    if (layout.least) write_half(group.super + 2 * kPanelOutputs, output, block.least);
  }
  const auto halves = static_cast<unsigned>(layout.halves);
  for (unsigned h = 0; h < halves; ++h) {
    Byte* const at = group.scales + h * kPanelOutputs + output;
    at[0] = block.small_scales[g * halves + h];
    if (layout.least) at[halves * kPanelOutputs] = block.small_least[g * halves + h];
  }
}

float half_float(const Byte* from, std::int64_t output) { return float_of_half(half_at(from + 2 * output)); }

/// Returns 2^(exponent - 128).
float half_power(Byte exponent) {
  return std::bit_cast<float>(exponent < 2 ? 0x00200000U << exponent : (exponent - 1U) << 23);
}

/// The weight of a code is scale * code + least, or without `adds` scale * code.
struct Scale {
  float scale, least;
};

Scale scale_of(const BlockLayout& layout, const Group& group, std::int64_t output, unsigned half) {
  switch (layout.scale) {
    case ScaleKind::half:
      return {half_float(group.scales, output), layout.least ? half_float(group.scales + 2 * kPanelOutputs, output) : 0.0F};
    case ScaleKind::power:
      return {half_power(group.scales[output]), 0};
    case ScaleKind::super:
      break;
  }
  const auto halves = static_cast<unsigned>(layout.halves);
  const Byte* const at = group.scales + half % halves * kPanelOutputs + output;
  const float small = layout.signed_scales ? static_cast<float>(static_cast<std::int8_t>(at[0])) : static_cast<float>(at[0]);
  Scale scale{half_float(group.super, output) * small, 0};
  if (layout.least)
    scale.least = -(half_float(group.super + 2 * kPanelOutputs, output) * static_cast<float>(at[halves * kPanelOutputs]));
  return scale;
}

}  // namespace

std::int64_t block_panel_bytes(GgmlType type, std::int64_t inputs) {
  return block_layout(block_kind(type)).panel_bytes(inputs);
}

bool pack_block_panel(GgmlType type, void* panel, const void* rows, std::int64_t count, std::int64_t inputs) {
  const BlockKind kind = block_kind(type);
  const BlockLayout layout = block_layout(kind);
  const GgmlTypeFacts& facts = facts_of(type);
  const ReadBlock read = kReaders[static_cast<std::size_t>(kind)];
  LM_CHECK(inputs % facts.values == 0 && count >= 0 && count <= kPanelOutputs);
  auto* const to = static_cast<Byte*>(panel);
  std::memset(to, 0, static_cast<std::size_t>(layout.panel_bytes(inputs)));
  const auto groups = static_cast<unsigned>(facts.values) / kInputs;
  bool finite = true;
  Block block;
  const auto* at = static_cast<const Byte*>(rows);
  for (std::int64_t output = 0; output < count; ++output) {
    for (std::int64_t g = 0; g < inputs / kGroup; g += groups, at += facts.bytes) {
      read(at, block);
      finite = finite && is_finite_half(block.scale) && is_finite_half(block.least);
      for (unsigned part = 0; part < groups; ++part) {
        const Group group = group_at(layout, to, g + part, inputs / kGroup);
        write_scales(layout, group, output, block, part);
        write_codes(layout, group.codes, output, block.codes.data() + part * kInputs);
      }
    }
  }
  return finite;
}

void unpack_block_output(GgmlType type, float* y, const void* panel, std::int64_t output, std::int64_t inputs) {
  const BlockLayout layout = block_layout(block_kind(type));
  auto* const from = const_cast<Byte*>(static_cast<const Byte*>(panel));  // only read
  for (std::int64_t g = 0; g < inputs / kGroup; ++g, y += kGroup) {
    const Group group = group_at(layout, from, g, inputs / kGroup);
    for (unsigned i = 0; i < kInputs; ++i) {
      const unsigned code = code_at(layout, group.codes, output, i);
      const unsigned value = layout.table == CodeTable::none        ? code
                             : layout.table == CodeTable::nonlinear ? kNonLinearCodes[code]
                                                                    : kFourBitFloatCodes[code];
      const Scale scale = scale_of(layout, group, output, i / kHalf);
      const float product = scale.scale * static_cast<float>(static_cast<int>(value) - layout.zero);
      y[i] = layout.least ? product + scale.least : product;
    }
  }
}

}  // namespace lm
