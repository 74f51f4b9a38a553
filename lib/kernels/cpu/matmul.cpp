#include "kernels/matmul.h"

#include <cstring>
#include <type_traits>

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/half_product.h"
#include "kernels/cpu/product.h"

namespace lm {

namespace {

/// A matrix cut into tiles both ways; tile numbers run along the columns first, so that neighbours share rows.
struct Grid {
  Tiling rows;
  Tiling columns;
  std::int64_t tiles() const { return rows.tiles() * columns.tiles(); }
  std::int64_t width() const { return std::max<std::int64_t>(1, columns.tiles()); }
  std::int64_t row_tile(std::int64_t tile) const { return tile / width(); }
  std::int64_t column_tile(std::int64_t tile) const { return tile % width(); }
};

/// Equal parts of about `step`, rounded up to whole vectors.
Tiling even_tiling(std::int64_t size, std::int64_t step) {
  const std::int64_t parts = std::max<std::int64_t>(1, (size + step / 2) / std::max<std::int64_t>(1, step));
  const std::int64_t even = (size + parts - 1) / parts;
  return {size, std::max<std::int64_t>(16, (even + 15) / 16 * 16)};
}

constexpr std::int64_t kRowStep = 384;
constexpr std::int64_t kColumnStep = 128;
// Tiles that a weight's gradient aims at, and the fewest rows that are worth a sum of their own.
constexpr std::int64_t kWeightTiles = 16;
constexpr std::int64_t kWeightRows = 256;

/// Tiles of a product with a row of output for each row of input.
Grid row_grid(std::int64_t rows, std::int64_t columns) {
  return {even_tiling(rows, kRowStep), even_tiling(columns, kColumnStep)};
}

/// Tiles of a weight's gradient. Small weights make few: their sums over rows are cut into parts, which a tree adds up.
struct WeightGrid {
  Grid places;
  Tiling parts;
};
WeightGrid weight_grid(std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
  const Grid grid{even_tiling(outputs, 128), even_tiling(inputs, 256)};
  const std::int64_t places = std::max<std::int64_t>(1, grid.tiles());
  return {grid, even_tiling(rows, rows / std::clamp<std::int64_t>(kWeightTiles / places, 1,
                                                                  std::max<std::int64_t>(1, rows / kWeightRows)))};
}

}  // namespace

template <class T>
void linear_forward(Compute& compute, TensorView<T> y, TensorView<const T> x, LinearWeight<T> linear,
                    TensorView<const T> bias, Write write) {
  const TensorView<const T>& weight = linear.matrix;
  const std::int64_t rows = x.rows(), inputs = x.columns(), outputs = weight.rows();
  LM_CHECK(weight.columns() == inputs && y.rows() == rows && y.columns() == outputs);
  LM_CHECK(bias.empty() || bias.size() == outputs);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  if constexpr (std::is_same_v<T, float>) {
    if (linear.half.precision != Precision::fp32) {
      half_forward(compute, y, x, linear.half, bias, write);
      return;
    }
  }
  const Grid grid = row_grid(rows, outputs);
  compute.pool().run(grid.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t r = grid.rows.first(grid.row_tile(tile)), row_count = grid.rows.count(grid.row_tile(tile));
    const std::int64_t o = grid.columns.first(grid.column_tile(tile)),
                       output_count = grid.columns.count(grid.column_tile(tile));
    bool add = write == Write::add;
    if (!bias.empty()) {
      for (std::int64_t i = r; i < r + row_count; ++i) {
        if (add) {
          kernels.add(y.row(i) + o, bias.data() + o, output_count);
        } else {
          std::memcpy(y.row(i) + o, bias.data() + o, static_cast<std::size_t>(output_count) * sizeof(T));
        }
      }
      add = true;
    }
    multiply_tile(compute, worker, y.row(r) + o, y.stride(0), Operand<T>{x.row(r), x.stride(0)},
                  Operand<T>{weight.row(o), weight.stride(0), true}, {row_count, output_count, inputs}, add);
  });
}

