// How work is cut into tiles, each of which one thread computes. Boundaries depend on sizes only, never on the threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/round.h"

namespace lm {

/// A range cut into equal tiles; the last one may be shorter.
struct Tiling {
  std::int64_t size;
  std::int64_t step;
  std::int64_t tiles() const { return step > 0 ? divide_up(size, step) : 0; }
  std::int64_t first(std::int64_t tile) const { return tile * step; }
  std::int64_t count(std::int64_t tile) const { return std::min(step, size - tile * step); }
};

/// Returns rows in tiles of about `elements` elements.
inline Tiling row_tiling(std::int64_t rows, std::int64_t width, std::int64_t elements = 8192) {
  return {rows, std::max<std::int64_t>(1, elements / std::max<std::int64_t>(1, width))};
}

/// Returns a flat array in tiles that keep vectors, cache lines and groups of four random numbers whole.
inline Tiling flat_tiling(std::int64_t size, std::int64_t elements = 16384) { return {size, elements}; }

/// Returns `parts` equal tiles, at least one, of a multiple of `unit`.
inline Tiling equal_tiling(std::int64_t size, std::int64_t parts, std::int64_t unit) {
  return {size, round_up(divide_up(size, std::max<std::int64_t>(1, parts)), unit)};
}

/// sums[0 .. width) += the tree sum of `parts` rows of `partial` (each width long), which it destroys.
template <class T>
void add_tree_sum(T* sums, T* partial, std::int64_t parts, std::int64_t width) {
  for (std::int64_t step = 1; step < parts; step *= 2) {
    for (std::int64_t i = 0; i + step < parts; i += 2 * step) {
      T* into = partial + i * width;
      const T* from = partial + (i + step) * width;
      for (std::int64_t j = 0; j < width; ++j) into[j] += from[j];
    }
  }
  if (parts > 0) {
    for (std::int64_t j = 0; j < width; ++j) sums[j] += partial[j];
  }
}

}  // namespace lm
