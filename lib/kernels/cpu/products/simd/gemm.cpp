#include "kernels/cpu/products/simd/gemm.h"

#include "kernels/cpu/products/simd/addends.h"
#include "kernels/cpu/products/simd/prefetcher.h"
#include "kernels/cpu/products/simd/row_split.h"
#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

// Sums, one broadcast and the panel's vectors fit the tier's 32 or 16 registers.
#if defined(LM_TIER_avx512)
inline constexpr int kRows = 14;
#elif defined(LM_TIER_avx2)
inline constexpr int kRows = 6;
#else
inline constexpr int kRows = 4;
#endif
inline constexpr int kVectors = 2;
template <class T>
inline constexpr std::int64_t kPanel = kVectors* kLanes<T>;
/// Elements of one packed line of a block of rows.
template <class T>
inline constexpr std::int64_t kRowLanes = (kRows + kLanes<T> - 1) / kLanes<T>* kLanes<T>;
/// Blocks of rows that use a panel while it is in the first-level cache.
inline constexpr std::int64_t kPassBlocks = 6;
inline constexpr std::int64_t kMaxDepth = 512;
inline constexpr std::int64_t kMaxDepthTransposed = 256;
/// Lines that are packed together: so few that those a power of two apart stay in the first-level cache.
inline constexpr std::int64_t kPackedLines = 8;

/// Computes one block of sums. a(i, k) = a[i * a_stride + k], or a[k * a_stride + i] if transposed. `last`: columns in the
/// last vector.
template <class T, int kCount, int kWidth, bool kTransposed>
void micro_kernel(T* c, std::int64_t c_stride, const T* a, std::int64_t a_stride, const T* b, std::int64_t depth,
                  std::int64_t last, const Addends<T>& addends) {
  Vec<T> sums[kCount][kWidth] = {};
  for (int i = 0; i < kCount; ++i) {
#pragma GCC unroll 4
    for (int v = 0; v < kWidth; ++v) prefetch_block(c, c_stride, addends, i, v * kLanes<T>);
  }
#pragma GCC unroll 4
  for (std::int64_t k = 0; k < depth; ++k) {
    Vec<T> columns[kWidth];
#pragma GCC unroll 4
    for (int v = 0; v < kWidth; ++v) columns[v] = load(b + v * kLanes<T>);
#pragma GCC unroll 16
    for (int i = 0; i < kCount; ++i) {
      const T factor = kTransposed ? a[i] : a[i * a_stride];
#pragma GCC unroll 4
      for (int v = 0; v < kWidth; ++v) sums[i][v] += columns[v] * factor;
    }
    b += kPanel<T>;
    a += kTransposed ? a_stride : 1;
  }
  with_addends<T>(
      addends, [&](const auto& sum) __attribute__((always_inline)) {
#pragma GCC unroll 16
        for (int i = 0; i < kCount; ++i) {
#pragma GCC unroll 4
          for (int v = 0; v < kWidth; ++v) {
            const std::int64_t column = v * kLanes<T>, count = v == kWidth - 1 ? last : kLanes<T>;
            store(c + i * c_stride + column, sum(sums[i][v], i, column, count), count);
          }
        }
      });
}

template <class T>
using MicroKernel = void (*)(T*, std::int64_t, const T*, std::int64_t, const T*, std::int64_t, std::int64_t,
                             const Addends<T>&);

/// Returns the micro-kernel for 1 .. kRows rows.
template <class T, int kWidth, bool kTransposed, int kCount = kRows>
LM_INLINE MicroKernel<T> micro_kernel_of(std::int64_t rows) {
  if constexpr (kCount == 1) {
    return micro_kernel<T, 1, kWidth, kTransposed>;
  } else {
    if (rows == kCount) return micro_kernel<T, kCount, kWidth, kTransposed>;
    return micro_kernel_of<T, kWidth, kTransposed, kCount - 1>(rows);
  }
}

using RowSplit = EvenRows<kRows, kPassBlocks>;

/// How the rows of a product's left factor lie.
enum class Rows {
  as_they_are,  // a(i, k) = a[i * stride + k]
  columns,      // a(i, k) = a[k * stride + i]
  blocks        // as pack_blocks leaves them; there is no stride
};