template <class T>
void linear_backward_input(Compute& compute, TensorView<T> dx, TensorView<const T> dy, LinearWeight<T> linear, Write write) {
  const TensorView<const T>& weight = linear.matrix;
  const std::int64_t rows = dy.rows(), inputs = dx.columns(), outputs = dy.columns();
  LM_CHECK(dx.rows() == rows && weight.rows() == outputs && weight.columns() == inputs);
  if constexpr (std::is_same_v<T, float>) {
    if (linear.half.precision != Precision::fp32) {
      half_backward_input(compute, dx, dy, linear.half, write);
      return;
    }
  }
  const Grid grid = row_grid(rows, inputs);
  compute.pool().run(grid.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t r = grid.rows.first(grid.row_tile(tile)), row_count = grid.rows.count(grid.row_tile(tile));
    const std::int64_t i = grid.columns.first(grid.column_tile(tile)),
                       input_count = grid.columns.count(grid.column_tile(tile));
    multiply_tile(compute, worker, dx.row(r) + i, dx.stride(0), Operand<T>{dy.row(r), dy.stride(0)},
                  Operand<T>{weight.data() + i, weight.stride(0)}, {row_count, input_count, outputs}, write == Write::add);
  });
}

namespace {

/// sums[j] += the column sums of dy, by blocks of rows so that long sums keep their precision.
template <class T>
void add_column_sums(const SimdKernels<T>& kernels, T* sums, T* block_sums, const T* dy, std::int64_t stride,
                     std::int64_t rows, std::int64_t columns) {
  constexpr std::int64_t kBlock = 128;
  for (std::int64_t first = 0; first < rows; first += kBlock) {
    std::fill_n(block_sums, columns, T{0});
    for (std::int64_t r = first; r < std::min(rows, first + kBlock); ++r) kernels.add(block_sums, dy + r * stride, columns);
    kernels.add(sums, block_sums, columns);
  }
}

/// One tile of a weight's gradient.
template <class T>
void multiply_weight_tile(Compute& compute, int worker, T* target, std::int64_t stride, const Operand<T>& dy,
                          const Operand<T>& x, ProductShape shape, bool add, Precision precision) {
  if constexpr (std::is_same_v<T, float>) {
    if (precision != Precision::fp32) {
      half_weight_tile(compute, worker, target, stride, dy, x, shape, add, precision);
      return;
    }
  }
  multiply_tile(compute, worker, target, stride, dy, x, shape, add);
}

}  // namespace

template <class T>
void linear_backward_weight(Compute& compute, TensorView<T> dweight, TensorView<T> dbias, TensorView<const T> dy,
                            TensorView<const T> x, Precision precision) {
  const std::int64_t rows = dy.rows(), inputs = x.columns(), outputs = dy.columns();
  LM_CHECK(x.rows() == rows && dweight.rows() == outputs && dweight.columns() == inputs);
  LM_CHECK(dbias.empty() || dbias.size() == outputs);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const auto [grid, parts] = weight_grid(rows, inputs, outputs);
  const std::int64_t places = std::max<std::int64_t>(1, grid.tiles());
  const bool split = parts.tiles() > 1;
  T* partial = split ? compute.shared_scratch<T>(parts.tiles() * outputs * inputs) : nullptr;

  compute.pool().run(grid.tiles() * parts.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t part = tile / places, place = tile % places;
    const std::int64_t o = grid.rows.first(grid.row_tile(place)), output_count = grid.rows.count(grid.row_tile(place));
    const std::int64_t i = grid.columns.first(grid.column_tile(place)),
                       input_count = grid.columns.count(grid.column_tile(place));
    const std::int64_t r = parts.first(part);
    T* target = split ? partial + (part * outputs + o) * inputs + i : dweight.row(o) + i;
    multiply_weight_tile<T>(compute, worker, target, split ? inputs : dweight.stride(0), {dy.row(r) + o, dy.stride(0), true},
                            {x.row(r) + i, x.stride(0)}, {output_count, input_count, parts.count(part)}, !split, precision);
    if (!dbias.empty() && i == 0 && part == 0) {
      add_column_sums(kernels, dbias.data() + o, compute.scratch<T>(worker, output_count), dy.data() + o, dy.stride(0), rows,
                      output_count);
    }
  });
  if (!split) return;
  const Tiling lines = row_tiling(outputs, inputs * parts.tiles());
  compute.pool().run(lines.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t o = lines.first(tile); o < lines.first(tile) + lines.count(tile); ++o) {
      const auto line = [&](std::int64_t part) { return partial + (part * outputs + o) * inputs; };
      for (std::int64_t step = 1; step < parts.tiles(); step *= 2) {
        for (std::int64_t part = 0; part + step < parts.tiles(); part += 2 * step)
          kernels.add(line(part), line(part + step), inputs);
      }
      kernels.add(dweight.row(o), line(0), inputs);
    }
  });
}

