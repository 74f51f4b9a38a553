// The gradient of a linear layer's weight, dweight += dy^T x: both factors are packed, and the sum over rows is cut into
// slices. Tiles and slices depend on shapes only. See product.h for the words.
#pragma once

#include "kernels/cpu/products/tiled_product.h"
#include "kernels/write.h"

namespace lm {

// Bytes of each column of the longest slice, so that a panel and a block stay in the caches.
inline constexpr std::int64_t kSliceBytes = 1024;
// Rows and columns of a weight's tile; the columns are many because packing dy costs as much for few of them.
inline constexpr std::int64_t kWeightRows = 84;
inline constexpr std::int64_t kWeightColumns = 512;
// Rows of the batch that make a sum of their own cheap, and the fewest that are worth one if threads would wait
// otherwise.
inline constexpr std::int64_t kRowsSummed = 1024;
inline constexpr std::int64_t kFewestRowsSummed = 256;
inline constexpr std::int64_t kFewestTiles = 12;

/// The tiles of dweight (outputs, inputs). If the weight is so small that it makes few tiles, the sum over rows is cut into
/// several, which a tree adds up.
struct WeightTiling {
  /// longest_slice: in rows.
  WeightTiling(std::int64_t rows, std::int64_t out, std::int64_t in, std::int64_t panel, std::int64_t longest_slice)
      : outputs(equal_tiling(out, divide_up(out, kWeightRows), 1)) {
    const std::int64_t output_tiles = std::max<std::int64_t>(1, outputs.tiles());
    std::int64_t input_tiles = std::max<std::int64_t>(1, divide_up(in, kWeightColumns));
    const std::int64_t places = output_tiles * input_tiles;
    std::int64_t sum_count = std::max<std::int64_t>(1, std::min(kTilesWanted / places, rows / kRowsSummed));
    if (places * sum_count < kFewestTiles) {
      input_tiles = std::max(input_tiles, std::min(divide_up(kFewestTiles, output_tiles * sum_count), in / kFewestColumns));
      const std::int64_t wanted = divide_up(kFewestTiles, output_tiles * input_tiles);
      sum_count = std::max(sum_count, std::min(wanted, rows / kFewestRowsSummed));
    }
    inputs = equal_tiling(in, input_tiles, panel);
    slices = equal_tiling(rows, std::max(sum_count, divide_up(rows, longest_slice)), 32);
    sums = equal_tiling(slices.tiles(), sum_count, 1);
  }
  Tiling outputs;
  Tiling inputs;
  Tiling slices;  // of the rows: as many as are packed together
  Tiling sums;    // of the slices
};

/// x in panels, slice by slice and one tile of inputs after another, and what each was scaled by.
template <class Factors>
class PackedInputs {
 public:
  using Element = typename Factors::Element;
  /// Returns the floats of memory that are needed.
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
      const Strided<const float> from = strided(x, tiling.slices.first(slice), tiling.inputs.first(tile));
      const std::int64_t depth = tiling.slices.count(slice), count = tiling.inputs.count(tile);
      scales_[piece] = factors.scale_of(from, depth, count);
      factors.pack_panels(place(slice, tile), {from.data, from.stride}, depth, count, scales_[piece]);
    });
  }
  Strided<const Element> panels(std::int64_t slice, std::int64_t tile) const {
    return {place(slice, tile), factors_.panel_size(tiling_.slices.count(slice))};
  }
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

/// What the tiles of one weight's gradient share.
template <class Factors>
struct WeightProduct {
  const Factors& factors;
  const WeightTiling& tiling;
  const PackedInputs<Factors>& x;
  TensorView<const float> dy;
};

/// Returns the rows of dy of this slice and tile of outputs, to be prefetched, or nothing if there is no such slice.
inline ReadNext next_slice(const WeightTiling& tiling, TensorView<const float> dy, std::int64_t slice, std::int64_t end,
                           std::int64_t output_tile) {
  if (slice >= end) return {};
  const std::int64_t o = tiling.outputs.first(output_tile), width = static_cast<std::int64_t>(sizeof(float));
  return {reinterpret_cast<const char*>(dy.row(tiling.slices.first(slice)) + o), dy.stride(0) * width,
          tiling.slices.count(slice), tiling.outputs.count(output_tile) * width};
}

