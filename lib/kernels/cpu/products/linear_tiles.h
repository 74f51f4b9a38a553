// How the products of linear layers are cut into tiles and packed, for our own kernels. Tiles depend on shapes alone.
#pragma once

#include <optional>

#include "kernels/cpu/products/factors.h"
#include "kernels/matmul.h"

namespace lm {

/// `parts` equal parts (at least one) of a multiple of `unit`.
inline Tiling equal_tiling(std::int64_t size, std::int64_t parts, std::int64_t unit) {
  return {size, round_up(divide_up(size, std::max<std::int64_t>(1, parts)), unit)};
}

// Tiles that a product aims at, so that threads end together.
inline constexpr std::int64_t kTilesWanted = 24;
// Most rows of a tile, whole passes of the micro-kernels, which stay in the second-level cache; and what tiles are cut by.
inline constexpr std::int64_t kRowStep = 168;
inline constexpr std::int64_t kRowUnit = 14;
inline constexpr std::int64_t kFewestColumns = 128;
// Bytes of each column of the longest sums that stay in registers, so that a panel stays in the caches: with rows, and with
// both packed.
inline constexpr std::int64_t kDepthBytes = 2048;
inline constexpr std::int64_t kWeightDepthBytes = 1024;

/// A sum as long as that.
template <class Factors>
constexpr std::int64_t longest_sum(std::int64_t bytes) {
  return bytes / static_cast<std::int64_t>(sizeof(typename Factors::Element));
}

/// The rows of a product.
inline Tiling row_tiles(std::int64_t rows) { return equal_tiling(rows, divide_up(rows, kRowStep), kRowUnit); }

/// The tiles of c (rows, columns) = a (rows, depth) b, and the parts of its sums.
template <class Factors>
struct RowsTiling {
  RowsTiling(const Factors& factors, std::int64_t row_count, std::int64_t depth, std::int64_t column_count)
      : rows(row_tiles(row_count)),
        columns(equal_tiling(
            column_count,
            std::min(divide_up(kTilesWanted, std::max<std::int64_t>(1, rows.tiles())), column_count / kFewestColumns),
            factors.panel())),
        parts(equal_tiling(depth, divide_up(depth, longest_sum<Factors>(kDepthBytes)), factors.unit_depth())),
        tile_units(factors.row_units(rows.step, depth)),
        part_units(factors.row_units(rows.step, parts.step)) {}
  /// Whether rows are rounded once for all tiles of columns, and not in each of them.
  bool rounds_once() const { return tile_units > 0 && columns.tiles() > 2; }
  Tiling rows;
  Tiling columns;
  Tiling parts;
  std::int64_t tile_units;  // of a row tile's rows
  std::int64_t part_units;  // of one part of them
};

/// All rows of a left factor, rounded once, a tile after another.
template <class Factors>
class RoundedRows {
 public:
  using Rows = typename Factors::Rows;
  using Unit = typename Factors::Unit;
  /// Elements of memory, those that say where each tile's rows are among them.
  static std::int64_t size(const RowsTiling<Factors>& tiling) {
    const std::int64_t units = tiling.rows.tiles() * tiling.tile_units;
    return places(tiling) + divide_up(units * static_cast<std::int64_t>(sizeof(Unit)), sizeof(Rows));
  }
  /// memory: size().
  RoundedRows(Compute& compute, const Factors& factors, const RowsTiling<Factors>& tiling, TensorView<const float> a,
              Rows* memory)
      : rows_(memory) {
    auto* units = reinterpret_cast<Unit*>(memory + places(tiling));
    compute.pool().run(tiling.rows.tiles(), [&](std::int64_t tile, int) {
      const std::int64_t first = tiling.rows.first(tile);
      rows_[tile] = factors.prepare_rows(units + tile * tiling.tile_units, a.row(first), a.stride(0),
                                         tiling.rows.count(tile), a.columns());
    });
  }
  const Rows& of(std::int64_t tile) const { return rows_[tile]; }

