// Products of one tile with 16-bit factors and fp32 sums, and the packing of their factors: a table for each format. See
// product.h for the words.
#pragma once

#include <cstdint>

#include "kernels/cpu/products/product.h"
#include "kernels/precision.h"

namespace lm {

/// What a micro-kernel broadcasts from its left factor: two neighbours along depth in bf16, one number twice in fp16.
using HalfUnit = std::uint32_t;

/// Depths that are not a multiple of `unit_depth` are padded with zeros.
struct HalfKernels {
  std::int64_t panel;       // columns of a panel
  std::int64_t unit_depth;  // lines of depth in one unit

  /// Returns a power of two that brings the largest of x (rows, columns) near 1 if the format's range needs that; else 1.
  float (*scale_of)(Strided<const float> x, std::int64_t rows, std::int64_t columns);
  /// Packs scale * b (depth, n) into panels of padded depth * panel halves.
  void (*pack_panels)(std::uint16_t* packed, Operand<float> b, std::int64_t depth, std::int64_t n, float scale);
  /// Packs, of a weight (outputs, inputs) that it reads once, both the panels of its transpose, as (inputs, outputs), and
  /// its own, for outputs [first, end): whole panels, the last one padded.
  void (*pack_weight)(std::uint16_t* across, std::uint16_t* along, Strided<const float> weight, std::int64_t outputs,
                      std::int64_t inputs, std::int64_t first, std::int64_t end);
  /// Rounds scale * a (m, depth) row by row.
  void (*pack_rows)(Strided<HalfUnit> packed, Strided<const float> a, std::int64_t m, std::int64_t depth, float scale);
  /// Packs scale * a, whose transpose lies in memory as (depth, m), into blocks of block_units(m, depth).
  void (*pack_blocks)(HalfUnit* packed, Strided<const float> a, std::int64_t m, std::int64_t depth, float scale);
  std::int64_t (*block_units)(std::int64_t m, std::int64_t depth);
  /// c = scale * a b + addends, b in panels, whose `stride` is from one to the next. a: rows of units, or, if its stride is
  /// 0, what pack_blocks packed.
  void (*multiply)(Strided<float> c, Strided<const HalfUnit> a, Strided<const std::uint16_t> panels, ProductShape shape,
                   const Addends<float>& addends, float scale, const ReadNext& next);
};

/// Returns the kernels of a 16-bit precision that this CPU has.
const HalfKernels& half_kernels(Precision precision);

}  // namespace lm
