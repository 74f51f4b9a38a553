// Products of quantized rows with panels of quantized weights, written once for every instruction set. Sums of whole numbers are
// exact, and of the few floating-point operations on them, which are written below, none is fused (-ffp-contract=off): so the
// bits are the same on every machine. Of one output, group by group:
//
//   dot = sum of (code - zero) * x's code                            of each half of a group, if these have scales
//   without supers:   y += scale * (dot * x's scale);                y += least * (x's sum * x's scale)
//   with supers:      s += (small scale * dot [+ that of the second half]) * x's scale;
//                     m += small least * (x's sum * x's scale)       of each half
//                     at the super's end y += scale * s; y -= scale of least values * m
//
// Then the bias is added. An instruction set is a class:
//
//   Bytes, Integers, Floats   vectors of kOutputs outputs: four codes each, a sum, a number
//   load(p), and_each(v, byte), shift_left<n>(v), shift_right<n>(v) (in 16-bit units), or_each(a, b), look_up(table, v)
//   broadcast_codes(four), dot(sum, codes, x): codes up to 255 (kWide) or 127, x signed
//   flip_signs(v), dot_signed(sum, codes, x): unless kWide
//   zero(), broadcast_sum(sum), add(a, b), floats_of(v), multiply(a, b), subtract(a, b), broadcast(float)
//   halves_at(p), powers_at(p), signed_at(p), unsigned_at(p), floats_at(p): kOutputs of them as floats; store(p, v)
#pragma once

#include <cstdint>

#include "kernels/cpu/products/blocks/layout.h"

#if defined(__x86_64__) && !defined(LM_BLOCKS_portable)
#if !defined(__clang__)
// GCC 12's own AVX-512 headers raise false alarms for registers whose content does not matter.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>
#endif

#define LM_INLINE __attribute__((always_inline)) inline

namespace lm::LM_BLOCKS {
namespace {

inline constexpr std::int64_t kAhead = 2048;  // bytes that are asked for before they are read

/// Loads or makes the codes of a group: those of inputs 4k.. for every k.
template <class Set, BlockLayout layout>
LM_INLINE void load_codes(typename Set::Bytes (&codes)[8], const char* p) {
  constexpr std::int64_t kLine = kPanelOutputs * 4;
  if constexpr (layout.bytes) {
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) codes[k] = Set::load(p + k * kLine);
  }
  if constexpr (layout.fours) {
#pragma GCC unroll 4
    for (int k = 0; k < 4; ++k) {
      const typename Set::Bytes both = Set::load(p + k * kLine);
      codes[k] = Set::and_each(both, 15);
      codes[k + 4] = Set::and_each(Set::template shift_right<4>(both), 15);
    }
    p += 4 * kLine;
  }
  if constexpr (layout.twos) {
    const auto part = [&](int k, auto shifted) {
      const typename Set::Bytes two = Set::and_each(shifted, 3);
      codes[k] = layout.fours ? Set::or_each(codes[k], Set::template shift_left<4>(two)) : two;
    };
#pragma GCC unroll 2
    for (int h = 0; h < 2; ++h, p += kLine) {
      const typename Set::Bytes four = Set::load(p);
      part(4 * h, four);
      part(4 * h + 1, Set::template shift_right<2>(four));
      part(4 * h + 2, Set::template shift_right<4>(four));
      part(4 * h + 3, Set::template shift_right<6>(four));
    }
  }
  if constexpr (layout.ones) {
    constexpr int kBit = (layout.fours ? 4 : 0) + (layout.twos ? 2 : 0);
    const typename Set::Bytes eight = Set::load(p);
    const auto part = [&](int k, auto shifted) {
      codes[k] = Set::or_each(codes[k], Set::template shift_left<kBit>(Set::and_each(shifted, 1)));
    };
    part(0, eight);
    part(1, Set::template shift_right<1>(eight));
    part(2, Set::template shift_right<2>(eight));
    part(3, Set::template shift_right<3>(eight));
    part(4, Set::template shift_right<4>(eight));
    part(5, Set::template shift_right<5>(eight));
    part(6, Set::template shift_right<6>(eight));
    part(7, Set::template shift_right<7>(eight));
  }
  if constexpr (layout.table != CodeTable::none) {
    const auto* table = layout.table == CodeTable::nonlinear ? kNonLinearCodes : kFourBitFloatCodes;
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) codes[k] = Set::look_up(table, codes[k]);
  }
  if constexpr (layout.zero == 128 && !Set::kWide) {
#pragma GCC unroll 8
    for (int k = 0; k < 8; ++k) codes[k] = Set::flip_signs(codes[k]);
  }
}

