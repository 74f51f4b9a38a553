#include "train/optimizer.h"

#include "kernels/optimizer.h"

namespace lm {

void Optimizer::step(Compute& compute, Parameters<float>& weights, const Parameters<float>& gradients, double learning_rate,
                     double gradient_scale) {
  ++steps_;
  const auto flat = [](const Parameters<float>& parameters, const TensorSpec& spec) {
    return TensorView<float>(parameters.view(spec).data(), spec.size());
  };
  for (const TensorSpec& spec : weights.tensors()) {
    adamw<float>(compute, flat(weights, spec), flat(first_, spec), flat(second_, spec), flat(gradients, spec),
                 {.learning_rate = learning_rate,
                  .beta1 = options_.beta1,
                  .beta2 = options_.beta2,
                  .eps = options_.eps,
                  .weight_decay = spec.decay ? options_.weight_decay : 0.0,
                  .gradient_scale = gradient_scale,
                  .step = steps_});
  }
}

}  // namespace lm
