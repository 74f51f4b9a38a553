#include "kernels/matmul.h"

#include <cstring>
#include <type_traits>

#include "kernels/cpu/products/multiply_tile.h"
#include "kernels/cpu/products/tiled_product.h"
#include "kernels/cpu/products/weight_gradient.h"

namespace lm {

namespace {

/// A matrix cut into tiles both ways, for products that are not packed apart: each tile is one of its own.
struct Grid {
  static constexpr std::int64_t kRowStep = 384;
  static constexpr std::int64_t kColumnStep = 128;
  Grid(std::int64_t row_count, std::int64_t column_count)
      : rows{row_count, kRowStep}, columns{column_count, kColumnStep}, across(std::max<std::int64_t>(1, columns.tiles())) {}
  std::int64_t tiles() const { return rows.tiles() * columns.tiles(); }
  std::int64_t row(std::int64_t tile) const { return rows.first(tile / across); }
  std::int64_t row_count(std::int64_t tile) const { return rows.count(tile / across); }
  std::int64_t column(std::int64_t tile) const { return columns.first(tile % across); }
  std::int64_t column_count(std::int64_t tile) const { return columns.count(tile % across); }
  Tiling rows, columns;
  std::int64_t across;  // tiles beside one another
};

/// The longest stretch of rows or columns that is packed at once, in elements: it stays in the last-level cache.
constexpr std::int64_t kPackedElements = std::int64_t{1} << 22;

/// Returns whether a weight is packed for all rows; for few of them, each tile packs what it needs while that is in its
/// cache.
bool is_packed_apart(SimdTier tier, Precision precision, std::int64_t rows) {
  constexpr std::int64_t kManyRows = 1024;
  if (precision != Precision::fp32) return true;
  return !served_by_blas(tier, float{}) && rows >= kManyRows;
}

/// Returns columns of the right factor that are packed together.
Tiling column_stretches(const FloatFactors& factors, std::int64_t depth, std::int64_t columns) {
  const std::int64_t panel = factors.panel();
  return {columns, std::max(panel, kPackedElements / std::max<std::int64_t>(1, depth) / panel * panel)};
}

/// Returns the elements that the longest stretch takes when it is packed.
std::int64_t packed_elements(const FloatFactors& factors, std::int64_t depth, std::int64_t columns) {
  return depth * round_up(std::min(columns, column_stretches(factors, depth, columns).step), factors.panel());
}

/// Calls body(first, count, panels) for stretches of b's columns that are packed together. b: (depth, columns).
template <class Body>
void for_packed_columns(Compute& compute, const FloatFactors& factors, const Operand<float>& b, std::int64_t depth,
                        std::int64_t columns, Body&& body) {
  const std::int64_t panel = factors.panel();
  const Tiling stretches = column_stretches(factors, depth, columns);
  float* panels = compute.shared_scratch<float>(packed_elements(factors, depth, columns));
  for (std::int64_t stretch = 0; stretch < stretches.tiles(); ++stretch) {
    const std::int64_t first = stretches.first(stretch);
    const Tiling pieces{stretches.count(stretch), 2 * panel};
    compute.pool().run(pieces.tiles(), [&](std::int64_t piece, int) {
      const std::int64_t column = first + pieces.first(piece);
      factors.pack_panels(panels + pieces.first(piece) * depth,
                          {b.transposed ? b.data + column * b.stride : b.data + column, b.stride, b.transposed}, depth,
                          pieces.count(piece), 1);
    });
    body(first, stretches.count(stretch), panels);
  }
}

/// c = a b + bias + addend in fp32, b packed stretch by stretch.
void packed_product(Compute& compute, TensorView<float> c, TensorView<const float> a, const Operand<float>& b,
                    TensorView<const float> bias, TensorView<const float> addend) {
  const FloatFactors factors(compute.simd());
  for_packed_columns(
      compute, factors, b, a.columns(), c.columns(), [&](std::int64_t first, std::int64_t count, const float* panels) {
        const TensorView<const float> part = bias.empty() ? bias : TensorView<const float>(bias.data() + first, count);
        tiled_product(compute, factors, c.columns(first, count), a, panels, part,
                      addend.empty() ? addend : addend.columns(first, count));
      });
}

void forward_packed(Compute& compute, TensorView<float> y, TensorView<const float> x, const LinearWeight<float>& weight,
                    TensorView<const float> bias, TensorView<const float> addend) {
  if (weight.half.precision != Precision::fp32) {
    tiled_product(compute, HalfFactors(weight.half.precision), y, x, weight.half.across, bias, addend);
    return;
  }
  packed_product(compute, y, x, {weight.matrix.data(), weight.matrix.stride(0), true}, bias, addend);
}

void backward_input_packed(Compute& compute, TensorView<float> dx, TensorView<const float> dy,
                           const LinearWeight<float>& weight, Write write) {
  const TensorView<const float> addend = write == Write::add ? TensorView<const float>(dx) : TensorView<const float>();
  if (weight.half.precision != Precision::fp32) {
    tiled_product(compute, HalfFactors(weight.half.precision), dx, dy, weight.half.along, {}, addend);
    return;
  }
  packed_product(compute, dx, dy, {weight.matrix.data(), weight.matrix.stride(0)}, {}, addend);
}

/// Returns rows of x that are packed together.
Tiling row_stretches(std::int64_t rows, std::int64_t inputs) {
  constexpr std::int64_t kUnit = 512;  // whole slices of every precision
  return {rows, std::max(kUnit, kPackedElements / std::max<std::int64_t>(1, inputs) / kUnit * kUnit)};
}

void backward_weight_packed(Compute& compute, TensorView<float> dweight, TensorView<const float> dy,
                            TensorView<const float> x, Precision precision) {
  const Tiling stretches = row_stretches(dy.rows(), x.columns());
  for (std::int64_t stretch = 0; stretch < stretches.tiles(); ++stretch) {
    const std::int64_t first = stretches.first(stretch), count = stretches.count(stretch);
    with_factors<float>(compute.simd(), precision, [&](const auto& factors) {
      add_weight_gradient(compute, factors, dweight, dy.rows(first, count), x.rows(first, count));
    });
  }
}

/// Columns whose sums one worker makes.
constexpr std::int64_t kBiasColumns = 128;

/// dbias += the column sums of dy, by blocks of rows so that long sums keep their precision.
template <class T>
void add_bias_gradient(Compute& compute, TensorView<T> dbias, TensorView<const T> dy) {
  constexpr std::int64_t kBlock = 128;
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  const Tiling tiling{dy.columns(), kBiasColumns};
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t column = tiling.first(tile), count = tiling.count(tile);
    T* block_sums = compute.scratch<T>(worker, count);
    for (std::int64_t first = 0; first < dy.rows(); first += kBlock) {
      std::fill_n(block_sums, count, T{0});
      kernels.add_columns(block_sums, dy.row(first) + column, dy.stride(0), std::min(kBlock, dy.rows() - first), count);
      kernels.add(dbias.data() + column, block_sums, count);
    }
  });
}

