// The moments of an optimizer: what it remembers of the gradients, of the tensors of one shard.
#pragma once

#include <cstdint>
#include <vector>

#include "tensor/arena.h"
#include "tensor/view.h"
#include "train/shards.h"

namespace lm {

enum class Moment {
  first,   // of all tensors
  second,  // of those that AdamW updates
};

/// Returns whether a unit has the moment.
inline bool has_moment(const UpdateUnit& unit, Moment which) { return which == Moment::first || unit.rows == 0; }

/// A shard's part of one moment, zeroed, without a gap between tensors.
class MomentShard {
 public:
  MomentShard(const Shards& shards, int shard, Moment which);
  /// Returns the bytes that the constructor would allocate.
  static std::int64_t bytes(const Shards& shards, int shard, Moment which);
  /// Returns what the shard has of a tensor; of size 0 if nothing.
  TensorRange range(std::size_t tensor) const { return ranges_[tensor]; }
  /// Returns elements of a tensor that the shard has.
  TensorView<float> part(std::size_t tensor, std::int64_t first, std::int64_t size) const;
  TensorView<float> flat() const { return TensorView<float>(arena_.data(), arena_.size()); }

 private:
  std::vector<TensorRange> ranges_;   // of each tensor
  std::vector<std::int64_t> begins_;  // of the ranges, in the arena
  Arena<float> arena_;
};

}  // namespace lm
