// Products with 16-bit factors, written once for both formats, each of which includes this in a file of its own.
//
// See products/product.h for the words. A step is one unit of depth. A panel is [step][two vectors]. The left factor is read
// from rows of units, or from packed blocks [step][kUnits] if its rows are columns in memory.
#pragma once

#include "kernels/cpu/products/half_kernels.h"
#include "kernels/cpu/products/simd/addends.h"
#include "kernels/cpu/products/simd/prefetcher.h"
#include "kernels/cpu/products/simd/row_split.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

inline constexpr int kRows = 14;
inline constexpr int kVectors = 2;
/// 32-bit units of a vector.
inline constexpr std::int64_t kUnits = 16;
/// Blocks of rows that use a panel while it is in the first-level cache.
inline constexpr std::int64_t kPassBlocks = 6;
inline constexpr std::int64_t kPanelUnits = kVectors * kUnits;

// The parameter F of the templates is a format (product_bf16.cpp, product_fp16.cpp), a struct of static members:
//
//   kDepth                                numbers along depth in a unit
//   kLongestSum                           steps after which sums are added to fp32
//   Vector, Sum                           registers of kUnits units, and of the sums by them
//   load(units)                           reads a vector of a panel
//   broadcast_unit(unit)                  repeats a unit of the left factor
//   multiply_add(sum, a, b)               returns sum + a * b
//   store_sums(c, sums, columns, scale, add)
//                                         stores add(scale * sums, first column, count) as fp32, so many columns
//   scale_of(x, rows, columns)            as in HalfKernels
//   round_row(x, count, scale)            rounds scale * x to a vector of units of one row
//   round_lines(lines, scale)             rounds kDepth lines of depth to a vector of units, one for each column
//   store_units(units, vector, count)     stores such a vector of the left factor
//   store_columns(panel, lines, scale)    rounds kDepth lines of kUnits columns to a vector of a panel, or half of one

/// Columns of a panel.
template <class F>
inline constexpr std::int64_t kPanel = kVectors* kUnits * 2 / F::kDepth;

template <class F>
std::int64_t steps_of(std::int64_t depth) {
  return (depth + F::kDepth - 1) / F::kDepth;
}

LM_INLINE std::int64_t at_most(std::int64_t count, std::int64_t limit) {
  return count < 0 ? 0 : count < limit ? count : limit;
}

/// Computes one block of sums. `columns`: of the last vector. Rows of a lie a_stride apart, or, in blocks, steps do.
template <class F, int kCount, int kWidth, bool kBlocks>
void micro_kernel(float* c, std::int64_t c_stride, const HalfUnit* a, std::int64_t a_stride, const HalfUnit* b,
                  std::int64_t steps, std::int64_t columns, const Addends<float>& addends, float scale) {
  typename F::Sum sums[kCount][kWidth] = {};
  for (int i = 0; i < kCount; ++i) {
#pragma GCC unroll 4
    for (std::int64_t line = 0; line < kWidth * kPanel<F> / kVectors; line += kUnits)
      prefetch_block(c, c_stride, addends, i, line);
  }
#pragma GCC unroll 4
  for (std::int64_t step = 0; step < steps; ++step) {
    typename F::Vector factors[kWidth];
#pragma GCC unroll 4
    for (int v = 0; v < kWidth; ++v) factors[v] = F::load(b + v * kUnits);
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i) {
      const typename F::Vector factor = F::broadcast_unit(kBlocks ? a[i] : a[i * a_stride]);
#pragma GCC unroll 4
      for (int v = 0; v < kWidth; ++v) sums[i][v] = F::multiply_add(sums[i][v], factor, factors[v]);
    }
    b += kPanelUnits;
    a += kBlocks ? a_stride : 1;
  }
  with_addends<float>(
      addends, [&](const auto& sum) __attribute__((always_inline)) {
#pragma GCC unroll 16
        for (int i = 0; i < kCount; ++i) {
#pragma GCC unroll 4
          for (int v = 0; v < kWidth; ++v) {
            const std::int64_t whole = kPanel<F> / kVectors, column = v * whole;
            F::store_sums(
                c + i * c_stride + column, sums[i][v], v == kWidth - 1 ? columns : whole,
                scale, [&](Vec<float> values, std::int64_t first, std::int64_t count) __attribute__((always_inline)) {
                  return sum(values, i, column + first, count);
                });
          }
        }
      });
}

template <class F>
using MicroKernel = void (*)(float*, std::int64_t, const HalfUnit*, std::int64_t, const HalfUnit*, std::int64_t,
                             std::int64_t, const Addends<float>&, float);