/// Writes to a tile of c what its product is added to: bias (columns) and addend (rows, columns), if they are there. Returns
/// whether there is any.
template <class T>
bool begin_tile(const ElementwiseKernels<T>& kernels, TensorView<T> c, const T* bias, TensorView<const T> addend) {
  const std::int64_t count = c.columns();
  for (std::int64_t i = 0; i < c.rows(); ++i) {
    const auto bytes = static_cast<std::size_t>(count) * sizeof(T);
    if (!addend.empty() && addend.data() != c.data()) std::memcpy(c.row(i), addend.row(i), bytes);
    if (bias == nullptr) continue;
    if (addend.empty()) {
      std::memcpy(c.row(i), bias, bytes);
    } else {
      kernels.add(c.row(i), bias, count);
    }
  }
  return bias != nullptr || !addend.empty();
}

}  // namespace

template <class T>
void linear_forward(Compute& compute, TensorView<T> y, TensorView<const T> x, LinearWeight<T> linear,
                    TensorView<const T> bias, TensorView<const T> addend) {
  if constexpr (std::is_same_v<T, float>) {
    if (!linear.packed.empty()) {
      LM_CHECK(addend.empty());
      return linear_packed(compute, y, x, linear.packed, bias);
    }
  }
  const TensorView<const T>& weight = linear.matrix;
  const std::int64_t rows = x.rows(), inputs = x.columns(), outputs = weight.rows();
  LM_CHECK(weight.columns() == inputs && y.rows() == rows && y.columns() == outputs);
  LM_CHECK(bias.empty() || bias.size() == outputs);
  LM_CHECK(addend.empty() || (addend.rows() == rows && addend.columns() == outputs));
  if constexpr (std::is_same_v<T, float>) {
    if (is_packed_apart(compute.simd(), linear.half.precision, rows)) {
      forward_packed(compute, y, x, linear, bias, addend);
      return;
    }
  }
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  const Grid grid(rows, outputs);
  compute.pool().run(grid.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t r = grid.row(tile), row_count = grid.row_count(tile);
    const std::int64_t o = grid.column(tile), output_count = grid.column_count(tile);
    const bool add =
        begin_tile<T>(kernels, y.rows(r, row_count).columns(o, output_count), bias.empty() ? nullptr : bias.data() + o,
                      addend.empty() ? addend : addend.rows(r, row_count).columns(o, output_count));
    multiply_tile<T>(compute, worker, strided(y, r, o), {x.row(r), x.stride(0)}, {weight.row(o), weight.stride(0), true},
                     {row_count, output_count, inputs}, add);
  });
}