namespace {

/// Elements that the tiles of a grid ask for: the last ones may be of another size.
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

}  // namespace

template <class T>
ScratchSize linear_scratch(SimdTier tier, Precision precision, std::int64_t rows, std::int64_t inputs,
                           std::int64_t outputs) {
  const auto [grid, parts] = weight_grid(rows, inputs, outputs);
  constexpr auto kSize = static_cast<std::int64_t>(sizeof(T));
  std::int64_t worker = kSize * grid.rows.count(0);  // a bias's column sums
  if (precision == Precision::fp32) {
    for (const Grid& product : {row_grid(rows, outputs), row_grid(rows, inputs), grid})
      worker = std::max(worker, kSize * grid_scratch<T>(tier, product));
  } else {
    worker = std::max({worker, half_rows_scratch(precision, rows, inputs), half_rows_scratch(precision, rows, outputs)});
    for (const std::int64_t part : {std::int64_t{0}, std::max<std::int64_t>(0, parts.tiles() - 1)}) {
      const ProductShape shape{grid.rows.count(0), grid.columns.count(0), parts.count(part)};
      worker = std::max(worker, half_weight_tile_scratch(precision, shape));
    }
  }
  return {.worker = worker, .shared = parts.tiles() > 1 ? kSize * parts.tiles() * outputs * inputs : 0};
}

template <class T>
void linear_decode(Compute& compute, TensorView<T> y, TensorView<const T> x, TensorView<const T> weight,
                   TensorView<const T> bias) {
  const std::int64_t rows = x.rows(), inputs = x.columns(), outputs = weight.rows();
  LM_CHECK(weight.columns() == inputs && y.rows() == rows && y.columns() == outputs);
  LM_CHECK(bias.empty() || bias.size() == outputs);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling tiling = row_tiling(outputs, inputs, 16384);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t o = tiling.first(tile);
    kernels.linear_decode(y.data() + o, y.stride(0), x.data(), x.stride(0), rows, weight.row(o), weight.stride(0),
                          bias.empty() ? nullptr : bias.data() + o, tiling.count(tile), inputs);
  });
}

template void linear_forward(Compute&, TensorView<float>, TensorView<const float>, LinearWeight<float>,
                             TensorView<const float>, Write);
template void linear_forward(Compute&, TensorView<double>, TensorView<const double>, LinearWeight<double>,
                             TensorView<const double>, Write);
template void linear_backward_input(Compute&, TensorView<float>, TensorView<const float>, LinearWeight<float>, Write);
template void linear_backward_input(Compute&, TensorView<double>, TensorView<const double>, LinearWeight<double>, Write);
template void linear_backward_weight(Compute&, TensorView<float>, TensorView<float>, TensorView<const float>,
                                     TensorView<const float>, Precision);
template void linear_backward_weight(Compute&, TensorView<double>, TensorView<double>, TensorView<const double>,
                                     TensorView<const double>, Precision);
template ScratchSize linear_scratch<float>(SimdTier, Precision, std::int64_t, std::int64_t, std::int64_t);
template ScratchSize linear_scratch<double>(SimdTier, Precision, std::int64_t, std::int64_t, std::int64_t);
template void linear_decode(Compute&, TensorView<float>, TensorView<const float>, TensorView<const float>,
                            TensorView<const float>);
template void linear_decode(Compute&, TensorView<double>, TensorView<const double>, TensorView<const double>,
                            TensorView<const double>);

}  // namespace lm
