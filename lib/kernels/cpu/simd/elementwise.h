// Plain vector work, dropout and rotation.
#pragma once

#include <cstdint>

namespace lm {

template <class T>
struct ElementwiseKernels {
  /// y += x.
  void (*add)(T* y, const T* x, std::int64_t n);
  /// sums[j] += the sum of x[r * stride + j] over rows r.
  void (*add_columns)(T* sums, const T* x, std::int64_t stride, std::int64_t rows, std::int64_t n);
  /// y *= factor.
  void (*scale)(T* y, T factor, std::int64_t n);
  /// Returns the sum of x[i]^2, in double.
  double (*sum_of_squares)(const T* x, std::int64_t n);
  /// Returns whether every element is finite.
  bool (*all_finite)(const T* x, std::int64_t n);
  /// Drops and scales elements [first, first + n) of a tensor; first is a multiple of 4. See kernels/elementwise.h.
  void (*dropout)(T* y, std::int64_t n, std::uint64_t first, std::uint64_t key, std::uint64_t stream,
                  std::uint32_t threshold, T keep_scale);
  /// Rotates the pairs (x[i], x[i + half]) of each head by the angles whose cosines and sines are given; direction: 1 or -1.
  void (*rotate)(T* x, const T* cosine, const T* sine, std::int64_t half, std::int64_t heads, std::int64_t head_stride,
                 T direction);
  /// The same of the pairs (x[2i], x[2i + 1]).
  void (*rotate_neighbours)(T* x, const T* cosine, const T* sine, std::int64_t half, std::int64_t heads,
                            std::int64_t head_stride, T direction);
};

}  // namespace lm