template <class T>
void linear_backward_input(Compute& compute, TensorView<T> dx, TensorView<const T> dy, LinearWeight<T> linear, Write write) {
  const TensorView<const T>& weight = linear.matrix;
  const std::int64_t rows = dy.rows(), inputs = dx.columns(), outputs = dy.columns();
  LM_CHECK(dx.rows() == rows && weight.rows() == outputs && weight.columns() == inputs);
  if constexpr (std::is_same_v<T, float>) {
    if (is_packed_apart(compute.simd(), linear.half.precision, rows)) {
      backward_input_packed(compute, dx, dy, linear, write);
      return;
    }
  }
  const Grid grid(rows, inputs);
  compute.pool().run(grid.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t r = grid.row(tile), i = grid.column(tile);
    multiply_tile<T>(compute, worker, strided(dx, r, i), {dy.row(r), dy.stride(0)}, {weight.data() + i, weight.stride(0)},
                     {grid.row_count(tile), grid.column_count(tile), outputs}, write == Write::add);
  });
}

template <class T>
void linear_backward_weight(Compute& compute, TensorView<T> dweight, TensorView<T> dbias, TensorView<const T> dy,
                            TensorView<const T> x, Precision precision) {
  const std::int64_t rows = dy.rows(), inputs = x.columns(), outputs = dy.columns();
  LM_CHECK(x.rows() == rows && dweight.rows() == outputs && dweight.columns() == inputs);
  LM_CHECK(dbias.empty() || dbias.size() == outputs);
  if (!dbias.empty()) add_bias_gradient<T>(compute, dbias, dy);
  if constexpr (std::is_same_v<T, float>) {
    if (!served_by_blas(compute.simd(), T{})) {
      backward_weight_packed(compute, dweight, dy, x, precision);
      return;
    }
  }
  const Grid grid(outputs, inputs);
  compute.pool().run(grid.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t o = grid.row(tile), i = grid.column(tile);
    multiply_tile<T>(compute, worker, strided(dweight, o, i), {dy.data() + o, dy.stride(0), true},
                     {x.data() + i, x.stride(0)}, {grid.row_count(tile), grid.column_count(tile), rows}, true);
  });
}

