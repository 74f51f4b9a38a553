// GELU's tanh form and SwiGLU: the formulas are in kernels/activation.h. Gradients are added to what is there.
#pragma once

#include <cstdint>

namespace lm {

template <class T>
struct ActivationKernels {
  /// y = exp(x).
  void (*exponential)(T* y, const T* x, std::int64_t n);
  void (*gelu_forward)(T* y, const T* x, std::int64_t n);
  void (*gelu_backward)(T* dx, const T* dy, const T* x, std::int64_t n);
  void (*swiglu_forward)(T* y, const T* gate, const T* up, std::int64_t n);
  void (*swiglu_backward)(T* dgate, T* dup, const T* dy, const T* gate, const T* up, std::int64_t n);
};

}  // namespace lm
