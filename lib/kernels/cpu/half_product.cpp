#include "kernels/cpu/half_product.h"

#include <cstring>

#include "kernels/cpu/dispatch.h"
#include "kernels/cpu/half/table.h"

namespace lm {

namespace {

// Rows of a tile: whole blocks of every micro-kernel, whose rounded factor stays in the second-level cache.
constexpr std::int64_t kRowStep = 168;
// Tiles that a product aims at, so that threads end together, and the fewest columns that are worth rounding a row for.
constexpr std::int64_t kTiles = 48;
constexpr std::int64_t kFewestColumns = 128;
// Longest k whose panel stays in the first-level cache: in forward products, and where both factors are packed.
constexpr std::int64_t kMaxDepth = 512;
constexpr std::int64_t kMaxWeightDepth = 256;

std::int64_t divide_up(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
std::int64_t round_up(std::int64_t a, std::int64_t b) { return divide_up(a, b) * b; }

/// k cut into equal parts of whole vectors.
Tiling depth_tiling(std::int64_t depth, std::int64_t longest) {
  const std::int64_t parts = std::max<std::int64_t>(1, divide_up(depth, longest));
  return {depth, round_up(divide_up(depth, parts), 32)};
}

/// Columns in equal tiles of whole panels: as many as make kTiles with the rows'.
Tiling column_tiling(std::int64_t columns, std::int64_t row_tiles, std::int64_t panel) {
  const std::int64_t tiles =
      std::clamp<std::int64_t>(divide_up(kTiles, row_tiles), 1, std::max<std::int64_t>(1, columns / kFewestColumns));
  return {columns, round_up(divide_up(columns, tiles), panel)};
}

/// Units between packed rows: off the powers of two, which fall on few sets of the cache.
std::int64_t row_units(const HalfKernels& half, std::int64_t depth) {
  return round_up(depth / half.unit_depth + 1, 16) + 16;
}

/// Units that the panels of a weight's gradient take.
std::int64_t panel_units(const HalfKernels& half, std::int64_t columns, std::int64_t depth) {
  return round_up(columns, half.panel) * depth / 2;
}

/// c (rows, columns) = (or +=) a (rows, depth) * panels, with `bias` (or null) first.
void multiply_rows(Compute& compute, TensorView<float> c, TensorView<const float> a, const std::uint16_t* panels,
                   Precision precision, TensorView<const float> bias, Write write) {
  const HalfKernels& half = half_kernels(precision);
  const SimdKernels<float>& kernels = simd_kernels<float>(compute.simd());
  const std::int64_t depth = a.columns();
  const Tiling rows{c.rows(), kRowStep}, columns = column_tiling(c.columns(), rows.tiles(), half.panel);
  const Tiling parts = depth_tiling(depth, kMaxDepth);
  const std::int64_t panel_stride = round_up(depth, half.unit_depth) * half.panel;
  const std::int64_t units = row_units(half, depth);
  compute.pool().run(rows.tiles() * columns.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t r = rows.first(tile / columns.tiles()), row_count = rows.count(tile / columns.tiles());
    const std::int64_t o = columns.first(tile % columns.tiles()), count = columns.count(tile % columns.tiles());
    HalfUnit* rounded = compute.scratch<HalfUnit>(worker, row_count * units);
    const float scale = half.scale_of(a.row(r), a.stride(0), row_count, depth);
    half.pack_rows(rounded, units, a.row(r), a.stride(0), row_count, depth, scale);
    bool add = write == Write::add;
    for (std::int64_t i = r; !bias.empty() && i < r + row_count; ++i) {
      if (add) {
        kernels.add(c.row(i) + o, bias.data() + o, count);
      } else {
        std::memcpy(c.row(i) + o, bias.data() + o, static_cast<std::size_t>(count) * sizeof(float));
      }
    }
    add = add || !bias.empty();
    for (std::int64_t part = 0; part < parts.tiles(); ++part, add = true) {
      const std::int64_t k = parts.first(part);
      half.multiply(c.row(r) + o, c.stride(0), rounded + k / half.unit_depth, units,
                    panels + o / half.panel * panel_stride + k * half.panel, panel_stride, row_count, count,
                    parts.count(part), add, 1 / scale);
    }
  });
}

}  // namespace

std::int64_t half_weight_size(Precision precision, std::int64_t outputs, std::int64_t inputs) {
  if (precision == Precision::fp32) return 0;
  const HalfKernels& half = half_kernels(precision);
  const auto panels = [&](std::int64_t depth, std::int64_t columns) {
    return round_up(columns, half.panel) * round_up(depth, half.unit_depth);
  };
  return std::max(panels(inputs, outputs), panels(outputs, inputs));
}

void round_weight(Compute& compute, const LinearWeight<float>& weight) {
  if (weight.half.precision == Precision::fp32) return;
  const HalfKernels& half = half_kernels(weight.half.precision);
  const TensorView<const float>& matrix = weight.matrix;
  const std::int64_t outputs = matrix.rows(), inputs = matrix.columns(), panel = half.panel;
  // A few panels at a time, of one copy and then of the other.
  const Tiling across{outputs, 2 * panel}, along{inputs, 2 * panel};
  compute.pool().run(across.tiles() + along.tiles(), [&](std::int64_t tile, int) {
    if (tile < across.tiles()) {
      const std::int64_t o = across.first(tile);
      half.pack_panels(weight.half.across + o * round_up(inputs, half.unit_depth), matrix.row(o), matrix.stride(0), true,
                       inputs, across.count(tile), 1);
    } else {
      const std::int64_t i = along.first(tile - across.tiles());
      half.pack_panels(weight.half.along + i * round_up(outputs, half.unit_depth), matrix.data() + i, matrix.stride(0),
                       false, outputs, along.count(tile - across.tiles()), 1);
    }
  });
}

void half_forward(Compute& compute, TensorView<float> y, TensorView<const float> x, const HalfWeight& weight,
                  TensorView<const float> bias, Write write) {
  multiply_rows(compute, y, x, weight.across, weight.precision, bias, write);
}

void half_backward_input(Compute& compute, TensorView<float> dx, TensorView<const float> dy, const HalfWeight& weight,
                         Write write) {
  multiply_rows(compute, dx, dy, weight.along, weight.precision, {}, write);
}

void half_weight_tile(Compute& compute, int worker, float* c, std::int64_t c_stride, const Operand<float>& dy,
                      const Operand<float>& x, ProductShape shape, bool add, Precision precision) {
  const HalfKernels& half = half_kernels(precision);
  const Tiling parts = depth_tiling(shape.k, kMaxWeightDepth);
  const std::int64_t block_units = half.block_units(shape.m, parts.step);
  HalfUnit* blocks = compute.scratch<HalfUnit>(worker, block_units + panel_units(half, shape.n, parts.step));
  auto* panels = reinterpret_cast<std::uint16_t*>(blocks + block_units);
  for (std::int64_t part = 0; part < parts.tiles(); ++part, add = true) {
    const std::int64_t k = parts.first(part), depth = parts.count(part);
    const float *dy_rows = dy.data + k * dy.stride, *x_rows = x.data + k * x.stride;
    const float dy_scale = half.scale_of(dy_rows, dy.stride, depth, shape.m);
    const float x_scale = half.scale_of(x_rows, x.stride, depth, shape.n);
    half.pack_blocks(blocks, dy_rows, dy.stride, shape.m, depth, dy_scale);
    half.pack_panels(panels, x_rows, x.stride, false, depth, shape.n, x_scale);
    half.multiply(c, c_stride, blocks, 0, panels, round_up(depth, half.unit_depth) * half.panel, shape.m, shape.n, depth,
                  add, 1 / (dy_scale * x_scale));
  }
}

std::int64_t half_rows_scratch(Precision precision, std::int64_t rows, std::int64_t depth) {
  return std::min(rows, kRowStep) * row_units(half_kernels(precision), depth) * static_cast<std::int64_t>(sizeof(HalfUnit));
}

std::int64_t half_weight_tile_scratch(Precision precision, ProductShape shape) {
  const HalfKernels& half = half_kernels(precision);
  const std::int64_t step = depth_tiling(shape.k, kMaxWeightDepth).step;
  return (half.block_units(shape.m, step) + panel_units(half, shape.n, step)) * static_cast<std::int64_t>(sizeof(HalfUnit));
}

}  // namespace lm
