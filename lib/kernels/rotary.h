// Rotary position embedding. In plain loops: the cases of tests/kernels/rotary_test.cpp.
#pragma once

#include <cstdint>

#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// cosine[p,i] = cos(p * theta^(-2i/D)), sine likewise, computed in double. cosine, sine: (positions, D/2).
template <class T>
void rotary_table(TensorView<T> cosine, TensorView<T> sine, double theta);

/// Rotates in place the pairs (x[.., i], x[.., i + D/2]) by the angle of the row's position (RoFormer, arXiv:2104.09864;
/// halves as in GPT-NeoX, Llama and Qwen). x: (rows, heads, D)  position of row r: first_position + r % period.
template <class T>
void rotary_forward(Compute& compute, TensorView<T> x, TensorView<const T> cosine, TensorView<const T> sine,
                    std::int64_t period, std::int64_t first_position = 0);

/// Rotates a gradient back, in place (the rotation's transpose).
template <class T>
void rotary_backward(Compute& compute, TensorView<T> dx, TensorView<const T> cosine, TensorView<const T> sine,
                     std::int64_t period);

}  // namespace lm
