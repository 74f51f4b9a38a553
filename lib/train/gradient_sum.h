// GradientSum: gradients of a step's micro-batches, added in a balanced binary tree in their order.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/compute.h"
#include "model/parameters.h"

namespace lm {

/// Holds one arena per level of the tree, as a binary counter does: after n micro-batches, level i is full where bit i of n
/// is set. So a rank that later takes an aligned power of two of micro-batches holds a whole subtree.
class GradientSum {
 public:
  /// Room for up to `micro_batches` a step.
  GradientSum(const ModelConfig& config, std::int64_t micro_batches);
  /// Arenas that a step of `micro_batches` needs.
  static std::int64_t arenas(std::int64_t micro_batches);
  /// Bytes that the constructor would allocate.
  static std::int64_t bytes(const ModelConfig& config, std::int64_t micro_batches) {
    return arenas(micro_batches) * Parameters<float>::bytes(config);
  }

  /// A zeroed arena for the next micro-batch's gradients.
  Parameters<float>& next(Compute& compute);
  /// Ends the micro-batch that next() began.
  void done(Compute& compute);
  /// Sum of all since the last call; the tree is then empty. At least one must be done.
  const Parameters<float>& total(Compute& compute);

 private:
  std::vector<Parameters<float>> arenas_;
  std::vector<std::size_t> levels_;  // arena at each level; kEmpty where none
  std::vector<std::size_t> free_;
  std::size_t current_ = 0;
};

}  // namespace lm
