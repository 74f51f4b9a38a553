// The kernels of products with 16-bit factors and fp32 sums: one table per format.
#pragma once

#include <cstdint>

#include "kernels/cpu/simd/table.h"
#include "kernels/precision.h"

namespace lm {

/// What a micro-kernel broadcasts from its left factor: two neighbours along k in bf16, one number twice in fp16.
using HalfUnit = std::uint32_t;

/// Strides of float matrices are elements between rows. Depths that are no multiple of `unit_depth` are padded with zeros.
struct HalfKernels {
  std::int64_t panel;       // columns of a packed panel
  std::int64_t unit_depth;  // k of one unit

  /// A power of two that brings the largest of x (rows, columns) near 1, where the format's range needs that; else 1.
  float (*scale_of)(const float* x, std::int64_t stride, std::int64_t rows, std::int64_t columns);
  /// Packs scale * b (depth, n), or b transposed as it lies (n, depth), into panels of padded depth * panel halves.
  void (*pack_panels)(std::uint16_t* packed, const float* b, std::int64_t stride, bool transposed, std::int64_t depth,
                      std::int64_t n, float scale);
  /// Of a weight (outputs, inputs), read once, both the panels of its transpose, as (inputs, outputs), and its own, for
  /// outputs [first, end): whole panels, the last one padded.
  void (*pack_weight)(std::uint16_t* across, std::uint16_t* along, const float* weight, std::int64_t stride,
                      std::int64_t outputs, std::int64_t inputs, std::int64_t first, std::int64_t end);
  /// Rounds scale * a (m, depth) row by row, `units` apart.
  void (*pack_rows)(HalfUnit* packed, std::int64_t units, const float* a, std::int64_t stride, std::int64_t m,
                    std::int64_t depth, float scale);
  /// Units that pack_blocks writes.
  std::int64_t (*block_units)(std::int64_t m, std::int64_t depth);
  /// Packs scale * a, whose transpose lies in memory as (depth, m), into blocks of rows.
  void (*pack_blocks)(HalfUnit* packed, const float* a, std::int64_t stride, std::int64_t m, std::int64_t depth,
                      float scale);
  /// c (m, n) = scale * a b + addends. units: between the rows of a, or 0 where pack_blocks packed it.
  void (*multiply)(float* c, std::int64_t c_stride, const HalfUnit* a, std::int64_t units, const std::uint16_t* panels,
                   std::int64_t panel_stride, std::int64_t m, std::int64_t n, std::int64_t depth,
                   const Addends<float>& addends, float scale, const ReadNext& next);
};

/// The kernels of a 16-bit precision that this CPU has.
const HalfKernels& half_kernels(Precision precision);

}  // namespace lm
