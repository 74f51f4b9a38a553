// GradientSum: the gradients of a step's micro-batches, added in a balanced binary tree in their order.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/compute.h"
#include "model/parameters.h"

namespace lm {

/// Holds one arena for each level of the tree, as a binary counter has digits: after n micro-batches, level i is full if bit
/// i of n is set. An aligned power of two of micro-batches is a whole subtree, which another process could compute.
class GradientSum {
 public:
  /// Makes room for up to `micro_batches` a step.
  GradientSum(const ModelConfig& config, std::int64_t micro_batches);
  /// Returns the number of arenas that a step of `micro_batches` needs.
  static std::int64_t arenas(std::int64_t micro_batches);
  /// Returns the bytes that the constructor would allocate.
  static std::int64_t bytes(const ModelConfig& config, std::int64_t micro_batches) {
    return arenas(micro_batches) * Parameters<float>::bytes(config);
  }

  /// Returns a zeroed arena for the next micro-batch's gradients.
  Parameters<float>& next(Compute& compute);
  /// Returns it again, until done() or finish().
  const Parameters<float>& current() const { return arenas_[current_]; }
  /// Ends the micro-batch that next() began.
  void done(Compute& compute);
  /// In place of done(), of the step's last micro-batch: adds its elements [begin, end) to all sums before it. Each element of
  /// it is to be added once, in any order.
  void fold(Compute& compute, std::int64_t begin, std::int64_t end);
  /// Returns the sum of the step, which fold() ended, and empties the tree.
  Parameters<float>& finish();
  /// Returns where finish() will find the sum.
  Parameters<float>& sum();

 private:
  std::vector<Parameters<float>> arenas_;
  std::vector<std::size_t> levels_;  // arena at each level; kEmpty if none
  std::vector<std::size_t> free_;
  std::size_t current_ = 0;
};

}  // namespace lm