/// The sums of some rows and kOutputs outputs of a panel.
template <class Set, BlockLayout layout, int kRows>
struct BlockSums {
  using Floats = typename Set::Floats;
  using Integers = typename Set::Integers;
  static constexpr bool kSupers = layout.scale == ScaleKind::super;
  static constexpr bool kSigned = layout.zero == 128 && !Set::kWide;
  Floats sums[kRows];
  Floats inner[kRows], least[kRows];  // of a super

  LM_INLINE void clear() {
    for (int r = 0; r < kRows; ++r) sums[r] = inner[r] = least[r] = Set::broadcast(0.0f);
  }

  /// Returns the dot products of codes first .. end of a group.
  static LM_INLINE Floats dots(const typename Set::Bytes (&codes)[8], const std::int32_t* x, std::int32_t sum, int first,
                               int end) {
    Integers even = kSigned || layout.zero == 0 ? Set::zero() : Set::broadcast_sum(-layout.zero * sum), odd = Set::zero();
#pragma GCC unroll 4
    for (int k = first; k < end; k += 2) {
      if constexpr (kSigned) {
        even = Set::dot_signed(even, codes[k], Set::broadcast_codes(x[k]));
        odd = Set::dot_signed(odd, codes[k + 1], Set::broadcast_codes(x[k + 1]));
      } else {
        even = Set::dot(even, codes[k], Set::broadcast_codes(x[k]));
        odd = Set::dot(odd, codes[k + 1], Set::broadcast_codes(x[k + 1]));
      }
    }
    return Set::floats_of(Set::add(even, odd));
  }

