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
/// How far ahead of the sums memory is asked for.
inline constexpr std::int64_t kAhead = 2048;

using Row = Vec<float>[kPackedVectors];

/// Adds to sums the products of x's rows, from input k on, with a step of the lines of kPanels panels.
template <class Lines, int kRows, int kPanels>
LM_INLINE void add_step(Row (&sums)[kPanels][kRows], const char* line, std::int64_t stride, Strided<const float> x,
                        std::int64_t k) {
  Row weights[kPanels][Lines::kInputs];
#pragma GCC unroll 4
  for (int p = 0; p < kPanels; ++p) {
    Lines::load(weights[p], line + p * stride);
#pragma GCC unroll 4
    for (std::int64_t ahead = 0; ahead < Lines::kBytes; ahead += 64) __builtin_prefetch(line + p * stride + kAhead + ahead);
  }
#pragma GCC unroll 2
  for (int i = 0; i < Lines::kInputs; ++i) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const float factor = x.data[r * x.stride + k + i];
#pragma GCC unroll 4
      for (int p = 0; p < kPanels; ++p) {
#pragma GCC unroll 4
        for (int v = 0; v < kPackedVectors; ++v) sums[p][r][v] += weights[p][i][v] * factor;
      }
    }
  }
}

/// Adds the products of a single input, if a step has several: one that begins or ends a part in the middle of a step.
template <class Lines, int kRows, int kPanels>
LM_INLINE void add_single(Row (&sums)[kPanels][kRows], const char* panel, std::int64_t stride, Strided<const float> x,
                          std::int64_t k) {
  for (int p = 0; p < kPanels; ++p) {
    Row weights[Lines::kInputs];
    Lines::load(weights, panel + p * stride + k / Lines::kInputs * Lines::kBytes);
    for (int r = 0; r < kRows; ++r) {
      const float factor = x.data[r * x.stride + k];
      for (int v = 0; v < kPackedVectors; ++v) sums[p][r][v] += weights[k % Lines::kInputs][v] * factor;
    }
  }
}

/// One block of sums: kRows rows and kPanels panels, of which the last has `width` columns. a begins with input `first`.
template <class Lines, int kRows, int kPanels>
void packed_block(Strided<float> c, Strided<const float> a, Strided<const char> panels, std::int64_t first,
                  std::int64_t depth, std::int64_t width, const Addends<float>& addends) {
  Row sums[kPanels][kRows] = {};
  const Strided<const float> x{a.data - first, a.stride};  // by the number of the input
  const std::int64_t end = first + depth;
  std::int64_t k = first;
  for (; k % Lines::kInputs != 0 && k < end; ++k) add_single<Lines, kRows, kPanels>(sums, panels.data, panels.stride, x, k);
  const char* line = panels.data + k / Lines::kInputs * Lines::kBytes;
  for (; k + Lines::kInputs <= end; k += Lines::kInputs, line += Lines::kBytes)
    add_step<Lines, kRows, kPanels>(sums, line, panels.stride, x, k);
  for (; k < end; ++k) add_single<Lines, kRows, kPanels>(sums, panels.data, panels.stride, x, k);
  with_addends<float>(
      addends, [&](const auto& sum) __attribute__((always_inline)) {
        for (int p = 0; p < kPanels; ++p) {
          const std::int64_t columns = p == kPanels - 1 ? width : kPackedPanel;
          for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
            for (int v = 0; v < kPackedVectors; ++v) {
              const std::int64_t column = v * kLanes<float>, left = columns - column;
              const std::int64_t count = left < kLanes<float> ? left : kLanes<float>;
              if (count <= 0) continue;
              const std::int64_t at = p * kPackedPanel + column;
              store(c.data + r * c.stride + at, sum(sums[p][r][v], r, at, count), count);
            }
          }
        }
      });
}

using PackedBlock = void (*)(Strided<float>, Strided<const float>, Strided<const char>, std::int64_t, std::int64_t,
                             std::int64_t, const Addends<float>&);

/// Returns the block for 1 .. kMostRows rows.
template <class Lines, int kRows = kMostRows>
LM_INLINE PackedBlock packed_block_of(std::int64_t rows) {
  if constexpr (kRows == 1) {
    return packed_block<Lines, 1, 1>;
  } else {
    if (rows == kRows) return packed_block<Lines, kRows, 1>;
    return packed_block_of<Lines, kRows - 1>(rows);
  }
}

/// Panel by panel, so that each is read from memory once for all rows; two at a time if one alone has too few sums to keep the
/// multipliers busy.
template <class Lines>
void packed_multiply(Strided<float> c, Strided<const float> a, Strided<const char> panels, std::int64_t first,
                     ProductShape shape, const Addends<float>& addends) {
  const EvenRows<kMostRows, 1> split(shape.m);
  std::int64_t column = 0;
  const char* panel = panels.data;
  const auto width = [&](std::int64_t at) { return shape.n - at < kPackedPanel ? shape.n - at : kPackedPanel; };
  if (shape.m == 1) {
    for (; column + kPackedPanel < shape.n; column += 2 * kPackedPanel, panel += 2 * panels.stride) {
      packed_block<Lines, 1, 2>({c.data + column, c.stride}, a, {panel, panels.stride}, first, shape.depth,
                                width(column + kPackedPanel), part_of(addends, 0, column));
    }
  }
  for (; column < shape.n; column += kPackedPanel, panel += panels.stride) {
    for (std::int64_t block = 0; block < split.blocks; ++block) {
      const std::int64_t row = split.first(block);
      packed_block_of<Lines>(split.count(block))({c.data + row * c.stride + column, c.stride},
                                                 {a.data + row * a.stride, a.stride}, {panel, panels.stride}, first,
                                                 shape.depth, width(column), part_of(addends, row, column));
    }
  }
}

template <class Lines>
std::int64_t panel_bytes(std::int64_t inputs) {
  return (inputs + Lines::kInputs - 1) / Lines::kInputs * Lines::kBytes;
}

template <class Lines>
void pack_panel(char* panel, Strided<const float> rows, std::int64_t count, std::int64_t inputs) {
  for (std::int64_t k = 0; k < panel_bytes<Lines>(inputs) / Lines::kBytes * Lines::kInputs; ++k) {
    for (std::int64_t column = 0; column < kPackedPanel; ++column) {
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
    Row weights[Lines::kInputs];
    Lines::load(weights, panel);
    for (std::int64_t i = 0; i < Lines::kInputs && k + i < inputs; ++i) {
      for (int v = 0; v < kPackedVectors; ++v) store(to + (k + i) * kPackedPanel + v * kLanes<float>, weights[i][v]);
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
  return {.bytes = panel_bytes<Lines>,
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
