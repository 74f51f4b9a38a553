// AdamW over a model's arenas, with clipping folded in.
#pragma once

#include <cstdint>

#include "kernels/compute.h"
#include "model/parameters.h"

namespace lm {

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.95;
  double eps = 1e-8;
  double weight_decay = 0.1;  // of matrices; vectors do not decay
};

/// Both moments and the number of steps taken: all that the optimizer remembers.
class Optimizer {
 public:
  Optimizer(const ModelConfig& config, const AdamWOptions& options) : options_(options), first_(config), second_(config) {}

  /// One update of every tensor from gradient_scale * gradients (clipping is in the scale).
  void step(Compute& compute, Parameters<float>& weights, const Parameters<float>& gradients, double learning_rate,
            double gradient_scale);

  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  Parameters<float>& first_moment() { return first_; }
  Parameters<float>& second_moment() { return second_; }

 private:
  AdamWOptions options_;
  Parameters<float> first_, second_;
  std::int64_t steps_ = 0;
};

}  // namespace lm
