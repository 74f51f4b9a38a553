// Activations: the formulas are in kernels/activation.h. Gradients are added to what is there.
#pragma once

#include <cstdint>

namespace lm {

/// The functions of one activation.
template <class T>
struct ActivationFunctions {
  void (*forward)(T* y, const T* x, std::int64_t n);
  void (*backward)(T* dx, const T* dy, const T* x, std::int64_t n);
  void (*gated_forward)(T* y, const T* gate, const T* up, std::int64_t n);
  void (*gated_backward)(T* dgate, T* dup, const T* dy, const T* gate, const T* up, std::int64_t n);
};

template <class T>
struct ActivationKernels {
  /// y = exp(x).
  void (*exponential)(T* y, const T* x, std::int64_t n);
  ActivationFunctions<T> of[4];  // in the order of Activation
};

}  // namespace lm
