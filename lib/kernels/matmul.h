// Matrix products of linear layers: weights are (out, in), as torch.nn.Linear stores them. In plain loops:
// reference_forward() and check_shape() in tests/kernels/matmul_test.cpp; with 16-bit factors, product() in half_test.cpp.
#pragma once

#include <span>

#include "kernels/compute.h"
#include "kernels/packed.h"
#include "kernels/precision.h"
#include "kernels/write.h"
#include "tensor/view.h"

namespace lm {

/// Copies of a weight (out, in) with 16-bit elements, in the orders in which the products of training read them.
struct HalfWeight {
  Precision precision = Precision::fp32;  // fp32: no copies
  std::uint16_t* across = nullptr;        // for x * weight^T: half_weight_size()
  std::uint16_t* along = nullptr;         // for dy * weight: half_weight_size()
};

/// A linear layer's weight: the matrix, and the copies, if any, that its products use instead; or packed matrices, stacked, which
/// serve linear_forward() without an addend, and nothing else.
template <class T>
struct LinearWeight {
  LinearWeight() = default;
  LinearWeight(const TensorView<const T>& weight) : matrix(weight) {}
  LinearWeight(const TensorView<T>& weight) : matrix(weight) {}
  TensorView<const T> matrix;                 // (out, in)
  HalfWeight half;                            // only with float
  std::span<const PackedMatrix> packed = {};  // only with float
};

/// Returns the elements of each copy; 0 with fp32.
std::int64_t half_weight_size(Precision precision, std::int64_t outputs, std::int64_t inputs);
/// Rounds the matrix into its copies, to nearest even; does nothing with fp32.
void round_weight(Compute& compute, const LinearWeight<float>& weight);

/// y = x * weight^T + bias + addend
/// y: (rows, out)  x: (rows, in)  weight: (out, in)  bias: (out) or empty  addend: (rows, out), may be y, or empty. Rows may
/// be strided; y may not overlap x. If weight has 16-bit copies, x is rounded as well.
template <class T>
void linear_forward(Compute& compute, TensorView<T> y, TensorView<const T> x, LinearWeight<T> weight,
                    TensorView<const T> bias, TensorView<const T> addend = {});

/// dx += dy * weight            (dx = ... with Write::overwrite)
/// dx: (rows, in)  dy: (rows, out)  weight: (out, in). If weight has 16-bit copies, dy is rounded as well.
template <class T>
void linear_backward_input(Compute& compute, TensorView<T> dx, TensorView<const T> dy, LinearWeight<T> weight,
                           Write write = Write::add);

/// dweight += dy^T * x; dbias += column sums of dy if dbias is not empty.
/// dweight: (out, in)  dbias: (out) or empty  dy: (rows, out)  x: (rows, in), both rounded to `precision` for dweight.
template <class T>
void linear_backward_weight(Compute& compute, TensorView<T> dweight, TensorView<T> dbias, TensorView<const T> dy,
                            TensorView<const T> x, Precision precision = Precision::fp32);

/// Returns the scratch of a linear layer's forward and backward passes over `rows` rows.
template <class T>
ScratchSize linear_scratch(SimdTier tier, Precision precision, std::int64_t rows, std::int64_t inputs, std::int64_t outputs);

}  // namespace lm
