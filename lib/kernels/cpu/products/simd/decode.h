// Products for decoding: each output is one fixed chain, whatever else is computed with it.
#pragma once

#include <cstdint>

#include "kernels/cpu/products/product.h"

namespace lm {

template <class T>
struct DecodeKernels {
  /// Returns the sum of x[i] w[i]: a fixed pattern of lanes and a fixed tree.
  T (*dot)(const T* x, const T* w, std::int64_t n);
  /// y (m, n) = x (m, depth) weight (n, depth)^T + bias (n) or null, each element as dot computes it.
  void (*linear_decode)(Strided<T> y, Strided<const T> x, Strided<const T> weight, const T* bias, ProductShape shape);
  /// y (n) = the sum of weights[j] * rows[j] (count, n), in the order of j.
  void (*weighted_rows)(T* y, const T* weights, Strided<const T> rows, std::int64_t count, std::int64_t n);
};

}  // namespace lm