namespace {

/// Returns the elements that the tiles of a grid ask for: the last ones may be of another size.
template <class T>
std::int64_t grid_scratch(SimdTier tier, const Grid& grid) {
  std::int64_t elements = 0;
  for (const std::int64_t row : {std::int64_t{0}, std::max<std::int64_t>(0, grid.rows.tiles() - 1)}) {
    for (const std::int64_t column : {std::int64_t{0}, std::max<std::int64_t>(0, grid.columns.tiles() - 1)}) {
      elements = std::max(elements, multiply_tile_scratch<T>(tier, grid.rows.count(row), grid.columns.count(column)));
    }
  }
  return elements;
}

/// Returns the scratch of one direction's product.
ScratchSize product_scratch(SimdTier tier, Precision precision, const ProductShape& shape) {
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(float));
  if (precision != Precision::fp32) return tiled_product_scratch(HalfFactors(precision), shape);
  if (!is_packed_apart(tier, precision, shape.m)) {
    return {.worker = kSize * grid_scratch<float>(tier, Grid(shape.m, shape.n))};
  }
  return {.shared = kSize * packed_elements(FloatFactors(tier), shape.depth, shape.n)};
}

template <class Factors>
ScratchSize gradient_scratch(const Factors& factors, std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
  const Tiling stretches = row_stretches(rows, inputs);
  return larger(weight_gradient_scratch(factors, stretches.count(0), inputs, outputs),
                weight_gradient_scratch(factors, stretches.count(stretches.tiles() - 1), inputs, outputs));
}

}  // namespace

template <class T>
ScratchSize linear_scratch(SimdTier tier, Precision precision, std::int64_t rows, std::int64_t inputs,
                           std::int64_t outputs) {
  ScratchSize size{.worker = static_cast<std::int64_t>(sizeof(T)) * std::min(kBiasColumns, outputs)};
  if constexpr (std::is_same_v<T, float>) {
    if (!served_by_blas(tier, T{})) {
      size = larger(size, product_scratch(tier, precision, {rows, outputs, inputs}));
      size = larger(size, product_scratch(tier, precision, {rows, inputs, outputs}));
      return larger(size, precision == Precision::fp32 ? gradient_scratch(FloatFactors(tier), rows, inputs, outputs)
                                                       : gradient_scratch(HalfFactors(precision), rows, inputs, outputs));
    }
  }
  for (const Grid& grid : {Grid(rows, outputs), Grid(rows, inputs), Grid(outputs, inputs)})
    size.worker = std::max(size.worker, static_cast<std::int64_t>(sizeof(T)) * grid_scratch<T>(tier, grid));
  return size;
}

template void linear_forward(Compute&, TensorView<float>, TensorView<const float>, LinearWeight<float>,
                             TensorView<const float>, TensorView<const float>);
template void linear_forward(Compute&, TensorView<double>, TensorView<const double>, LinearWeight<double>,
                             TensorView<const double>, TensorView<const double>);
template void linear_backward_input(Compute&, TensorView<float>, TensorView<const float>, LinearWeight<float>, Write);
template void linear_backward_input(Compute&, TensorView<double>, TensorView<const double>, LinearWeight<double>, Write);
template void linear_backward_weight(Compute&, TensorView<float>, TensorView<float>, TensorView<const float>,
                                     TensorView<const float>, Precision);
template void linear_backward_weight(Compute&, TensorView<double>, TensorView<double>, TensorView<const double>,
                                     TensorView<const double>, Precision);
template ScratchSize linear_scratch<float>(SimdTier, Precision, std::int64_t, std::int64_t, std::int64_t);
template ScratchSize linear_scratch<double>(SimdTier, Precision, std::int64_t, std::int64_t, std::int64_t);

}  // namespace lm
