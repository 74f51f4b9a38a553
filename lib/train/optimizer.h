// The optimizers of a model's parameters: AdamW, and Muon for the matrices of the layers. Clipping is part of the step.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/compute.h"
#include "kernels/muon.h"
#include "model/parameters.h"
#include "train/moments.h"
#include "train/optimizer_options.h"
#include "train/shards.h"

namespace lm {

/// Holds the moments of a shard, by default of all that there is, and the number of steps taken, which is all that it remembers.
class Optimizer {
 public:
  Optimizer(const ModelConfig& config, const OptimizerOptions& options, Share share = {});
  /// Returns the bytes of the moments that the constructor would allocate for the largest of `shares` shards.
  static std::int64_t bytes(const ModelConfig& config, const OptimizerOptions& options, int shares = 1);
  /// Returns the scratch that a step asks for.
  static ScratchSize scratch(const ModelConfig& config, const OptimizerOptions& options, SimdTier tier, int threads);

  /// Updates the shard's part of the weights from gradient_scale * gradients (clipping is in the scale).
  void step(Compute& compute, Parameters<float>& weights, const Parameters<float>& gradients, double learning_rate,
            double gradient_scale);

  const Shards& shards() const { return shards_; }
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  MomentShard& moment(Moment which) { return which == Moment::first ? first_ : second_; }
  const MomentShard& moment(Moment which) const { return which == Moment::first ? first_ : second_; }

 private:
  void adamw_range(Compute& compute, Parameters<float>& weights, const Parameters<float>& gradients, std::size_t tensor,
                   double learning_rate, double gradient_scale);
  OptimizerOptions options_;
  Shards shards_;
  MomentShard first_, second_;
  std::vector<MuonMatrix<float>> matrices_;  // of the current step
  std::int64_t steps_ = 0;
};

}  // namespace lm