 private:
  /// Whole lines of the cache.
  static std::int64_t places(const RowsTiling<Factors>& tiling) { return round_up(tiling.rows.tiles(), 64); }
  Rows* rows_;
};

/// c (rows, columns) = a (rows, depth) * panels + bias (columns) + addend (rows, columns), each of them may be empty.
template <class Factors>
void multiply_rows(Compute& compute, const Factors& factors, TensorView<float> c, TensorView<const float> a,
                   const typename Factors::Element* panels, TensorView<const float> bias, TensorView<const float> addend) {
  using Unit = typename Factors::Unit;
  using Rows = typename Factors::Rows;
  const std::int64_t depth = a.columns(), panel_size = factors.panel_size(depth);
  const RowsTiling<Factors> tiling(factors, c.rows(), depth, c.columns());
  const Tiling &rows = tiling.rows, &columns = tiling.columns, &parts = tiling.parts;
  std::optional<RoundedRows<Factors>> rounded;
  if (tiling.rounds_once()) {
    Rows* memory = compute.shared_scratch<Rows>(RoundedRows<Factors>::size(tiling));
    rounded.emplace(compute, factors, tiling, a, memory);
  }
  compute.pool().run(rows.tiles() * columns.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t row_tile = tile / columns.tiles(), r = rows.first(row_tile), row_count = rows.count(row_tile);
    const std::int64_t o = columns.first(tile % columns.tiles()), count = columns.count(tile % columns.tiles());
    Unit* memory = rounded ? nullptr : compute.scratch<Unit>(worker, tiling.part_units);
    Addends<float> addends;
    if (!addend.empty()) addends = {addend.row(r) + o, addend.stride(0)};
    if (!bias.empty()) addends.each_row = bias.data() + o;
    const typename Factors::Element* packed = panels + o / factors.panel() * panel_size;
    for (std::int64_t part = 0; part < parts.tiles(); ++part, addends = {c.row(r) + o, c.stride(0)}) {
      const std::int64_t k = parts.first(part);
      Rows prepared;
      if (rounded) {
        prepared = rounded->of(row_tile);
        prepared.data += k / factors.unit_depth();
      } else {
        prepared = factors.prepare_rows(memory, a.row(r) + k, a.stride(0), row_count, parts.count(part));
      }
      factors.multiply_rows(c.row(r) + o, c.stride(0), prepared, packed + k * factors.panel(), panel_size, row_count, count,
                            parts.count(part), addends);
    }
  });
}

/// The scratch of multiply_rows.
template <class Factors>
ScratchSize multiply_rows_scratch(const Factors& factors, std::int64_t rows, std::int64_t depth, std::int64_t columns) {
  const RowsTiling<Factors> tiling(factors, rows, depth, columns);
  if (tiling.rounds_once()) {
    return {.shared = RoundedRows<Factors>::size(tiling) * static_cast<std::int64_t>(sizeof(typename Factors::Rows))};
  }
  return {.worker = tiling.part_units * static_cast<std::int64_t>(sizeof(typename Factors::Unit))};
}

/// The longest stretch of rows whose packed x stays in the last-level cache, in elements.
inline constexpr std::int64_t kPackedElements = std::int64_t{1} << 22;
// Rows and columns of a weight's tile, and the fewest columns, for packing dy costs as much for few as for many.
inline constexpr std::int64_t kWeightRows = 84;
inline constexpr std::int64_t kWeightColumns = 512;
// Rows of the batch that make a sum of their own cheap, and the fewest that are worth one where threads would wait
// otherwise.
inline constexpr std::int64_t kRowsSummed = 1024;
inline constexpr std::int64_t kFewestRowsSummed = 256;
inline constexpr std::int64_t kFewestTiles = 12;

