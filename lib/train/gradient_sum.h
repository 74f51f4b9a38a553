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
  /// Ends the micro-batch that next() began.
  void done(Compute& compute);
  /// Returns the sum of all since the last call, at least one, and empties the tree.
  const Parameters<float>& total(Compute& compute);

 private:
  std::vector<Parameters<float>> arenas_;
  std::vector<std::size_t> levels_;  // arena at each level; kEmpty if none
  std::vector<std::size_t> free_;
  std::size_t current_ = 0;
};

}  // namespace lm
