// How the weights of a quantized matrix lie in panels, for each type of blocks: the words of kernels/packed.h, and these:
//
// group     32 inputs, which share a scale; in some types it has two halves of 16 inputs with a scale each
// super     8 groups whose scales are small whole numbers, times a 16-bit scale of the super's own
//
// A panel is 16 outputs: first the scales of all groups, then, from a line of the cache on, the codes of all groups. Of each group:
//
//   [16] fp16       scales, then [16] fp16 least values          types without supers; or
//   [16] exponents  of powers of two; or
//   [halves][16]    small scales, then [halves][16] of least values; and of each super before its groups:
//                   [16] fp16 scales of the super, then [16] fp16 scales of its least values
//
//   [4][16][4]      four bits: of inputs 4k..4k+3 in the lower half of a byte, of inputs 16+4k.. in the upper
//   [2][16][4]      two bits: of inputs 16h+4k.., from bit 2k on
//   [16][4]         one bit: of inputs 4k.., bit k
//   [8][16][4]      or whole bytes instead of these
//
// The bits of an input's code are, from the lowest, its four, two and one, as far as the type has them. The weight is
// scale * (code - zero), or scale * (table[code]), minus or plus the least value.
//
// Included by files that are compiled for a tier: nothing of the standard library but integer types.
#pragma once

#include <cstdint>

namespace lm {

enum class BlockKind { q8_0, q4_0, q4_1, q5_0, q5_1, q2_k, q3_k, q4_k, q5_k, q6_k, iq4_nl, iq4_xs, mxfp4 };
inline constexpr int kBlockKinds = 13;

inline constexpr std::int64_t kGroup = 32, kSuper = 8, kPanelOutputs = 16;

enum class CodeTable { none, nonlinear, four_bit_floats };
enum class ScaleKind { half, power, super };

struct BlockLayout {
  bool bytes = false, fours = false, twos = false, ones = false;
  int zero = 0;
  CodeTable table = CodeTable::none;
  ScaleKind scale = ScaleKind::half;
  int halves = 1;              // scales of a group, if they are of a super
  bool signed_scales = false;  // of a super
  bool least = false;          // has least values: added in types without supers, subtracted in the others

  constexpr std::int64_t code_bytes() const {
    return bytes ? kGroup * kPanelOutputs
                 : (fours ? kGroup * kPanelOutputs / 2 : 0) + (twos ? kGroup * kPanelOutputs / 4 : 0) +
                       (ones ? kGroup * kPanelOutputs / 8 : 0);
  }
  constexpr std::int64_t scale_bytes() const {
    const std::int64_t each = scale == ScaleKind::half ? 2 : scale == ScaleKind::power ? 1 : halves;
    return kPanelOutputs * each * (least ? 2 : 1);
  }
  constexpr std::int64_t super_bytes() const { return scale == ScaleKind::super ? kPanelOutputs * (least ? 4 : 2) : 0; }
  constexpr std::int64_t panel_bytes(std::int64_t inputs) const {
    return codes_at(inputs / kGroup) + inputs / kGroup * code_bytes();
  }
  /// Returns where the codes begin in a panel of so many groups.
  constexpr std::int64_t codes_at(std::int64_t groups) const {
    constexpr std::int64_t kLine = 64;
    return (scales_at(groups) + kLine - 1) / kLine * kLine;
  }
  /// Returns where the scales of a group begin, or of its super if it is the first one of that.
  constexpr std::int64_t scales_at(std::int64_t group) const {
    return group * scale_bytes() + group / kSuper * super_bytes();
  }
};

constexpr BlockLayout block_layout(BlockKind kind) {
  switch (kind) {
    case BlockKind::q8_0:
      return {.bytes = true, .zero = 128};
    case BlockKind::q4_0:
      return {.fours = true, .zero = 8};
    case BlockKind::q4_1:
      return {.fours = true, .least = true};
    case BlockKind::q5_0:
      return {.fours = true, .ones = true, .zero = 16};
    case BlockKind::q5_1:
      return {.fours = true, .ones = true, .least = true};
    case BlockKind::q2_k:
      return {.twos = true, .scale = ScaleKind::super, .halves = 2, .least = true};
    case BlockKind::q3_k:
      return {.twos = true, .ones = true, .zero = 4, .scale = ScaleKind::super, .halves = 2, .signed_scales = true};
    case BlockKind::q4_k:
      return {.fours = true, .scale = ScaleKind::super, .least = true};
    case BlockKind::q5_k:
      return {.fours = true, .ones = true, .scale = ScaleKind::super, .least = true};
    case BlockKind::q6_k:
      return {.fours = true, .twos = true, .zero = 32, .scale = ScaleKind::super, .halves = 2, .signed_scales = true};
    case BlockKind::iq4_nl:
      return {.fours = true, .zero = 128, .table = CodeTable::nonlinear};
    case BlockKind::iq4_xs:
      return {.fours = true, .zero = 128, .table = CodeTable::nonlinear, .scale = ScaleKind::super, .signed_scales = true};
    case BlockKind::mxfp4:
      return {.fours = true, .zero = 128, .table = CodeTable::four_bit_floats, .scale = ScaleKind::power};
  }
  return {};
}

// The values of four-bit codes, more by 128; those of four-bit floats doubled, which their scales make good.
inline constexpr std::uint8_t kNonLinearCodes[16] = {1,   24,  45,  63,  79,  93,  106, 118,
                                                     129, 141, 153, 166, 181, 197, 217, 241};
inline constexpr std::uint8_t kFourBitFloatCodes[16] = {128, 129, 130, 131, 132, 134, 136, 140,
                                                        128, 127, 126, 125, 124, 122, 120, 116};

/// Rows of floats as products with quantized weights read them: by groups of 32 numbers, each a whole number from -127 to 127
/// times the group's scale, which takes the largest magnitude to 127.
struct QuantizedRows {
  std::int8_t* codes;   // (rows, inputs)
  float* scales;        // (rows, groups)
  std::int32_t* sums;   // (rows, groups, 2): of the codes of each half
  float* scaled_sums;   // (rows, groups, 2): these times the scale
  std::int64_t groups;  // of a row

  QuantizedRows from(std::int64_t row) const {
    return {codes + row * groups * kGroup, scales + row * groups, sums + row * groups * 2, scaled_sums + row * groups * 2,
            groups};
  }
};

/// The kernels of one instruction set.
struct BlockKernels {
  /// Quantizes one row of `groups` groups. Of a group that is not finite the scale is no number.
  void (*quantize)(const QuantizedRows& to, const float* x);
  /// y = x * weight^T + bias for the `columns` outputs of one panel; bias may be null.
  void (*multiply[kBlockKinds])(float* y, std::int64_t y_stride, const QuantizedRows& x, std::int64_t rows,
                                const char* panel, std::int64_t columns, const float* bias);
};

}  // namespace lm