/// Adds tile `place` of one of the sums that make dy^T x to target, or writes it there.
template <class Factors>
void weight_tile(Compute& compute, int worker, const WeightProduct<Factors>& product, TensorView<float> target,
                 std::int64_t sum, std::int64_t place, Write write) {
  using Unit = typename Factors::Unit;
  const WeightTiling& tiling = product.tiling;
  const Factors& factors = product.factors;
  const std::int64_t output_tile = place / tiling.inputs.tiles(), input_tile = place % tiling.inputs.tiles();
  const std::int64_t o = tiling.outputs.first(output_tile), count = tiling.outputs.count(output_tile);
  const Strided<float> to = strided(target, o, tiling.inputs.first(input_tile));
  const std::int64_t first = tiling.sums.first(sum), end = first + tiling.sums.count(sum);
  Unit* blocks = compute.scratch<Unit>(worker, factors.block_units(count, tiling.slices.step));
  for (std::int64_t slice = first; slice < end; ++slice) {
    const std::int64_t depth = tiling.slices.count(slice);
    const Strided<const float> from = strided(product.dy, tiling.slices.first(slice), o);
    const float scale = factors.scale_of(from, depth, count);
    factors.pack_blocks(blocks, from, count, depth, scale);
    const bool add = write == Write::add || slice > first;
    factors.multiply_blocks(to, blocks, product.x.panels(slice, input_tile), {count, tiling.inputs.count(input_tile), depth},
                            add ? Addends<float>{to.data, to.stride} : Addends<float>{},
                            1 / (scale * product.x.scale(slice, input_tile)),
                            next_slice(tiling, product.dy, slice + 1, end, output_tile));
  }
}

/// Returns the floats of the sums that a tree adds up.
inline std::int64_t partial_floats(const WeightTiling& tiling) {
  return tiling.sums.tiles() > 1 ? tiling.sums.tiles() * tiling.outputs.size * tiling.inputs.size : 0;
}

/// dweight += the tree sum of `sums` gradients of its shape, which it destroys.
inline void add_sums(Compute& compute, TensorView<float> dweight, float* partial, std::int64_t sums) {
  const std::int64_t outputs = dweight.rows(), inputs = dweight.columns();
  const ElementwiseKernels<float>& kernels = simd_kernels<float>(compute.simd()).elementwise;
  const Tiling lines = row_tiling(outputs, inputs * sums);
  compute.pool().run(lines.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t o = lines.first(tile); o < lines.first(tile) + lines.count(tile); ++o) {
      const auto line = [&](std::int64_t sum) { return partial + (sum * outputs + o) * inputs; };
      for (std::int64_t step = 1; step < sums; step *= 2) {
        for (std::int64_t sum = 0; sum + step < sums; sum += 2 * step) kernels.add(line(sum), line(sum + step), inputs);
      }
      kernels.add(dweight.row(o), line(0), inputs);
    }
  });
}

/// dweight += dy^T x, with x so short that it is packed at once.
template <class Factors>
void add_weight_gradient(Compute& compute, const Factors& factors, TensorView<float> dweight, TensorView<const float> dy,
                         TensorView<const float> x) {
  const std::int64_t outputs = dweight.rows(), inputs = dweight.columns();
  const WeightTiling tiling(dy.rows(), outputs, inputs, factors.panel(), longest_part<Factors>(kSliceBytes));
  const std::int64_t places = tiling.outputs.tiles() * tiling.inputs.tiles(), sums = tiling.sums.tiles();
  const std::int64_t packed_floats = PackedInputs<Factors>::floats(factors, tiling);
  float* memory = compute.shared_scratch<float>(packed_floats + partial_floats(tiling));
  const PackedInputs<Factors> packed(compute, factors, tiling, x, memory);
  const WeightProduct<Factors> product{factors, tiling, packed, dy};
  float* partial = memory + packed_floats;
  compute.pool().run(places * sums, [&](std::int64_t tile, int worker) {
    const std::int64_t sum = tile / places;
    const TensorView<float> target =
        sums > 1 ? TensorView<float>(partial + sum * outputs * inputs, outputs, inputs) : dweight;
    weight_tile(compute, worker, product, target, sum, tile % places, sums > 1 ? Write::overwrite : Write::add);
  });
  if (sums > 1) add_sums(compute, dweight, partial, sums);
}

/// Returns the scratch of add_weight_gradient.
template <class Factors>
ScratchSize weight_gradient_scratch(const Factors& factors, std::int64_t rows, std::int64_t inputs, std::int64_t outputs) {
  const WeightTiling tiling(rows, outputs, inputs, factors.panel(), longest_part<Factors>(kSliceBytes));
  const std::int64_t units = factors.block_units(tiling.outputs.count(0), tiling.slices.step);
  const std::int64_t floats = PackedInputs<Factors>::floats(factors, tiling) + partial_floats(tiling);
  return {.worker = units * static_cast<std::int64_t>(sizeof(typename Factors::Unit)),
          .shared = floats * static_cast<std::int64_t>(sizeof(float))};
}

}  // namespace lm
