// Products of linear layers with 16-bit factors: their tiles, over the kernels of half/.
#pragma once

#include "kernels/cpu/product.h"
#include "kernels/matmul.h"

namespace lm {

/// linear_forward with the weight's copies.
void half_forward(Compute& compute, TensorView<float> y, TensorView<const float> x, const HalfWeight& weight,
                  TensorView<const float> bias, Write write);
/// linear_backward_input with the weight's copies.
void half_backward_input(Compute& compute, TensorView<float> dx, TensorView<const float> dy, const HalfWeight& weight,
                         Write write);
/// c = dy^T x, or c += where add: one tile of a weight's gradient, on the calling thread.
void half_weight_tile(Compute& compute, int worker, float* c, std::int64_t c_stride, const Operand<float>& dy,
                      const Operand<float>& x, ProductShape shape, bool add, Precision precision);

/// Bytes of scratch of the products with rows of `depth`, and of one tile of a weight's gradient.
std::int64_t half_rows_scratch(Precision precision, std::int64_t rows, std::int64_t depth);
std::int64_t half_weight_tile_scratch(Precision precision, ProductShape shape);

}  // namespace lm