/// c = a b + addends, panel by panel and block by block.
template <class T, Rows kFrom>
void multiply_panels(Strided<T> c, Strided<const T> a, Strided<const T> panels, ProductShape shape,
                     const Addends<T>& addends, const ReadNext& next = {}) {
  constexpr bool kTransposed = kFrom != Rows::as_they_are;
  const std::int64_t n = shape.n, depth = shape.depth;
  const RowSplit split(shape.m);
  const std::int64_t pass_blocks = split.pass_blocks();
  Prefetcher prefetcher(next, split.blocks * ((n + kPanel<T> - 1) / kPanel<T>));
  for (std::int64_t pass = 0; pass < split.blocks; pass += pass_blocks) {
    const std::int64_t pass_end = split.blocks - pass < pass_blocks ? split.blocks : pass + pass_blocks;
    const T* panel = panels.data;
    for (std::int64_t column = 0; column < n; column += kPanel<T>, panel += panels.stride) {
      const std::int64_t width = n - column < kPanel<T> ? n - column : kPanel<T>;
      const bool two = width > kLanes<T>;
      const std::int64_t last = two ? width - kLanes<T> : width;
      for (std::int64_t block = pass; block < pass_end; ++block) {
        const std::int64_t row = split.first(block), count = split.count(block);
        const auto kernel = two ? micro_kernel_of<T, 2, kTransposed>(count) : micro_kernel_of<T, 1, kTransposed>(count);
        const T* rows = kFrom == Rows::blocks    ? a.data + block * depth * kRowLanes<T>
                        : kFrom == Rows::columns ? a.data + row
                                                 : a.data + row * a.stride;
        kernel(c.data + row * c.stride + column, c.stride, rows, kFrom == Rows::blocks ? kRowLanes<T> : a.stride, panel,
               depth, last, part_of(addends, row, column));
        prefetcher.fetch_some();
      }
    }
  }
}

template <class T>
void multiply_packed(Strided<T> c, Operand<T> a, Strided<const T> panels, ProductShape shape, const Addends<T>& addends) {
  if (a.transposed) {
    multiply_panels<T, Rows::columns>(c, {a.data, a.stride}, panels, shape, addends);
  } else {
    multiply_panels<T, Rows::as_they_are>(c, {a.data, a.stride}, panels, shape, addends);
  }
}

/// packed[k][j] = rows[j][k] for j < count <= lanes and 0 for the other lanes, k < depth; `packed` has kPanel columns.
template <class T>
void pack_transposed_vector(T* packed, const T* rows, std::int64_t stride, std::int64_t count, std::int64_t depth) {
  std::int64_t k = 0;
  if (count == kLanes<T>) {
    for (; k + kLanes<T> <= depth; k += kLanes<T>) {
      Vec<T> square[kLanes<T>];
#pragma GCC unroll 16
      for (std::int64_t j = 0; j < kLanes<T>; ++j) square[j] = load(rows + j * stride + k);
      transpose<T>(square);
#pragma GCC unroll 16
      for (std::int64_t i = 0; i < kLanes<T>; ++i) store(packed + (k + i) * kPanel<T>, square[i]);
    }
  }
  for (; k < depth; ++k) {
    for (std::int64_t j = 0; j < kLanes<T>; ++j) packed[k * kPanel<T> + j] = j < count ? rows[j * stride + k] : T{0};
  }
}

/// packed: panels [depth][kPanel] of b (depth, n), padded with zeros.
template <class T>
void pack_panels(T* packed, Operand<T> b, std::int64_t depth, std::int64_t n) {
  if (b.transposed) {
    for (std::int64_t column = 0; column < n; column += kPanel<T>, packed += depth * kPanel<T>) {
      for (std::int64_t v = 0; v < kPanel<T>; v += kLanes<T>) {
        const std::int64_t left = n - column - v;
        const std::int64_t count = left < 0 ? 0 : left < kLanes<T> ? left : kLanes<T>;
        pack_transposed_vector(packed + v, b.data + (column + v) * b.stride, b.stride, count, depth);
      }
    }
    return;
  }
  const std::int64_t whole = n / kPanel<T> * kPanel<T>;
  for (std::int64_t first = 0; first < depth; first += kPackedLines) {
    const std::int64_t end = depth - first < kPackedLines ? depth : first + kPackedLines;
    T* to = packed;
    for (std::int64_t column = 0; column < whole; column += kPanel<T>, to += depth * kPanel<T>) {
      for (std::int64_t k = first; k < end; ++k) {
        const T* row = b.data + k * b.stride + column;
        for (int v = 0; v < kVectors; ++v) store(to + k * kPanel<T> + v * kLanes<T>, load(row + v * kLanes<T>));
      }
    }
    for (std::int64_t k = first; whole < n && k < end; ++k) {
      for (std::int64_t j = 0; j < kPanel<T>; ++j)
        to[k * kPanel<T> + j] = whole + j < n ? b.data[k * b.stride + whole + j] : T{0};
    }
  }
}

