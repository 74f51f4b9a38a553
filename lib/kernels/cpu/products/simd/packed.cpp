#include "kernels/cpu/products/simd/packed.h"

#include "kernels/cpu/products/simd/addends.h"
#include "kernels/cpu/products/simd/gemm.h"
#include "kernels/cpu/products/simd/packed_lines.h"
#include "kernels/cpu/products/simd/row_split.h"
#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

// Rows whose sums fit the registers beside a line of weights.
#if defined(LM_TIER_avx512)
inline constexpr int kMostRows = 8;
#else
inline constexpr int kMostRows = 4;
#endif
// Rows for which this is so with twice as many columns, too.
inline constexpr int kFewRows = kMostRows / 2;
/// Sums, or weights, of the columns that a block of sums computes in one panel.
template <int kVectors>
using Columns = Vec<float>[kVectors];

/// A block of sums: kRows rows, and kVectors vectors of columns in each of kPanels panels.
template <class Lines, int kRows, int kPanels, int kVectors>
struct Block {
  Columns<kVectors> sums[kPanels][kRows] = {};

  /// Adds the products of x's rows, from input k on, with a step's lines, which are `stride` bytes apart.
  LM_INLINE void add_step(const char* line, std::int64_t stride, Strided<const float> x, std::int64_t k) {
    Columns<kVectors> weights[kPanels][Lines::kInputs];
#pragma GCC unroll 4
    for (int p = 0; p < kPanels; ++p) Lines::load(weights[p], line + p * stride);
#pragma GCC unroll 2
    for (int i = 0; i < Lines::kInputs; ++i) {
#pragma GCC unroll 8
      for (int r = 0; r < kRows; ++r) {
        const float factor = x.data[r * x.stride + k + i];
#pragma GCC unroll 4
        for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v) sums[p][r][v] += weights[p][i][v] * factor;
        }
      }
    }
  }

  /// Adds the products of a single input, if a step has several: one that begins or ends a part in the middle of a step.
  LM_INLINE void add_single(const char* panel, std::int64_t stride, Strided<const float> x, std::int64_t k) {
    for (int p = 0; p < kPanels; ++p) {
      Columns<kVectors> weights[Lines::kInputs];
      Lines::load(weights, panel + p * stride + k / Lines::kInputs * Lines::kBytes);
      for (int r = 0; r < kRows; ++r) {
        const float factor = x.data[r * x.stride + k];
        for (int v = 0; v < kVectors; ++v) sums[p][r][v] += weights[k % Lines::kInputs][v] * factor;
      }
    }
  }

  /// Stores `columns` columns, with what is added to them.
  LM_INLINE void store_all(Strided<float> c, std::int64_t columns, const Addends<float>& addends) const {
    with_addends<float>(
        addends, [&](const auto& sum) __attribute__((always_inline)) {
          for (int p = 0; p < kPanels; ++p) {
            for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
              for (int v = 0; v < kVectors; ++v) {
                const std::int64_t at = (p * kVectors + v) * kLanes<float>, left = columns - at;
                const std::int64_t count = left < kLanes<float> ? left : kLanes<float>;
                if (count > 0) store(c.data + r * c.stride + at, sum(sums[p][r][v], r, at, count), count);
              }
            }
          }
        });
  }
};

/// Computes a block of sums of `columns` columns at most; a begins with input `first`.
template <class Lines, int kRows, int kPanels, int kVectors>
void packed_block(Strided<float> c, Strided<const float> a, Strided<const char> panels, std::int64_t first,
                  std::int64_t depth, std::int64_t columns, const Addends<float>& addends) {
  Block<Lines, kRows, kPanels, kVectors> block;
  const Strided<const float> x{a.data - first, a.stride};  // by the number of the input
  const std::int64_t end = first + depth;
  std::int64_t k = first;
  for (; k % Lines::kInputs != 0 && k < end; ++k) block.add_single(panels.data, panels.stride, x, k);
  const char* line = panels.data + k / Lines::kInputs * Lines::kBytes;
  for (; k + Lines::kInputs <= end; k += Lines::kInputs, line += Lines::kBytes) block.add_step(line, panels.stride, x, k);
  for (; k < end; ++k) block.add_single(panels.data, panels.stride, x, k);
  block.store_all(c, columns, addends);
}

using PackedBlock = void (*)(Strided<float>, Strided<const float>, Strided<const char>, std::int64_t, std::int64_t,
                             std::int64_t, const Addends<float>&);

/// Returns the block for 1 .. kRows rows, and so many vectors of columns.
template <class Lines, int kVectors, int kRows>
LM_INLINE PackedBlock packed_block_of(std::int64_t rows) {
  if constexpr (kRows == 1) {
    return packed_block<Lines, 1, 1, kVectors>;
  } else {
    if (rows == kRows) return packed_block<Lines, kRows, 1, kVectors>;
    return packed_block_of<Lines, kVectors, kRows - 1>(rows);
  }
}

