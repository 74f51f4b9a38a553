#include "train/optimizer.h"

#include <algorithm>

#include "base/error.h"
#include "kernels/optimizer.h"

namespace lm {

Optimizer::Optimizer(const ModelConfig& config, const OptimizerOptions& options, Share share)
    : options_(options),
      shards_(Parameters<float>::shapes(config), options.kind, share.count),
      first_(shards_, share.number, Moment::first),
      second_(shards_, share.number, Moment::second) {
  matrices_.reserve(shards_.units().size());
}

std::int64_t Optimizer::bytes(const ModelConfig& config, const OptimizerOptions& options, int shares) {
  const Shards shards(Parameters<float>::shapes(config), options.kind, shares);
  std::int64_t most = 0;
  for (int shard = 0; shard < shares; ++shard) {
    most =
        std::max(most, MomentShard::bytes(shards, shard, Moment::first) + MomentShard::bytes(shards, shard, Moment::second));
  }
  return most;
}

ScratchSize Optimizer::scratch(const ModelConfig& config, const OptimizerOptions& options, SimdTier tier, int threads) {
  ScratchSize size;
  if (options.kind != OptimizerKind::muon) return size;
  const Parameters<float> shapes = Parameters<float>::shapes(config);
  for (const TensorSpec& spec : shapes.tensors()) {
    for (const std::int64_t rows : spec.matrix_rows)
      size = larger(size, muon_scratch<float>(tier, threads, rows, spec.columns));
  }
  return size;
}

void Optimizer::adamw_range(Compute& compute, Parameters<float>& weights, const Parameters<float>& gradients,
                            std::size_t tensor, double learning_rate, double gradient_scale) {
  const TensorSpec& spec = weights.tensors()[tensor];
  const auto [first, size] = second_.range(tensor);
  const auto part = [first = first, size = size](const Parameters<float>& parameters, const TensorSpec& of) {
    return TensorView<float>(parameters.view(of).data() + first, size);
  };
  adamw<float>(compute, part(weights, spec), first_.part(tensor, first, size), second_.part(tensor, first, size),
               part(gradients, spec),
               {.learning_rate = learning_rate,
                .beta1 = options_.betas.first,
                .beta2 = options_.betas.second,
                .eps = options_.eps,
                .weight_decay = spec.decay ? options_.weight_decay : 0.0,
                .gradient_scale = gradient_scale,
                .step = steps_});
}

void Optimizer::step(Compute& compute, Parameters<float>& weights, const Parameters<float>& gradients, double learning_rate,
                     double gradient_scale) {
  ++steps_;
  matrices_.clear();
  for (std::size_t tensor = 0; tensor < weights.tensors().size(); ++tensor) {
    const TensorSpec& spec = weights.tensors()[tensor];
    if (second_.range(tensor).size > 0) adamw_range(compute, weights, gradients, tensor, learning_rate, gradient_scale);
    const TensorRange range = first_.range(tensor);
    for (const UpdateUnit& unit : shards_.units_of(tensor)) {
      if (unit.rows == 0 || unit.first < range.first || unit.first >= range.first + range.size) continue;
      const auto matrix = [&](float* elements) { return TensorView<float>(elements, unit.rows, spec.columns); };
      matrices_.push_back({.weight = matrix(weights.view(spec).data() + unit.first),
                           .moment = matrix(first_.part(tensor, unit.first, unit.size).data()),
                           .gradient = matrix(gradients.view(spec).data() + unit.first)});
    }
  }
  muon<float>(compute, matrices_,
              {.learning_rate = learning_rate,
               .momentum = options_.momentum,
               .weight_decay = options_.weight_decay,
               .gradient_scale = gradient_scale});
}

}  // namespace lm