/// The tiles of dweight (outputs, inputs) += dy^T x. Where the weight is so small that it makes few tiles, the sum over rows
/// is cut into parts, which a tree adds up.
struct WeightTiling {
  /// longest: rows of a slice.
  WeightTiling(std::int64_t rows, std::int64_t out, std::int64_t in, std::int64_t panel, std::int64_t longest)
      : outputs(equal_tiling(out, divide_up(out, kWeightRows), 1)) {
    std::int64_t input_tiles = divide_up(in, kWeightColumns);
    const std::int64_t places = outputs.tiles() * input_tiles;
    std::int64_t sums = std::max<std::int64_t>(1, std::min(kTilesWanted / places, rows / kRowsSummed));
    if (places * sums < kFewestTiles) {
      input_tiles = std::max(input_tiles, std::min(divide_up(kFewestTiles, outputs.tiles() * sums), in / kFewestColumns));
      const std::int64_t wanted = divide_up(kFewestTiles, outputs.tiles() * input_tiles);
      sums = std::max(sums, std::min(wanted, rows / kFewestRowsSummed));
    }
    inputs = equal_tiling(in, input_tiles, panel);
    slices = equal_tiling(rows, std::max(sums, divide_up(rows, longest)), 32);
    parts = equal_tiling(slices.tiles(), sums, 1);
  }
  Tiling outputs;
  Tiling inputs;
  Tiling slices;  // of the rows: as many as are packed together
  Tiling parts;   // of the slices
};

/// x in panels, a slice and a tile of inputs after another, and what each was scaled by.
template <class Factors>
class PackedInputs {
 public:
  using Element = typename Factors::Element;
  static std::int64_t floats(const Factors& factors, const WeightTiling& tiling) {
    return data_floats(factors, tiling) + round_up(tiling.slices.tiles() * tiling.inputs.tiles(), 16);
  }
  /// memory: floats().
  PackedInputs(Compute& compute, const Factors& factors, const WeightTiling& tiling, TensorView<const float> x,
               float* memory)
      : factors_(factors),
        tiling_(tiling),
        data_(reinterpret_cast<Element*>(memory)),
        scales_(memory + data_floats(factors, tiling)) {
    compute.pool().run(tiling.slices.tiles() * tiling.inputs.tiles(), [&](std::int64_t piece, int) {
      const std::int64_t slice = piece / tiling.inputs.tiles(), tile = piece % tiling.inputs.tiles();
      const float* from = x.row(tiling.slices.first(slice)) + tiling.inputs.first(tile);
      const std::int64_t depth = tiling.slices.count(slice), count = tiling.inputs.count(tile);
      scales_[piece] = factors.scale_of(from, x.stride(0), depth, count);
      factors.pack_panels(place(slice, tile), from, x.stride(0), false, depth, count, scales_[piece]);
    });
  }
  const Element* panels(std::int64_t slice, std::int64_t tile) const { return place(slice, tile); }
  float scale(std::int64_t slice, std::int64_t tile) const { return scales_[slice * tiling_.inputs.tiles() + tile]; }

 private:
  static std::int64_t slice_size(const Factors& factors, const WeightTiling& tiling) {
    return divide_up(tiling.inputs.size, factors.panel()) * factors.panel_size(tiling.slices.step);
  }
  static std::int64_t data_floats(const Factors& factors, const WeightTiling& tiling) {
    return round_up(slice_size(factors, tiling) * tiling.slices.tiles() * static_cast<std::int64_t>(sizeof(Element)) /
                        static_cast<std::int64_t>(sizeof(float)),
                    16);
  }
  Element* place(std::int64_t slice, std::int64_t tile) const {
    return data_ + slice * slice_size(factors_, tiling_) +
           tiling_.inputs.first(tile) / factors_.panel() * factors_.panel_size(tiling_.slices.count(slice));
  }
  const Factors& factors_;
  const WeightTiling& tiling_;
  Element* data_;
  float* scales_;
};

