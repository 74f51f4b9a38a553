// Activations of the feed-forward part. In plain code: value() in tests/kernels/activation_test.cpp.
#pragma once

#include "kernels/compute.h"
#include "kernels/write.h"
#include "tensor/view.h"

namespace lm {

/// Functions of one number:
///   gelu_tanh  0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3)))      arXiv:1606.08415 ("gelu_new", "gelu_pytorch_tanh")
///   gelu       0.5 x (1 + erf(x / sqrt(2)))                         the same, exact
///   silu       x / (1 + exp(-x))
///   relu       max(x, 0)
enum class Activation { gelu_tanh, gelu, silu, relu };
constexpr int kActivations = 4;

/// y = activation(x)
/// x, y: (rows, F). y may be x.
template <class T>
void activation_forward(Compute& compute, Activation activation, TensorView<T> y, TensorView<const T> x);
/// dx += dy * activation'(x)      (dx = ... with Write::overwrite)
template <class T>
void activation_backward(Compute& compute, Activation activation, TensorView<T> dx, TensorView<const T> dy,
                         TensorView<const T> x, Write write = Write::add);

/// y = activation(gate) * up      SwiGLU (silu) and GeGLU (gelu), arXiv:2002.05202
/// gate_up: (rows, 2F), gate in the first F columns  y: (rows, F).
template <class T>
void gated_forward(Compute& compute, Activation activation, TensorView<T> y, TensorView<const T> gate_up);
/// The same with gate and up apart: (rows, F) each.
template <class T>
void gated_forward(Compute& compute, Activation activation, TensorView<T> y, TensorView<const T> gate,
                   TensorView<const T> up);
/// dgate_up += gradients (or = with Write::overwrite). dgate_up: (rows, 2F)  dy: (rows, F).
template <class T>
void gated_backward(Compute& compute, Activation activation, TensorView<T> dgate_up, TensorView<const T> dy,
                    TensorView<const T> gate_up, Write write = Write::add);

}  // namespace lm
