#include "train/noise_scale.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/round.h"
#include "kernels/elementwise.h"
#include "train/shards.h"

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

void GradientSquares::add(Compute& compute, const Parameters<float>& gradients, std::int64_t begin, std::int64_t end) {
  const std::vector<TensorSpec>& specs = gradients.tensors();
  const auto inside = [&](const TensorSpec& spec) { return spec.offset >= begin && spec.offset < end; };
  tensors_.resize(specs.size());
  parts_.clear();
  for (const TensorSpec& spec : specs) {
    if (inside(spec)) Shards::append_tiles(parts_, gradients.view(spec).data(), spec.size());
  }
  tiles_.resize(parts_.size());
  sums_of_squares<float>(compute, tiles_, parts_);
  std::size_t tile = 0;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    if (!inside(specs[i])) continue;
    const auto count = static_cast<std::size_t>(divide_up(specs[i].size(), Shards::kTile));
    tensors_[i] = tree_sum(std::span(tiles_).subspan(tile, count));
    tile += count;
  }
}

double GradientSquares::take() {
  double sum = 0;
  for (double& tensor : tensors_) sum += std::exchange(tensor, 0.0);
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
