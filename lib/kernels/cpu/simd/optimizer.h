// AdamW and the moving average for one tier, and the loop that measures what the arithmetic units can do.
#pragma once

#include <cstdint>

namespace lm {

/// One step of AdamW with its constants folded: see kernels/optimizer.h.
template <class T>
struct AdamWConstants {
  T gradient_scale;
  T beta1, one_minus_beta1;
  T beta2, one_minus_beta2;
  T step_size;     // learning_rate / (1 - beta1^t)
  T inverse_root;  // 1 / sqrt(1 - beta2^t)
  T eps;
  T decay;  // learning_rate * weight_decay
};

template <class T>
struct OptimizerKernels {
  void (*adamw)(T* weight, T* first, T* second, const T* gradient, std::int64_t n, const AdamWConstants<T>& constants);
  /// average = decay * average + (1 - decay) * weight.
  void (*moving_average)(T* average, const T* weight, T decay, std::int64_t n);
  /// Runs `rounds` rounds of independent multiply-adds in registers; returns a value that depends on all of them.
  T (*multiply_add_rounds)(std::int64_t rounds);
  /// Floating-point operations in one such round.
  std::int64_t operations_per_round;
};

}  // namespace lm