  /// Adds a group, whose scales are at `scales`; both are of the first of kOutputs outputs.
  LM_INLINE void add_group(const char* scales, const typename Set::Bytes (&codes)[8], const QuantizedRows& x,
                           std::int64_t g) {
    Floats scale[2] = {}, minimum[2] = {};
    if constexpr (layout.scale == ScaleKind::half) {
      scale[0] = Set::halves_at(scales);
      if constexpr (layout.least) minimum[0] = Set::halves_at(scales + 2 * kPanelOutputs);
    } else if constexpr (layout.scale == ScaleKind::power) {
      scale[0] = Set::powers_at(scales);
    } else {
      for (int h = 0; h < layout.halves; ++h) {
        const char* at = scales + h * kPanelOutputs;
        scale[h] = layout.signed_scales ? Set::signed_at(at) : Set::unsigned_at(at);
        if constexpr (layout.least) minimum[h] = Set::unsigned_at(at + layout.halves * kPanelOutputs);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const QuantizedRows row = x.from(r);
      const auto* codes_of_x = reinterpret_cast<const std::int32_t*>(row.codes + g * kGroup);
      const std::int32_t* part_sums = row.sums + 2 * g;
      const Floats x_scale = Set::broadcast(row.scales[g]);
      if constexpr (layout.halves == 1) {
        const std::int32_t sum = part_sums[0] + part_sums[1];
        const Floats dot = dots(codes, codes_of_x, sum, 0, 8);
        Floats& total = kSupers ? inner[r] : sums[r];
        total = Set::add(total, kSupers ? Set::multiply(Set::multiply(scale[0], dot), x_scale)
                                        : Set::multiply(scale[0], Set::multiply(dot, x_scale)));
        if constexpr (layout.least) {
          Floats& rest = kSupers ? least[r] : sums[r];
          rest = Set::add(rest, Set::multiply(minimum[0], Set::broadcast(static_cast<float>(sum) * row.scales[g])));
        }
      } else {
        const Floats first = Set::multiply(scale[0], dots(codes, codes_of_x, part_sums[0], 0, 4));
        const Floats second = Set::multiply(scale[1], dots(codes, codes_of_x, part_sums[1], 4, 8));
        inner[r] = Set::add(inner[r], Set::multiply(Set::add(first, second), x_scale));
        if constexpr (layout.least) {
          least[r] = Set::add(least[r], Set::multiply(minimum[0], Set::broadcast(row.scaled_sums[2 * g])));
          least[r] = Set::add(least[r], Set::multiply(minimum[1], Set::broadcast(row.scaled_sums[2 * g + 1])));
        }
      }
    }
  }

  /// Ends a super, whose scales are at `scales`.
  LM_INLINE void end_super(const char* scales) {
    const Floats scale = Set::halves_at(scales);
    for (int r = 0; r < kRows; ++r) {
      sums[r] = Set::add(sums[r], Set::multiply(scale, inner[r]));
      inner[r] = Set::broadcast(0.0f);
      if constexpr (layout.least) {
        sums[r] = Set::subtract(sums[r], Set::multiply(Set::halves_at(scales + 2 * kPanelOutputs), least[r]));
        least[r] = Set::broadcast(0.0f);
      }
    }
  }
};

/// Multiplies kRows rows with one panel.
template <class Set, BlockLayout layout, int kRows>
void multiply_block(float* y, std::int64_t y_stride, const QuantizedRows& x, const char* panel, std::int64_t columns,
                    const float* bias) {
  constexpr std::int64_t kParts = kPanelOutputs / Set::kOutputs;
  constexpr std::int64_t kBytesOfScale = layout.scale == ScaleKind::half ? 2 : 1;
  BlockSums<Set, layout, kRows> parts[kParts];
  for (std::int64_t p = 0; p < kParts; ++p) parts[p].clear();
  const char* scales = panel;
  const char* super = panel;
  const char* lines = panel + layout.codes_at(x.groups);
  for (std::int64_t g = 0; g < x.groups; ++g, scales += layout.scale_bytes(), lines += layout.code_bytes()) {
    if constexpr (layout.scale == ScaleKind::super) {
      if (g % kSuper == 0) {
        super = scales;
        scales += layout.super_bytes();
      }
    }
    for (std::int64_t ahead = 0; ahead < layout.code_bytes(); ahead += 64) __builtin_prefetch(lines + kAhead + ahead);
#pragma GCC unroll 2
    for (std::int64_t p = 0; p < kParts; ++p) {
      typename Set::Bytes codes[8];
      load_codes<Set, layout>(codes, lines + p * Set::kOutputs * 4);
      parts[p].add_group(scales + p * Set::kOutputs * kBytesOfScale, codes, x, g);
      if constexpr (layout.scale == ScaleKind::super) {
        if (g % kSuper == kSuper - 1) parts[p].end_super(super + p * Set::kOutputs * 2);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    if (columns == kPanelOutputs) {
      for (std::int64_t p = 0; p < kParts; ++p) {
        const std::int64_t o = p * Set::kOutputs;
        const typename Set::Floats sums = parts[p].sums[r];
        Set::store(y + r * y_stride + o, bias != nullptr ? Set::add(sums, Set::floats_at(bias + o)) : sums);
      }
      continue;
    }
    alignas(64) float results[kPanelOutputs];
    for (std::int64_t p = 0; p < kParts; ++p) Set::store(results + p * Set::kOutputs, parts[p].sums[r]);
    float* to = y + r * y_stride;
    for (std::int64_t o = 0; o < columns; ++o) to[o] = bias != nullptr ? results[o] + bias[o] : results[o];
  }
}

/// Multiplies any number of rows with one panel: as many at a time as have room in registers.
template <class Set, BlockKind kind>
void multiply_panel(float* y, std::int64_t y_stride, const QuantizedRows& x, std::int64_t rows, const char* panel,
                    std::int64_t columns, const float* bias) {
  constexpr BlockLayout kLayout = block_layout(kind);
  std::int64_t r = 0;
  for (; r + Set::kMostRows <= rows; r += Set::kMostRows)
    multiply_block<Set, kLayout, Set::kMostRows>(y + r * y_stride, y_stride, x.from(r), panel, columns, bias);
  if (Set::kMostRows > 4 && r + 4 <= rows) {
    multiply_block<Set, kLayout, 4>(y + r * y_stride, y_stride, x.from(r), panel, columns, bias);
    r += 4;
  }
  if (r + 2 <= rows) {
    multiply_block<Set, kLayout, 2>(y + r * y_stride, y_stride, x.from(r), panel, columns, bias);
    r += 2;
  }
  if (r < rows) multiply_block<Set, kLayout, 1>(y + r * y_stride, y_stride, x.from(r), panel, columns, bias);
}

/// Quantizes a row in loops that a compiler turns into vectors.
inline void quantize_row(const QuantizedRows& to, const float* x) {
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: what is added to it is rounded to a whole number, to even
  for (std::int64_t g = 0; g < to.groups; ++g, x += kGroup) {
    std::int32_t bits[kGroup], largest_bits = 0;
    __builtin_memcpy(bits, x, sizeof(bits));
    for (std::int64_t i = 0; i < kGroup; ++i) {
      const std::int32_t magnitude = bits[i] & 0x7fffffff;
      largest_bits = magnitude > largest_bits ? magnitude : largest_bits;
    }
    float largest;
    __builtin_memcpy(&largest, &largest_bits, sizeof(largest));
    const bool finite = largest_bits < 0x7f800000, zero = largest < 1e-30f;
    const float inverse = finite && !zero ? 127.0f / largest : 0.0f;
    std::int32_t sums[2] = {0, 0};
    std::int8_t* codes = to.codes + g * kGroup;
    for (int half = 0; half < 2; ++half) {
      for (std::int64_t i = half * kGroup / 2; i < (half + 1) * kGroup / 2; ++i) {
        const float scaled = finite ? x[i] * inverse : 0.0f;
        const float rounded = (scaled + kRound) - kRound;
        const auto code = static_cast<std::int32_t>(rounded);
        codes[i] = static_cast<std::int8_t>(code);
        sums[half] += code;
      }
    }
    const float scale = finite ? (zero ? 0.0f : largest / 127.0f) : __builtin_nanf("");
    to.scales[g] = scale;
    for (int half = 0; half < 2; ++half) {
      to.sums[2 * g + half] = sums[half];
      to.scaled_sums[2 * g + half] = static_cast<float>(sums[half]) * scale;
    }
  }
}

template <class Set>
constexpr BlockKernels block_kernels_of() {
  return {.quantize = quantize_row,
          .multiply = {multiply_panel<Set, BlockKind::q8_0>, multiply_panel<Set, BlockKind::q4_0>,
                       multiply_panel<Set, BlockKind::q4_1>, multiply_panel<Set, BlockKind::q5_0>,
                       multiply_panel<Set, BlockKind::q5_1>, multiply_panel<Set, BlockKind::q2_k>,
                       multiply_panel<Set, BlockKind::q3_k>, multiply_panel<Set, BlockKind::q4_k>,
                       multiply_panel<Set, BlockKind::q5_k>, multiply_panel<Set, BlockKind::q6_k>,
                       multiply_panel<Set, BlockKind::iq4_nl>, multiply_panel<Set, BlockKind::iq4_xs>,
                       multiply_panel<Set, BlockKind::mxfp4>}};
}

}  // namespace
}  // namespace lm::LM_BLOCKS
