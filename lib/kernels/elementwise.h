// Residual sums, dropout and plain vector work. In plain loops: the cases of tests/kernels/elementwise_test.cpp.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// What a dropout mask is made from: element i of tensor `stream` is kept iff the 32 random bits at (key, stream, i) are at
/// least rate * 2^32; Philox at counter (i / 4, stream) gives four neighbours. Kept values are scaled by 1 / (1 - rate).
struct Dropout {
  double rate = 0;           // 0: nothing is dropped and the numbers are not drawn
  std::uint64_t key = 0;     // rng_key(seed, RngPurpose::dropout)
  std::uint64_t stream = 0;  // unique for step, micro-batch, layer and place
};

/// y = dropout(y). y: contiguous.
template <class T>
void dropout_forward(Compute& compute, TensorView<T> y, const Dropout& dropout);
/// dy = dropout's mask and scale times dy, in place.
template <class T>
void dropout_backward(Compute& compute, TensorView<T> dy, const Dropout& dropout);

/// y += x, contiguous, of the same size.
template <class T>
void add(Compute& compute, TensorView<T> y, TensorView<const T> x);
/// y = x, contiguous, of the same size.
template <class T>
void copy(Compute& compute, TensorView<T> y, TensorView<const T> x);
/// y = value.
template <class T>
void fill(Compute& compute, TensorView<T> y, T value);
/// y *= factor.
template <class T>
void scale(Compute& compute, TensorView<T> y, double factor);

/// sums[i] = the sum of squares of parts[i], in double: one thread a part, in a fixed order.
template <class T>
void sums_of_squares(Compute& compute, std::span<double> sums, std::span<const std::span<const T>> parts);
/// Returns the sum of values, over a fixed tree, whose lower sums take their places.
double tree_sum(std::span<double> values);
/// Returns whether every element is finite. x: contiguous.
template <class T>
bool all_finite(Compute& compute, TensorView<const T> x);

}  // namespace lm
