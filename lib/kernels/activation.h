// Activations of the feed-forward part. In plain code: gelu() and silu() in tests/kernels/activation_test.cpp.
#pragma once

#include "kernels/compute.h"
#include "kernels/write.h"
#include "tensor/view.h"

namespace lm {

/// y = 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))      GELU's tanh form, arXiv:1606.08415 ("gelu_new")
/// x, y: (rows, F). y may be x.
template <class T>
void gelu_forward(Compute& compute, TensorView<T> y, TensorView<const T> x);
/// dx += dy * gelu'(x)      (dx = ... with Write::overwrite)
template <class T>
void gelu_backward(Compute& compute, TensorView<T> dx, TensorView<const T> dy, TensorView<const T> x,
                   Write write = Write::add);

/// y = silu(gate) * up, silu(z) = z / (1 + exp(-z))      SwiGLU, arXiv:2002.05202
/// gate_up: (rows, 2F), gate in the first F columns  y: (rows, F).
template <class T>
void swiglu_forward(Compute& compute, TensorView<T> y, TensorView<const T> gate_up);
/// dgate_up += gradients (or = with Write::overwrite). dgate_up: (rows, 2F)  dy: (rows, F).
template <class T>
void swiglu_backward(Compute& compute, TensorView<T> dgate_up, TensorView<const T> dy, TensorView<const T> gate_up,
                     Write write = Write::add);

}  // namespace lm