/// Packs lines [0, lines) of a block of a transposed a: in whole vectors, which may read into the line after if there is
/// one.
template <class T>
void pack_lines(T* packed, Strided<const T> a, std::int64_t lines, std::int64_t whole_lines, std::int64_t rows) {
  std::int64_t k = 0;
  for (; k < lines && k < whole_lines; ++k) {
#pragma GCC unroll 4
    for (std::int64_t i = 0; i < kRowLanes<T>; i += kLanes<T>)
      store(packed + k * kRowLanes<T> + i, load(a.data + k * a.stride + i));
  }
  for (; k < lines; ++k) {
    for (std::int64_t i = 0; i < rows; ++i) packed[k * kRowLanes<T> + i] = a.data[k * a.stride + i];
  }
}

/// packed: blocks of rows of a transposed a, each [depth][kRowLanes].
template <class T>
void pack_blocks(T* packed, Strided<const T> a, std::int64_t m, std::int64_t depth) {
  const std::int64_t whole_lines = a.stride >= kRowLanes<T> ? depth - 1 : 0;
  const RowSplit split(m);
  for (std::int64_t k = 0; k < depth; k += kPackedLines) {
    const std::int64_t lines = depth - k < kPackedLines ? depth - k : kPackedLines;
    T* to = packed + k * kRowLanes<T>;
    for (std::int64_t block = 0; block < split.blocks; ++block, to += depth * kRowLanes<T>)
      pack_lines<T>(to, {a.data + k * a.stride + split.first(block), a.stride}, lines, whole_lines - k, split.count(block));
  }
}

template <class T>
std::int64_t block_elements(std::int64_t m, std::int64_t depth) {
  return RowSplit(m).blocks * depth * kRowLanes<T>;
}

template <class T>
void multiply_blocks(Strided<T> c, const T* blocks, Strided<const T> panels, ProductShape shape, const Addends<T>& addends,
                     const ReadNext& next) {
  multiply_panels<T, Rows::blocks>(c, {blocks, 0}, panels, shape, addends, next);
}

/// Returns the elements of the panels of one part of b.
template <class T>
std::int64_t panel_elements(std::int64_t n) {
  return kMaxDepth * ((n + kPanel<T> - 1) / kPanel<T> * kPanel<T>);
}

template <class T>
std::int64_t scratch_elements(std::int64_t m, std::int64_t n) {
  return panel_elements<T>(n) + block_elements<T>(m, kMaxDepthTransposed);
}

template <class T>
void multiply(Strided<T> c, Operand<T> a, Operand<T> b, ProductShape shape, bool add, T* scratch) {
  const std::int64_t m = shape.m, n = shape.n, limit = a.transposed ? kMaxDepthTransposed : kMaxDepth;
  const std::int64_t parts = (shape.depth + limit - 1) / limit, longest = parts > 0 ? (shape.depth + parts - 1) / parts : 0;
  T* panels = scratch;
  T* blocks = scratch + panel_elements<T>(n);
  for (std::int64_t part = 0; part < parts; ++part, add = true) {
    const Addends<T> addends = add ? Addends<T>{c.data, c.stride} : Addends<T>{};
    const std::int64_t first = part * longest, depth = shape.depth - first < longest ? shape.depth - first : longest;
    pack_panels<T>(panels, {b.transposed ? b.data + first : b.data + first * b.stride, b.stride, b.transposed}, depth, n);
    const Strided<const T> packed{panels, depth * kPanel<T>};
    if (a.transposed) {
      pack_blocks<T>(blocks, {a.data + first * a.stride, a.stride}, m, depth);
      multiply_blocks<T>(c, blocks, packed, {m, n, depth}, addends, {});
    } else {
      multiply_panels<T, Rows::as_they_are>(c, {a.data + first, a.stride}, packed, {m, n, depth}, addends);
    }
  }
}

}  // namespace

template <class T>
GemmKernels<T> gemm_kernels() {
  return {.panel = kPanel<T>,
          .multiply = multiply<T>,
          .scratch_elements = scratch_elements<T>,
          .pack_panels = pack_panels<T>,
          .multiply_packed = multiply_packed<T>,
          .pack_blocks = pack_blocks<T>,
          .block_elements = block_elements<T>,
          .multiply_blocks = multiply_blocks<T>};
}
template GemmKernels<float> gemm_kernels();
template GemmKernels<double> gemm_kernels();

}  // namespace lm::LM_TIER
