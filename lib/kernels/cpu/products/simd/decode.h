// Attention of single queries over cached keys and values: each number is one fixed chain, whatever is computed with it.
#pragma once

#include <cstdint>

#include "kernels/cpu/strided.h"

namespace lm {

template <class T>
struct DecodeKernels {
  /// Returns the sum of x[i] w[i]: a fixed pattern of lanes and a fixed tree.
  T (*dot)(const T* x, const T* w, std::int64_t n);
  /// scores[j] = the sum of query[i] keys[j][i] (count, width): one vector of sums for each key, added up in a fixed tree.
  void (*scores)(T* scores, const T* query, Strided<const T> keys, std::int64_t count, std::int64_t width);
  /// y (width) = the sum of weights[j] * rows[j] (count, width), in the order of j.
  void (*weighted_rows)(T* y, const T* weights, Strided<const T> rows, std::int64_t count, std::int64_t width);
};

}  // namespace lm
