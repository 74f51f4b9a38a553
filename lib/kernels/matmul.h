// Matrix products of linear layers: weights are (out, in), as torch.nn.Linear stores them.
#pragma once

#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// Whether a product replaces its output or adds to it.
enum class Write { overwrite, add };

/// y = x * weight^T + bias      (or y += ... with Write::add)
/// y: (rows, out)  x: (rows, in)  weight: (out, in)  bias: (out) or empty. Rows of x, y may be strided; y may not overlap x.
template <class T>
void linear_forward(Compute& compute, TensorView<T> y, TensorView<const T> x, TensorView<const T> weight,
                    TensorView<const T> bias, Write write = Write::overwrite);

/// dx += dy * weight            (dx = ... with Write::overwrite)
/// dx: (rows, in)  dy: (rows, out)  weight: (out, in).
template <class T>
void linear_backward_input(Compute& compute, TensorView<T> dx, TensorView<const T> dy, TensorView<const T> weight,
                           Write write = Write::add);

/// dweight += dy^T * x; dbias += column sums of dy where dbias is not empty.
/// dweight: (out, in)  dbias: (out) or empty  dy: (rows, out)  x: (rows, in).
template <class T>
void linear_backward_weight(Compute& compute, TensorView<T> dweight, TensorView<T> dbias, TensorView<const T> dy,
                            TensorView<const T> x);

/// The same formula as linear_forward, computed so that each output's bits depend on its row of x and of weight alone, never
/// on how many rows there are: what decoding uses. Bound by memory: each weight is read once for all rows.
template <class T>
void linear_decode(Compute& compute, TensorView<T> y, TensorView<const T> x, TensorView<const T> weight,
                   TensorView<const T> bias);

}  // namespace lm
