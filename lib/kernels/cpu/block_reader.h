// Blocks of quantized weights taken apart: what their values are made of, for all that reads them.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

#include "base/half.h"
#include "kernels/cpu/products/blocks/layout.h"

namespace lm {

// What includes this is compiled without fused multiply-adds: values are those of two roundings, as ggml's are.

/// Codes as panels have them (BlockLayout), and scales.
struct QuantizedBlock {
  std::uint16_t scale = 0, least = 0;                                 // fp16
  std::array<unsigned char, 16> small_scales = {}, small_least = {};  // of each scale of a super's groups; [0] an exponent
  std::array<unsigned char, 256> codes = {};
};

/// Reads a block of a file, of which only the parts that its kind has are set.
using ReadBlock = void (*)(const unsigned char* block, QuantizedBlock& to);
ReadBlock block_reader(BlockKind kind);

/// A weight is scale * value of its code, plus the least value if the kind has those.
struct BlockScale {
  float scale = 0, least = 0;
};

/// Returns the scale of half a group from its parts: fp16 numbers, and what is small in a super, or an exponent.
inline BlockScale block_scale(const BlockLayout& layout, std::uint16_t scale, std::uint16_t least, unsigned char small,
                              unsigned char small_least) {
  switch (layout.scale) {
    case ScaleKind::half:
      return {float_of_half(scale), layout.least ? float_of_half(least) : 0.0F};
    case ScaleKind::power:  // 2^(exponent - 128), of which the two least are not normal
      return {std::bit_cast<float>(small < 2 ? 0x00200000U << small : (small - 1U) << 23), 0};
    case ScaleKind::super:
      break;
  }
  const float whole = layout.signed_scales ? static_cast<float>(static_cast<std::int8_t>(small)) : static_cast<float>(small);
  return {float_of_half(scale) * whole, layout.least ? -(float_of_half(least) * static_cast<float>(small_least)) : 0.0F};
}

/// Returns the weight of a code.
inline float block_weight(const BlockLayout& layout, const BlockScale& scale, unsigned code) {
  const unsigned value = layout.table == CodeTable::none        ? code
                         : layout.table == CodeTable::nonlinear ? kNonLinearCodes[code]
                                                                : kFourBitFloatCodes[code];
  const float product = scale.scale * static_cast<float>(static_cast<int>(value) - layout.zero);
  return layout.least ? product + scale.least : product;
}

}  // namespace lm
