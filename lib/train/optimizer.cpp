#include "train/optimizer.h"

#include <string>

#include "base/error.h"
#include "kernels/optimizer.h"

namespace lm {

namespace {

/// Returns which tensors have a second moment.
Tensors second_moments(OptimizerKind kind) {
  return kind == OptimizerKind::muon ? Tensors::outside_layer_matrices : Tensors::all;
}

}  // namespace

Optimizer::Optimizer(const ModelConfig& config, const OptimizerOptions& options)
    : options_(options), first_(config), second_(config, second_moments(options.kind)) {
  std::int64_t matrices = 0;
  for (const TensorSpec& spec : first_.tensors()) matrices += std::ssize(spec.matrix_rows);
  matrices_.reserve(static_cast<std::size_t>(matrices));
}

std::int64_t Optimizer::bytes(const ModelConfig& config, const OptimizerOptions& options) {
  return Parameters<float>::bytes(config) + Parameters<float>::bytes(config, second_moments(options.kind));
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

void Optimizer::step(Compute& compute, Parameters<float>& weights, const Parameters<float>& gradients, double learning_rate,
                     double gradient_scale) {
  ++steps_;
  matrices_.clear();
  const auto flat = [](const Parameters<float>& parameters, const TensorSpec& spec) {
    return TensorView<float>(parameters.view(spec).data(), spec.size());
  };
  auto second = second_.tensors().begin();
  for (const TensorSpec& spec : weights.tensors()) {
    if (options_.kind == OptimizerKind::muon && spec.in_layer_matrices()) {
      std::int64_t first = 0;
      for (const std::int64_t rows : spec.matrix_rows) {
        matrices_.push_back({.weight = weights.view(spec).rows(first, rows),
                             .moment = first_.view(spec).rows(first, rows),
                             .gradient = gradients.view(spec).rows(first, rows)});
        first += rows;
      }
      continue;
    }
    adamw<float>(compute, flat(weights, spec), flat(first_, spec), flat(second_, *second++), flat(gradients, spec),
                 {.learning_rate = learning_rate,
                  .beta1 = options_.betas.first,
                  .beta2 = options_.betas.second,
                  .eps = options_.eps,
                  .weight_decay = spec.decay ? options_.weight_decay : 0.0,
                  .gradient_scale = gradient_scale,
                  .step = steps_});
  }
  muon<float>(compute, matrices_,
              {.learning_rate = learning_rate,
               .momentum = options_.momentum,
               .weight_decay = options_.weight_decay,
               .gradient_scale = gradient_scale});
}

}  // namespace lm
