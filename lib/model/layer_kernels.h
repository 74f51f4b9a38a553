// The kernels that a configuration chooses, the same in training and decoding.
#pragma once

#include <cmath>

#include "kernels/activation.h"
#include "kernels/norm.h"
#include "model/config.h"

namespace lm {

/// Returns the factor of attention's scores: 1 / sqrt(D).
inline double attention_scale(const ModelConfig& c) { return 1.0 / std::sqrt(static_cast<double>(c.head_dim)); }

/// Normalises the rows of x.
/// x, y: (rows, C)  mean, rstd: (rows), mean only with LayerNorm  gain, bias: (C). y may be x.
template <class T>
void norm_forward(Compute& compute, const ModelConfig& c, TensorView<T> y, TensorView<T> mean, TensorView<T> rstd,
                  TensorView<const T> x, TensorView<const T> gain, TensorView<const T> bias) {
  if (c.norm == Norm::layernorm) {
    layernorm_forward<T>(compute, y, {mean, rstd}, x, gain, bias, c.norm_eps);
  } else {
    rmsnorm_forward<T>(compute, y, rstd, x, gain, c.norm_eps);
  }
}

/// Applies the activation.
/// y: (rows, F)  up: (rows, 2F) with SwiGLU, else (rows, F).
template <class T>
void activation_forward(Compute& compute, const ModelConfig& c, TensorView<T> y, TensorView<const T> up) {
  if (c.activation == Activation::swiglu) {
    swiglu_forward<T>(compute, y, up);
  } else {
    gelu_forward<T>(compute, y, up);
  }
}

}  // namespace lm
