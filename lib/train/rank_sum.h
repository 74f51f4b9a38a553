// RankSum: the gradients of all ranks, added in the same tree as those of one process, each shard on the rank that updates it.
//
// Each rank's gradients are the sum of a subtree. Halving: with the partners rank^1, rank^2, rank^4, ... in turn, a rank gives
// away one half of the shards that it still adds up and gets its partner's sums of the other half; in the end it has its own
// shard of the whole sum. Each sum of two is one node of the tree, so its bits are those of GradientSum. Doubling goes back
// the same way with the shards of the weights, until every rank has all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/compute.h"
#include "model/parameters.h"
#include "train/ranks/ranks.h"
#include "train/shards.h"

namespace lm {

/// Elements of arenas in memory order, as a run of shards has them.
struct ArenaSpan {
  std::int64_t offset = 0, size = 0;
};

/// How many of a step's micro-batches there are, and how many of them each rank has at the most: the first ranks have all.
struct StepPlan {
  std::int64_t micro_batches = 0;
  std::int64_t per_rank = 0;
};

/// Bytes that one rank sends in a step, the most of any.
struct SentBytes {
  std::int64_t gradients = 0, weights = 0, rest = 0;
  std::int64_t total() const { return gradients + weights + rest; }
};

class RankSum {
 public:
  /// Ranks and shards, one for each rank, outlive it.
  RankSum(Ranks& ranks, const Shards& shards);
  /// Returns the bytes that the constructor would allocate.
  static std::int64_t bytes(int ranks);
  /// Returns what a step of `micro_batches` of `sequences` sends.
  static SentBytes sent(const Shards& shards, std::int64_t sequences, std::int64_t micro_batches, std::int64_t objectives);

  /// Adds up the elements [begin, end) of all ranks' `gradients`. Afterwards this rank's shard of them is the sum; what the
  /// others are is unspecified. `compute` may be another than that of the main thread.
  void add_up(Compute& compute, const Parameters<float>& gradients, std::int64_t begin, std::int64_t end, StepPlan plan);
  /// Gives every rank all shards of the weights.
  void gather(Compute& compute, const Parameters<float>& weights);
  /// Returns the sum of squares of the gradients: this rank's shard of them is the sum. A tree over tiles of each tensor, and
  /// one over tensors.
  double sum_of_squares(Compute& compute, const Parameters<float>& gradients);

 private:
  /// Shards [first, end).
  struct Run {
    int first = 0, end = 0;
    Run lower() const { return {first, (first + end) / 2}; }
    Run upper() const { return {(first + end) / 2, end}; }
  };
  enum class Receive { add, replace };
  std::vector<ArenaSpan> spans(Run run, std::int64_t begin, std::int64_t end) const;
  void exchange(Compute& compute, int partner, const Parameters<float>& parameters, std::span<const ArenaSpan> out,
                std::span<const ArenaSpan> in, Receive receive);
  std::vector<double> gather_tiles(Compute& compute, const Parameters<float>& gradients);

  Ranks& ranks_;
  const Shards& shards_;
  int shard_;
  std::vector<float> sent_, received_;  // a piece of a message
  std::int64_t most_tiles_ = 0;         // of a shard
};

}  // namespace lm
