#include "train/noise_scale.h"

#include <algorithm>
#include <cmath>

#include "kernels/elementwise.h"

namespace lm {

namespace {
// Weight of the latest step, once there are enough: the mean is then one of about the last hundred.
constexpr double kLatest = 0.01;
}  // namespace

std::optional<NoiseEstimate> estimate_noise(std::span<const MicroBatchNorm> norms, double squares) {
  double weight = 0, weight_squares = 0, parts = 0;
  for (const MicroBatchNorm& norm : norms) {
    weight += norm.weight;
    weight_squares += norm.weight * norm.weight;
    parts += norm.squares;
  }
  // With w_i of W targets a micro-batch's part of the step's gradient is g_i = w_i / W times its mean gradient, so that
  //   E sum |g_i|^2 = q |G|^2 + tr(S) / W   with q = sum w_i^2 / W^2,   and   E |sum g_i|^2 = |G|^2 + tr(S) / W.
  const double q = weight > 0 ? weight_squares / (weight * weight) : 1;  // 1: of one micro-batch only
  if (!(q < 1) || !std::isfinite(parts)) return std::nullopt;
  return NoiseEstimate{.noise = weight * (parts - q * squares) / (1 - q), .signal = (squares - parts) / (1 - q)};
}

double gradient_squares(Compute& compute, const Parameters<float>& gradients) {
  double sum = 0;
  for (const TensorSpec& spec : gradients.tensors()) sum += sum_of_squares<float>(compute, gradients.view(spec));
  return sum;
}

void NoiseAverage::add(const NoiseEstimate& estimate) {
  steps += 1;
  const double latest = std::max(1.0 / static_cast<double>(steps), kLatest);
  mean.noise += latest * (estimate.noise - mean.noise);
  mean.signal += latest * (estimate.signal - mean.signal);
}

std::optional<double> NoiseAverage::scale() const {
  if (!(mean.noise > 0) || !(mean.signal > 0)) return std::nullopt;
  return mean.noise / mean.signal;
}

}  // namespace lm