/// target (parts one after another) += or = tile `place` of one part of dy^T x.
template <class Factors>
void weight_tile(Compute& compute, int worker, const Factors& factors, const WeightTiling& tiling,
                 const PackedInputs<Factors>& packed, TensorView<float> target, TensorView<const float> dy,
                 std::int64_t part, std::int64_t place, Write write) {
  const std::int64_t output_tile = place / tiling.inputs.tiles(), input_tile = place % tiling.inputs.tiles();
  const std::int64_t o = tiling.outputs.first(output_tile), count = tiling.outputs.count(output_tile);
  const std::int64_t i = tiling.inputs.first(input_tile), first = tiling.parts.first(part);
  using Unit = typename Factors::Unit;
  Unit* blocks = compute.scratch<Unit>(worker, factors.block_units(count, tiling.slices.step));
  for (std::int64_t slice = first; slice < first + tiling.parts.count(part); ++slice) {
    const std::int64_t r = tiling.slices.first(slice), depth = tiling.slices.count(slice);
    const float* from = dy.row(r) + o;
    const float scale = factors.scale_of(from, dy.stride(0), depth, count);
    const bool more = slice + 1 < first + tiling.parts.count(part);
    const std::int64_t width = static_cast<std::int64_t>(sizeof(float));
    const ReadNext next{more ? reinterpret_cast<const char*>(dy.row(r + depth) + o) : nullptr, dy.stride(0) * width,
                        more ? tiling.slices.count(slice + 1) : 0, count * width};
    factors.pack_blocks(blocks, from, dy.stride(0), count, depth, scale);
    const bool add = write == Write::add || slice > first;
    factors.multiply_blocks(target.row(o) + i, target.stride(0), blocks, packed.panels(slice, input_tile),
                            factors.panel_size(depth), count, tiling.inputs.count(input_tile), depth,
                            add ? Addends<float>{target.row(o) + i, target.stride(0)} : Addends<float>{},
                            1 / (scale * packed.scale(slice, input_tile)), next);
  }
}

/// Floats of the sums that a tree adds up.
inline std::int64_t partial_floats(const WeightTiling& tiling) {
  return tiling.parts.tiles() > 1 ? tiling.parts.tiles() * tiling.outputs.size * tiling.inputs.size : 0;
}

/// dweight += dy^T x, where x is short enough to be packed at once.
template <class Factors>
void add_weight_gradient(Compute& compute, const Factors& factors, TensorView<float> dweight, TensorView<const float> dy,
                         TensorView<const float> x) {
  const std::int64_t outputs = dweight.rows(), inputs = dweight.columns();
  const WeightTiling tiling(dy.rows(), outputs, inputs, factors.panel(), longest_sum<Factors>(kWeightDepthBytes));
  const std::int64_t places = tiling.outputs.tiles() * tiling.inputs.tiles(), parts = tiling.parts.tiles();
  const std::int64_t packed_floats = PackedInputs<Factors>::floats(factors, tiling);
  float* memory = compute.shared_scratch<float>(packed_floats + partial_floats(tiling));
  const PackedInputs<Factors> packed(compute, factors, tiling, x, memory);
  float* partial = memory + packed_floats;
  compute.pool().run(places * parts, [&](std::int64_t tile, int worker) {
    const std::int64_t part = tile / places;
    const TensorView<float> target =
        parts > 1 ? TensorView<float>(partial + part * outputs * inputs, outputs, inputs) : dweight;
    weight_tile(compute, worker, factors, tiling, packed, target, dy, part, tile % places,
                parts > 1 ? Write::overwrite : Write::add);
  });
  if (parts == 1) return;
  const SimdKernels<float>& kernels = simd_kernels<float>(compute.simd());
  const Tiling lines = row_tiling(outputs, inputs * parts);
  compute.pool().run(lines.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t o = lines.first(tile); o < lines.first(tile) + lines.count(tile); ++o) {
      const auto line = [&](std::int64_t part) { return partial + (part * outputs + o) * inputs; };
      for (std::int64_t step = 1; step < parts; step *= 2) {
        for (std::int64_t part = 0; part + step < parts; part += 2 * step)
          kernels.add(line(part), line(part + step), inputs);
      }
      kernels.add(dweight.row(o), line(0), inputs);
    }
  });
}

/// The scratch of add_weight_gradient.
template <class Factors>
ScratchSize weight_gradient_scratch(const Factors& factors, std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
  const WeightTiling tiling(rows, outputs, inputs, factors.panel(), longest_sum<Factors>(kWeightDepthBytes));
  const std::int64_t units = factors.block_units(tiling.outputs.count(0), tiling.slices.step);
  const std::int64_t floats = PackedInputs<Factors>::floats(factors, tiling) + partial_floats(tiling);
  return {.worker = units * static_cast<std::int64_t>(sizeof(typename Factors::Unit)),
          .shared = floats * static_cast<std::int64_t>(sizeof(float))};
}

}  // namespace lm
