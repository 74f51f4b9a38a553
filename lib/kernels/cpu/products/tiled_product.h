// A product with a packed right factor, cut into tiles for the threads: y = x weight^T and dx = dy weight. Tiles and parts
// depend on shapes only. See product.h for the words.
#pragma once

#include <optional>

#include "kernels/cpu/products/factors.h"
#include "kernels/cpu/strided_view.h"
#include "kernels/cpu/tiling.h"

namespace lm {

// Tiles that a product aims at, so that threads end together.
inline constexpr std::int64_t kTilesWanted = 24;
// Most rows of a tile: whole passes of the micro-kernels, which stay in the second-level cache; and what tiles are cut by.
inline constexpr std::int64_t kRowStep = 168;
inline constexpr std::int64_t kRowUnit = 14;
inline constexpr std::int64_t kFewestColumns = 128;
// Bytes of each column of the longest part, so that a panel stays in the caches.
inline constexpr std::int64_t kDepthBytes = 2048;

/// Returns how many lines of depth have so many bytes in each column of a panel.
template <class Factors>
constexpr std::int64_t longest_part(std::int64_t bytes) {
  return bytes / static_cast<std::int64_t>(sizeof(typename Factors::Element));
}

/// Returns the tiles of a product's rows.
inline Tiling row_tiles(std::int64_t rows) { return equal_tiling(rows, divide_up(rows, kRowStep), kRowUnit); }

/// The tiles of c (m, n) = a (m, depth) b, and the parts of its sums.
template <class Factors>
struct ProductTiling {
  ProductTiling(const Factors& factors, const ProductShape& shape)
      : rows(row_tiles(shape.m)),
        columns(equal_tiling(
            shape.n, std::min(divide_up(kTilesWanted, std::max<std::int64_t>(1, rows.tiles())), shape.n / kFewestColumns),
            factors.panel())),
        parts(equal_tiling(shape.depth, divide_up(shape.depth, longest_part<Factors>(kDepthBytes)), factors.unit_depth())),
        tile_units(factors.row_units(rows.step, shape.depth)),
        part_units(factors.row_units(rows.step, parts.step)) {}
  /// Returns whether rows are rounded once for all tiles of columns, and not in each of them.
  bool rounds_once() const { return tile_units > 0 && columns.tiles() > 2; }
  Tiling rows;
  Tiling columns;
  Tiling parts;
  std::int64_t tile_units;  // of a row tile's rows
  std::int64_t part_units;  // of one part of them
};

/// All rows of a left factor, rounded once, one tile after another.
template <class Factors>
class RoundedRows {
 public:
  using Rows = typename Factors::Rows;
  using Unit = typename Factors::Unit;
  /// Returns the elements of memory that are needed; the first of them say where each tile's rows are.
  static std::int64_t size(const ProductTiling<Factors>& tiling) {
    const std::int64_t units = tiling.rows.tiles() * tiling.tile_units;
    return places(tiling) + divide_up(units * static_cast<std::int64_t>(sizeof(Unit)), sizeof(Rows));
  }
  /// memory: size().
  RoundedRows(Compute& compute, const Factors& factors, const ProductTiling<Factors>& tiling, TensorView<const float> a,
              Rows* memory)
      : rows_(memory) {
    auto* units = reinterpret_cast<Unit*>(memory + places(tiling));
    compute.pool().run(tiling.rows.tiles(), [&](std::int64_t tile, int) {
      rows_[tile] = factors.prepare_rows(units + tile * tiling.tile_units, strided(a, tiling.rows.first(tile)),
                                         tiling.rows.count(tile), a.columns());
    });
  }
  const Rows& of(std::int64_t tile) const { return rows_[tile]; }

 private:
  /// Whole lines of the cache.
  static std::int64_t places(const ProductTiling<Factors>& tiling) { return round_up(tiling.rows.tiles(), 64); }
  Rows* rows_;
};

/// c (m, n) = a (m, depth) b + bias (n) + addend (m, n), both of which may be empty; panels: all of b.
template <class Factors>
void tiled_product(Compute& compute, const Factors& factors, TensorView<float> c, TensorView<const float> a,
                   const typename Factors::Element* panels, TensorView<const float> bias, TensorView<const float> addend) {
  using Unit = typename Factors::Unit;
  using Rows = typename Factors::Rows;
  const std::int64_t depth = a.columns(), panel_size = factors.panel_size(depth);
  const ProductTiling<Factors> tiling(factors, {c.rows(), c.columns(), depth});
  const Tiling &rows = tiling.rows, &columns = tiling.columns, &parts = tiling.parts;
  std::optional<RoundedRows<Factors>> rounded;
  if (tiling.rounds_once()) {
    Rows* memory = compute.shared_scratch<Rows>(RoundedRows<Factors>::size(tiling));
    rounded.emplace(compute, factors, tiling, a, memory);
  }
  compute.pool().run(rows.tiles() * columns.tiles(), [&](std::int64_t tile, int worker) {
    const std::int64_t row_tile = tile / columns.tiles(), r = rows.first(row_tile), row_count = rows.count(row_tile);
    const std::int64_t o = columns.first(tile % columns.tiles()), count = columns.count(tile % columns.tiles());
    const Strided<float> to = strided(c, r, o);
    Unit* memory = rounded ? nullptr : compute.scratch<Unit>(worker, tiling.part_units);
    Addends<float> addends;
    if (!addend.empty()) addends = {addend.row(r) + o, addend.stride(0)};
    if (!bias.empty()) addends.each_row = bias.data() + o;
    const typename Factors::Element* packed = panels + o / factors.panel() * panel_size;
    for (std::int64_t part = 0; part < parts.tiles(); ++part, addends = {to.data, to.stride}) {
      const std::int64_t k = parts.first(part);
      Rows prepared;
      if (rounded) {
        prepared = rounded->of(row_tile);
        prepared.data += k / factors.unit_depth();
      } else {
        prepared = factors.prepare_rows(memory, strided(a, r, k), row_count, parts.count(part));
      }
      factors.multiply_rows(to, prepared, {packed + k * factors.panel(), panel_size}, {row_count, count, parts.count(part)},
                            addends);
    }
  });
}

/// Returns the scratch of tiled_product.
template <class Factors>
ScratchSize tiled_product_scratch(const Factors& factors, const ProductShape& shape) {
  const ProductTiling<Factors> tiling(factors, shape);
  if (tiling.rounds_once()) {
    return {.shared = RoundedRows<Factors>::size(tiling) * static_cast<std::int64_t>(sizeof(typename Factors::Rows))};
  }
  return {.worker = tiling.part_units * static_cast<std::int64_t>(sizeof(typename Factors::Unit))};
}

}  // namespace lm
