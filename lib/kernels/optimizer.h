// AdamW and the moving average of the weights, over whole tensors. In plain loops: tests/kernels/optimizer_test.cpp. (Which
// tensors an optimizer updates, and how: train/optimizer.h.)
#pragma once

#include <cstdint>

#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

struct AdamWStep {
  double learning_rate;
  double beta1;
  double beta2;
  double eps;
  double weight_decay;    // 0 for tensors without decay
  double gradient_scale;  // clipping and loss denominators, folded in
  std::int64_t step;      // from 1, for bias correction
};

/// g = gradient_scale * gradient; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g^2;
/// w -= learning_rate * (m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps) + weight_decay * w)      AdamW, arXiv:1711.05101
/// All are contiguous and of one size.
template <class T>
void adamw(Compute& compute, TensorView<T> weight, TensorView<T> first_moment, TensorView<T> second_moment,
           TensorView<const T> gradient, const AdamWStep& step);

/// average = decay * average + (1 - decay) * weight: exponential moving average of the weights.
template <class T>
void moving_average(Compute& compute, TensorView<T> average, TensorView<const T> weight, double decay);

}  // namespace lm
