// LayerNorm and RMSNorm. In plain loops: reference() in tests/kernels/norm_test.cpp.
#pragma once

#include "kernels/compute.h"
#include "kernels/write.h"
#include "tensor/view.h"

namespace lm {

/// What LayerNorm's forward pass keeps of each row for backward. mean, rstd: (rows)
template <class T>
struct LayerNormMoments {
  TensorView<T> mean, rstd;
};

/// y[i,:] = gain * (x[i,:] - mean) * rstd + bias, rstd = 1 / sqrt(variance + eps)      LayerNorm, arXiv:1607.06450
/// x, y: (rows, width)  gain: (width)  bias: (width) or empty. y may be x.
template <class T>
void layernorm_forward(Compute& compute, TensorView<T> y, LayerNormMoments<T> moments, TensorView<const T> x,
                       TensorView<const T> gain, TensorView<const T> bias, double eps);

/// dx += the gradient of x (or = with Write::overwrite, when dx may be dy); dgain, dbias (or empty) += theirs, summed over
/// rows in a fixed tree.
template <class T>
void layernorm_backward(Compute& compute, TensorView<T> dx, TensorView<T> dgain, TensorView<T> dbias, TensorView<const T> dy,
                        TensorView<const T> x, TensorView<const T> gain, LayerNormMoments<const T> moments,
                        Write write = Write::add);

/// y[i,g,:] = (offset + gain) * x[i,g,:] * rstd[i,g], rstd = 1 / sqrt(mean(x[i,g,:]^2) + eps)      RMSNorm, arXiv:1910.07467
/// x, y: (rows, groups, width), a matrix counts as one group (heads of QK-norm are groups)  gain: (width)
/// rstd: (rows, groups) or (rows), contiguous, kept for backward. y may be x.
template <class T>
void rmsnorm_forward(Compute& compute, TensorView<T> y, TensorView<T> rstd, TensorView<const T> x, TensorView<const T> gain,
                     double eps, double offset = 0);

/// dx += the gradient of x (or = with Write::overwrite, when dx may be dy); dgain += its own. x is what forward read.
template <class T>
void rmsnorm_backward(Compute& compute, TensorView<T> dx, TensorView<T> dgain, TensorView<const T> dy, TensorView<const T> x,
                      TensorView<const T> gain, TensorView<const T> rstd, double offset = 0, Write write = Write::add);

/// Returns the scratch of the norm's backward pass over `rows` rows.
template <class T>
ScratchSize layernorm_scratch(std::int64_t rows, std::int64_t width);
template <class T>
ScratchSize rmsnorm_scratch(std::int64_t rows, std::int64_t width);

}  // namespace lm
