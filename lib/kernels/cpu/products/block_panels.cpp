#include "kernels/cpu/products/block_panels.h"

#include <cstring>

#include "base/error.h"
#include "base/little_endian.h"
#include "kernels/cpu/block_reader.h"
#include "kernels/cpu/products/block_kernels.h"
#include "kernels/cpu/products/blocks/layout.h"

namespace lm {

namespace {

using Byte = unsigned char;
constexpr unsigned kInputs = 32, kHalf = 16;  // of a group, and of half a group

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
void write_scales(const BlockLayout& layout, const Group& group, std::int64_t output, const QuantizedBlock& block,
                  unsigned g) {
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

BlockScale scale_of(const BlockLayout& layout, const Group& group, std::int64_t output, unsigned half) {
  const auto half_at = [&](const Byte* scales) { return load_little<std::uint16_t>(scales + 2 * output); };
  if (layout.scale == ScaleKind::power) return block_scale(layout, 0, 0, group.scales[output], 0);
  const Byte* const halves = layout.scale == ScaleKind::super ? group.super : group.scales;
  const std::uint16_t scale = half_at(halves), least = layout.least ? half_at(halves + 2 * kPanelOutputs) : std::uint16_t{0};
  if (layout.scale == ScaleKind::half) return block_scale(layout, scale, least, 0, 0);
  const auto small_scales = static_cast<unsigned>(layout.halves);
  const Byte* const small = group.scales + half % small_scales * kPanelOutputs + output;
  return block_scale(layout, scale, least, small[0], layout.least ? small[small_scales * kPanelOutputs] : Byte{0});
}

}  // namespace

std::int64_t block_panel_bytes(GgmlType type, std::int64_t inputs) {
  return block_layout(block_kind(type)).panel_bytes(inputs);
}

bool pack_block_panel(GgmlType type, void* panel, const void* rows, std::int64_t count, std::int64_t inputs) {
  const BlockKind kind = block_kind(type);
  const BlockLayout layout = block_layout(kind);
  const GgmlTypeFacts& facts = facts_of(type);
  const ReadBlock read = block_reader(kind);
  LM_CHECK(inputs % facts.values == 0 && count >= 0 && count <= kPanelOutputs);
  auto* const to = static_cast<Byte*>(panel);
  std::memset(to, 0, static_cast<std::size_t>(layout.panel_bytes(inputs)));
  const auto groups = static_cast<unsigned>(facts.values) / kInputs;
  bool finite = true;
  QuantizedBlock block;
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
    for (unsigned i = 0; i < kInputs; ++i)
      y[i] = block_weight(layout, scale_of(layout, group, output, i / kHalf), code_at(layout, group.codes, output, i));
  }
}

}  // namespace lm
