// The gradient noise scale: how many tokens a step can have before more of them stop paying off (arXiv:1812.06162).
//
// The gradient of a batch of B targets is the true one, G, and noise: E |G_B|^2 = |G|^2 + tr(S) / B, where S is the covariance of
// a target's gradient. A step knows the gradient of its whole batch and those of its micro-batches, which are smaller batches;
// from both follow unbiased estimates of |G|^2 and tr(S), as in appendix A.1 of the paper, here for micro-batches of any
// weights. The ratio tr(S) / |G|^2 is the noise scale, in targets. Each of the two varies much from step to step, and the
// mean of a ratio is not the ratio of means: they are averaged separately.
//
// Assumptions: all micro-batches have the same expected gradient, and the variance of their mean gradients falls with the weight
// of their targets. A mixture of objectives, whose gradients differ, counts that difference as noise, as dropout is counted.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "kernels/compute.h"
#include "model/parameters.h"

namespace lm {

/// What the estimate needs of a micro-batch: a process that has computed it can tell others with these two numbers.
struct MicroBatchNorm {
  double squares = 0;  // of its gradient's elements, with the denominator of the whole step
  double weight = 0;   // sum of its targets' weights
};

struct NoiseEstimate {
  double noise = 0;   // tr(S), for one target
  double signal = 0;  // |G|^2
};

/// Returns what a step says of both, or empty if fewer than two micro-batches have targets or a sum is not finite. `norms`: in the order of
/// micro-batches; `squares`: of the sum of their gradients. Either can be negative.
std::optional<NoiseEstimate> estimate_noise(std::span<const MicroBatchNorm> norms, double squares);

/// The sum of squares of a micro-batch's gradient: of each tensor a tree over tiles, and those in the order of tensors. It is
/// told of them in any order, since what is complete may be added to other gradients at once.
class GradientSquares {
 public:
  /// Takes in the tensors in the elements [begin, end) of the arena.
  void add(Compute& compute, const Parameters<float>& gradients, std::int64_t begin, std::int64_t end);
  /// Returns the sum, and begins another.
  double take();

 private:
  std::vector<double> tensors_, tiles_;
  std::vector<std::span<const float>> parts_;
};

/// Means over the steps, in which the last hundred or so count; saved with the state.
struct NoiseAverage {
  std::int64_t steps = 0;  // that it has taken in
  NoiseEstimate mean;

  void add(const NoiseEstimate& estimate);
  /// Returns noise / signal in targets, or empty unless both are positive, as after some steps they are.
  std::optional<double> scale() const;
};

}  // namespace lm
