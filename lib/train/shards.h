// Shards: how ranks divide the work of an optimizer: runs of whole matrices for Muon, ranges of elements for AdamW.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/round.h"
#include "model/parameters.h"
#include "train/optimizer_options.h"

namespace lm {

/// What one rank updates at once, and never a part of it: a matrix that Muon turns, or a tile of a tensor for AdamW.
struct UpdateUnit {
  std::size_t tensor = 0;   // in Parameters::tensors()
  std::int64_t first = 0;   // element of the tensor
  std::int64_t size = 0;    // elements
  std::int64_t offset = 0;  // of its first element in the arena
  std::int64_t rows = 0;    // of Muon's matrix; 0: AdamW's
  std::int64_t tile = 0;    // number of its first tile among those of all units
};

/// Elements [first, first + size) of a tensor.
struct TensorRange {
  std::int64_t first = 0, size = 0;
};

/// Which of how many equal shares.
struct Share {
  int number = 0, count = 1;
};

/// Returns the shard that a rank updates: its number with its bits reversed. Partners at a distance of 1 divide all between
/// them, those at a distance of 2 halves, and so on.
int shard_of_rank(int rank, int ranks);
inline int rank_of_shard(int shard, int ranks) { return shard_of_rank(shard, ranks); }

class Shards {
 public:
  /// Elements of a tile, of which there is one sum of squares; a unit has one or more.
  static constexpr std::int64_t kTile = 16384;

  /// shapes: of all tensors. The matrices and the rest are each divided by elements, in their order.
  Shards(const Parameters<float>& shapes, OptimizerKind kind, int count);

  int count() const { return count_; }
  /// Returns the units in the order of their elements in the arena.
  std::span<const UpdateUnit> units() const { return units_; }
  int shard_of(std::size_t unit) const { return shard_[unit]; }
  std::int64_t tiles() const { return tiles_; }
  static std::int64_t tiles_of(const UpdateUnit& unit) { return divide_up(unit.size, kTile); }
  /// Appends the tiles of so many values.
  static void append_tiles(std::vector<std::span<const float>>& tiles, const float* values, std::int64_t size);
  /// Returns the units of a tensor.
  std::span<const UpdateUnit> units_of(std::size_t tensor) const;
  /// Returns what a shard has of each tensor, which is one range; empty if nothing.
  std::vector<TensorRange> ranges(int shard) const;
  /// Returns the numbers of the units whose elements in the arena lie in [begin, end): a run of them.
  std::pair<std::size_t, std::size_t> units_between(std::int64_t begin, std::int64_t end) const;
  /// Returns the elements of shards [first, end).
  std::int64_t elements(int first, int end) const;

 private:
  void add_tensor(std::size_t number, const TensorSpec& spec, OptimizerKind kind);
  void divide();
  int count_;
  std::int64_t tiles_ = 0;
  std::vector<UpdateUnit> units_;
  std::vector<int> shard_;               // of each unit
  std::vector<std::size_t> first_unit_;  // of each tensor, and the end
};

}  // namespace lm
