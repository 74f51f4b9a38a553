#include "kernels/cpu/simd/muon.h"

#include "kernels/cpu/simd/groups.h"
#include "kernels/cpu/simd/vector.h"

namespace lm::LM_TIER {
namespace {

template <class T>
void nesterov(T* __restrict update, T* __restrict moment, const T* __restrict gradient, std::int64_t n, T momentum,
              T gradient_fraction) {
  for (std::int64_t i = 0; i < n; ++i) {
    const T g = gradient_fraction * gradient[i];
    const T m = momentum * moment[i] + g;
    moment[i] = m;
    update[i] = momentum * m + g;
  }
}

template <class T>
void combine(T* __restrict y, const T* __restrict x, T y_factor, T x_factor, std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) y[i] = y_factor * y[i] + x_factor * x[i];
}

/// Copies elements [first, last) of a column below the diagonal to the row above it.
template <class T>
void mirror_column(T* x, std::int64_t n, std::int64_t column, std::int64_t first, std::int64_t last) {
  for (std::int64_t row = first; row < last; ++row) x[column * n + row] = x[row * n + column];
}

template <class T>
void mirror(T* x, std::int64_t n) {
  const std::int64_t whole = n / kLanes<T> * kLanes<T>;
  for (std::int64_t row = 0; row < whole; row += kLanes<T>) {
    for (std::int64_t column = 0; column < row; column += kLanes<T>) {
      Vec<T> square[kLanes<T>];
#pragma GCC unroll 16
      for (std::int64_t i = 0; i < kLanes<T>; ++i) square[i] = load(x + (row + i) * n + column);
      transpose<T>(square);
#pragma GCC unroll 16
      for (std::int64_t i = 0; i < kLanes<T>; ++i) store(x + (column + i) * n + row, square[i]);
    }
    for (std::int64_t i = row; i < row + kLanes<T>; ++i) mirror_column(x, n, i, i + 1, row + kLanes<T>);
  }
  for (std::int64_t column = 0; column < n; ++column) {
    mirror_column(x, n, column, column < whole ? whole : column + 1, n);
  }
}

}  // namespace

template <class T>
MuonKernels<T> muon_kernels() {
  return {.nesterov = nesterov<T>, .combine = combine<T>, .mirror = mirror<T>};
}
template MuonKernels<float> muon_kernels();
template MuonKernels<double> muon_kernels();

}  // namespace lm::LM_TIER