/// Returns the micro-kernel for 1 .. kRows rows.
template <class F, int kWidth, bool kBlocks, int kCount = kRows>
LM_INLINE MicroKernel<F> micro_kernel_of(std::int64_t rows) {
  if constexpr (kCount == 1) {
    return micro_kernel<F, 1, kWidth, kBlocks>;
  } else {
    if (rows == kCount) return micro_kernel<F, kCount, kWidth, kBlocks>;
    return micro_kernel_of<F, kWidth, kBlocks, kCount - 1>(rows);
  }
}

using RowSplit = EvenRows<kRows, kPassBlocks>;

/// c = scale * a b + addends, panel by panel and block by block.
template <class F, bool kBlocks>
void multiply_panels(Strided<float> c, Strided<const HalfUnit> a, Strided<const std::uint16_t> panels, ProductShape shape,
                     const Addends<float>& addends, float scale, const ReadNext& next) {
  const std::int64_t n = shape.n, steps = steps_of<F>(shape.depth), vector = kPanel<F> / kVectors;
  const RowSplit split(shape.m);
  const std::int64_t pass_blocks = split.pass_blocks();
  Prefetcher prefetcher(next, split.blocks * ((n + kPanel<F> - 1) / kPanel<F>));
  for (std::int64_t pass = 0; pass < split.blocks; pass += pass_blocks) {
    const std::int64_t pass_end = pass + at_most(split.blocks - pass, pass_blocks);
    const std::uint16_t* panel = panels.data;
    for (std::int64_t column = 0; column < n; column += kPanel<F>, panel += panels.stride) {
      const std::int64_t width = at_most(n - column, kPanel<F>);
      const bool two = width > vector;
      const std::int64_t last = two ? width - vector : width;
      const auto* b = reinterpret_cast<const HalfUnit*>(panel);
      for (std::int64_t block = pass; block < pass_end; ++block) {
        const std::int64_t row = split.first(block), count = split.count(block);
        const auto kernel = two ? micro_kernel_of<F, 2, kBlocks>(count) : micro_kernel_of<F, 1, kBlocks>(count);
        const HalfUnit* rows = kBlocks ? a.data + block * steps * kUnits : a.data + row * a.stride;
        for (std::int64_t step = 0; step < steps; step += F::kLongestSum) {
          kernel(c.data + row * c.stride + column, c.stride, rows + (kBlocks ? step * kUnits : step),
                 kBlocks ? kUnits : a.stride, b + step * kPanelUnits, at_most(steps - step, F::kLongestSum), last,
                 part_of(step > 0 ? Addends<float>{c.data, c.stride} : addends, row, column), scale);
        }
        prefetcher.fetch_some();
      }
    }
  }
}

template <class F>
void multiply(Strided<float> c, Strided<const HalfUnit> a, Strided<const std::uint16_t> panels, ProductShape shape,
              const Addends<float>& addends, float scale, const ReadNext& next) {
  if (a.stride == 0) {
    multiply_panels<F, true>(c, a, panels, shape, addends, scale, next);
  } else {
    multiply_panels<F, false>(c, a, panels, shape, addends, scale, next);
  }
}

/// Loads 16 by 16 elements of b, of which `lines` by `columns` are there: square[i] holds line i of depth.
LM_INLINE void load_square(Vec<float> (&square)[kUnits], const float* b, std::int64_t stride, bool transposed,
                           std::int64_t lines, std::int64_t columns) {
  const std::int64_t there = transposed ? columns : lines, width = transposed ? lines : columns;
#pragma GCC unroll 16
  for (std::int64_t i = 0; i < kUnits; ++i) square[i] = i < there ? load(b + i * stride, width) : Vec<float>{};
  if (transposed) transpose<float>(square);
}

/// Packs columns [column, column + 16) and lines [k, k + 16) of b (depth, n) into their places in the panels.
template <class F, bool kTransposed>
void pack_square(std::uint16_t* packed, Strided<const float> b, std::int64_t depth, std::int64_t n, float scale,
                 std::int64_t column, std::int64_t k) {
  const std::int64_t steps = steps_of<F>(depth), columns = at_most(n - column, kUnits), lines = at_most(depth - k, kUnits);
  const float* first = kTransposed ? b.data + column * b.stride + k : b.data + k * b.stride + column;
  std::uint16_t* to = packed + column / kPanel<F> * steps * kPanelUnits * 2 + column % kPanel<F> * F::kDepth;
  to += k / F::kDepth * kPanelUnits * 2;
  Vec<float> square[kUnits];
  if (lines == kUnits && columns == kUnits) {
    load_square(square, first, b.stride, kTransposed, kUnits, kUnits);
#pragma GCC unroll 16
    for (std::int64_t i = 0; i < kUnits; i += F::kDepth)
      F::store_columns(to + i / F::kDepth * kPanelUnits * 2, square + i, scale);
    return;
  }
  load_square(square, first, b.stride, kTransposed, lines, columns);
  for (std::int64_t i = 0; i < lines; i += F::kDepth)
    F::store_columns(to + i / F::kDepth * kPanelUnits * 2, square + i, scale);
}

