// LayerNorm and RMSNorm.
#pragma once

#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// y[i,:] = gain * (x[i,:] - mean) * rstd + bias, rstd = 1 / sqrt(variance + eps)      LayerNorm, arXiv:1607.06450
/// x, y: (rows, width)  gain: (width)  bias: (width) or empty  mean, rstd: (rows), kept for backward. y may be x.
template <class T>
void layernorm_forward(Compute& compute, TensorView<T> y, TensorView<T> mean, TensorView<T> rstd, TensorView<const T> x,
                       TensorView<const T> gain, TensorView<const T> bias, double eps);

/// dx += the input's gradient; dgain, dbias (or empty) += theirs, summed over rows in a fixed tree.
template <class T>
void layernorm_backward(Compute& compute, TensorView<T> dx, TensorView<T> dgain, TensorView<T> dbias, TensorView<const T> dy,
                        TensorView<const T> x, TensorView<const T> gain, TensorView<const T> mean, TensorView<const T> rstd);

/// y[i,g,:] = gain * x[i,g,:] * rstd[i,g], rstd = 1 / sqrt(mean(x[i,g,:]^2) + eps)      RMSNorm, arXiv:1910.07467
/// x, y: (rows, groups, width), a matrix counts as one group (heads of QK-norm are groups)  gain: (width)
/// rstd: (rows, groups) or (rows), contiguous, kept for backward. y may be x.
template <class T>
void rmsnorm_forward(Compute& compute, TensorView<T> y, TensorView<T> rstd, TensorView<const T> x, TensorView<const T> gain,
                     double eps);

/// dx += the input's gradient; dgain += its own. x is what forward read.
template <class T>
void rmsnorm_backward(Compute& compute, TensorView<T> dx, TensorView<T> dgain, TensorView<const T> dy, TensorView<const T> x,
                      TensorView<const T> gain, TensorView<const T> rstd);
/// The same with dx replacing dy in place (QK-norm inside dqkv).
template <class T>
void rmsnorm_backward_in_place(Compute& compute, TensorView<T> dy_to_dx, TensorView<T> dgain, TensorView<const T> x,
                               TensorView<const T> gain, TensorView<const T> rstd);

/// Scratch of both norms' backward passes over so many rows.
template <class T>
ScratchSize layernorm_scratch(std::int64_t rows, std::int64_t width);
template <class T>
ScratchSize rmsnorm_scratch(std::int64_t rows, std::int64_t width);

}  // namespace lm