/// One row: four vectors of sums at a time, since fewer would not keep the multipliers busy.
template <class Lines>
void multiply_row(float* c, const float* a, Strided<const char> panels, std::int64_t first, ProductShape shape,
                  const Addends<float>& addends) {
  constexpr int kPanels = 2 * kGemmVectors / Lines::kVectors;
  constexpr std::int64_t kColumns = 2 * kGemmPanel;
  const char* panel = panels.data;
  for (std::int64_t column = 0; column < shape.n; column += kColumns, panel += kPanels * panels.stride) {
    const std::int64_t left = shape.n - column;
    // Of two panels the second may not be there.
    const auto block = left <= kLanes<float> * Lines::kVectors ? packed_block<Lines, 1, 1, Lines::kVectors>
                                                               : packed_block<Lines, 1, kPanels, Lines::kVectors>;
    block({c + column, 0}, {a, 0}, {panel, panels.stride}, first, shape.depth, left, part_of(addends, 0, column));
  }
}

/// Some rows with kVectors vectors of columns at a time: panel by panel, so that each is read from memory once for all rows.
template <class Lines, int kVectors, int kRows>
void multiply_rows(Strided<float> c, Strided<const float> a, Strided<const char> panels, std::int64_t first,
                   ProductShape shape, const Addends<float>& addends) {
  constexpr std::int64_t kColumns = kVectors * kLanes<float>, kPanelColumns = Lines::kVectors * kLanes<float>;
  const EvenRows<kRows, 1> split(shape.m);
  for (std::int64_t column = 0; column < shape.n; column += kColumns) {
    const char* part =
        panels.data + column / kPanelColumns * panels.stride + column % kPanelColumns / kLanes<float> * Lines::kVectorSize;
    for (std::int64_t block = 0; block < split.blocks; ++block) {
      const std::int64_t row = split.first(block);
      packed_block_of<Lines, kVectors, kRows>(split.count(block))(
          {c.data + row * c.stride + column, c.stride}, {a.data + row * a.stride, a.stride}, {part, panels.stride}, first,
          shape.depth, shape.n - column, part_of(addends, row, column));
    }
  }
}

template <class Lines>
void packed_multiply(Strided<float> c, Strided<const float> a, Strided<const char> panels, std::int64_t first,
                     ProductShape shape, const Addends<float>& addends) {
  if (shape.m == 1) return multiply_row<Lines>(c.data, a.data, panels, first, shape, addends);
  if (shape.m <= kFewRows) return multiply_rows<Lines, Lines::kVectors, kFewRows>(c, a, panels, first, shape, addends);
  multiply_rows<Lines, kGemmVectors, kMostRows>(c, a, panels, first, shape, addends);
}

template <class Lines>
std::int64_t panel_bytes(std::int64_t inputs) {
  return (inputs + Lines::kInputs - 1) / Lines::kInputs * Lines::kBytes;
}

template <class Lines>
void pack_panel(char* panel, Strided<const float> rows, std::int64_t count, std::int64_t inputs) {
  for (std::int64_t k = 0; k < panel_bytes<Lines>(inputs) / Lines::kBytes * Lines::kInputs; ++k) {
    for (std::int64_t column = 0; column < Lines::kVectors * kLanes<float>; ++column) {
      const float value = column < count && k < inputs ? rows.data[column * rows.stride + k] : 0.0f;
      Lines::set(panel + k / Lines::kInputs * Lines::kBytes, k % Lines::kInputs, column, value);
    }
  }
}

/// In fp32 panels are those of matrix products.
template <>
void pack_panel<FloatLines>(char* panel, Strided<const float> rows, std::int64_t count, std::int64_t inputs) {
  gemm_kernels<float>().pack_panels(reinterpret_cast<float*>(panel), {rows.data, rows.stride, true}, inputs, count);
}

template <class Lines>
void unpack_panel(float* to, const char* panel, std::int64_t inputs) {
  for (std::int64_t k = 0; k < inputs; k += Lines::kInputs, panel += Lines::kBytes) {
    Columns<Lines::kVectors> weights[Lines::kInputs];
    Lines::load(weights, panel);
    for (std::int64_t i = 0; i < Lines::kInputs && k + i < inputs; ++i) {
      for (int v = 0; v < Lines::kVectors; ++v) {
        float* const line = to + (v / kGemmVectors * inputs + k + i) * kGemmPanel;
        store(line + v % kGemmVectors * kLanes<float>, weights[i][v]);
      }
    }
  }
}

template <class Lines>
void unpack_column(float* y, const char* panel, std::int64_t column, std::int64_t inputs) {
  for (std::int64_t k = 0; k < inputs; ++k)
    y[k] = Lines::get(panel + k / Lines::kInputs * Lines::kBytes, k % Lines::kInputs, column);
}

template <class Lines>
constexpr PanelKernels panel_kernels() {
  return {.columns = Lines::kVectors * kLanes<float>,
          .bytes = panel_bytes<Lines>,
          .pack = pack_panel<Lines>,
          .unpack = unpack_panel<Lines>,
          .unpack_column = unpack_column<Lines>,
          .multiply = packed_multiply<Lines>};
}

}  // namespace

PackedKernels packed_kernels() {
  return {.of = {panel_kernels<FloatLines>(), panel_kernels<Bfloat16Lines>(), panel_kernels<Float16Lines>()}};
}

}  // namespace lm::LM_TIER
