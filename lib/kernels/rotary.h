// Rotary position embedding. In plain loops: the cases of tests/kernels/rotary_test.cpp.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// cosine[p,i] = factor * cos(p * frequencies[i]), sine likewise. Frequencies and angles are rounded to float, as transformers
/// rounds them, by which the models that people have were trained; the rest is computed in double.
/// cosine, sine: (positions, R/2), R the channels that turn  frequencies: (R/2), radians a position.
template <class T>
void rotary_table(TensorView<T> cosine, TensorView<T> sine, std::span<const double> frequencies, double factor = 1);

/// Which channels turn together: (i, i + R/2), as in GPT-NeoX, Llama and Qwen, or (2i, 2i + 1), as in GPT-J.
enum class RotaryPairs { halves, neighbours };

/// Rotates in place the pairs of the first R channels of each head by the angle of the row's position (RoFormer,
/// arXiv:2104.09864); the others stay. x: (rows, heads, D), R <= D  cosine, sine: (positions, R/2)
/// position of row r: first_position + r % period.
template <class T>
void rotary_forward(Compute& compute, TensorView<T> x, TensorView<const T> cosine, TensorView<const T> sine,
                    RotaryPairs pairs, std::int64_t period, std::int64_t first_position = 0);

/// Rotates a gradient back, in place (the rotation's transpose).
template <class T>
void rotary_backward(Compute& compute, TensorView<T> dx, TensorView<const T> cosine, TensorView<const T> sine,
                     RotaryPairs pairs, std::int64_t period);

}  // namespace lm