template <class F>
void pack_panels(std::uint16_t* packed, Operand<float> b, std::int64_t depth, std::int64_t n, float scale) {
  const Strided<const float> from{b.data, b.stride};
  const std::int64_t width = (n + kPanel<F> - 1) / kPanel<F> * kPanel<F>;
  if (b.transposed) {
    for (std::int64_t column = 0; column < width; column += kUnits) {
      for (std::int64_t k = 0; k < depth; k += kUnits) pack_square<F, true>(packed, from, depth, n, scale, column, k);
    }
    return;
  }
  for (std::int64_t k = 0; k < depth; k += kUnits) {
    for (std::int64_t column = 0; column < width; column += kUnits)
      pack_square<F, false>(packed, from, depth, n, scale, column, k);
  }
}

template <class F>
void pack_weight(std::uint16_t* across, std::uint16_t* along, Strided<const float> weight, std::int64_t outputs,
                 std::int64_t inputs, std::int64_t first, std::int64_t end) {
  const std::int64_t width = (inputs + kPanel<F> - 1) / kPanel<F> * kPanel<F>;
  for (std::int64_t o = first; o < end; o += kUnits) {
    for (std::int64_t i = 0; i < width; i += kUnits) {
      pack_square<F, true>(across, weight, inputs, outputs, 1, o, i);
      pack_square<F, false>(along, weight, outputs, inputs, 1, i, o);
    }
  }
}

template <class F>
void pack_rows(Strided<HalfUnit> packed_rows, Strided<const float> rows, std::int64_t m, std::int64_t depth, float scale) {
  HalfUnit* packed = packed_rows.data;
  const float* a = rows.data;
  for (std::int64_t row = 0; row < m; ++row, packed += packed_rows.stride, a += rows.stride) {
    for (std::int64_t k = 0; k < depth; k += kUnits * F::kDepth) {
      const std::int64_t count = at_most(depth - k, kUnits * F::kDepth);
      F::store_units(packed + k / F::kDepth, F::round_row(a + k, count, scale), steps_of<F>(count));
    }
  }
}

template <class F>
std::int64_t block_units(std::int64_t m, std::int64_t depth) {
  return RowSplit(m).blocks * steps_of<F>(depth) * kUnits;
}

/// Lines of a that are packed together: so few that those a power of two apart stay in the first-level cache.
inline constexpr std::int64_t kPackedLines = 8;

template <class F>
void pack_blocks(HalfUnit* packed, Strided<const float> a, std::int64_t m, std::int64_t depth, float scale) {
  const std::int64_t steps = steps_of<F>(depth);
  const RowSplit split(m);
  for (std::int64_t k = 0; k < depth; k += kPackedLines) {
    HalfUnit* to = packed + k / F::kDepth * kUnits;
    for (std::int64_t block = 0; block < split.blocks; ++block, to += steps * kUnits) {
      const std::int64_t row = split.first(block), count = split.count(block);
      for (std::int64_t i = 0; i < kPackedLines && k + i < depth; i += F::kDepth) {
        Vec<float> lines[F::kDepth];
        for (std::int64_t l = 0; l < F::kDepth; ++l)
          lines[l] = k + i + l < depth ? load(a.data + (k + i + l) * a.stride + row, count) : Vec<float>{};
        F::store_units(to + i / F::kDepth * kUnits, F::round_lines(lines, scale), kUnits);
      }
    }
  }
}

template <class F>
HalfKernels make_half_kernels() {
  return {.panel = kPanel<F>,
          .unit_depth = F::kDepth,
          .scale_of = F::scale_of,
          .pack_panels = pack_panels<F>,
          .pack_weight = pack_weight<F>,
          .pack_rows = pack_rows<F>,
          .pack_blocks = pack_blocks<F>,
          .block_units = block_units<F>,
          .multiply = multiply<F>};
}

}  // namespace
}  // namespace lm::LM_TIER
