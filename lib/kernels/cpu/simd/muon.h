// What Muon needs besides products: its moment, and work on symmetric matrices of which the lower half is known.
#pragma once

#include <cstdint>

namespace lm {

template <class T>
struct MuonKernels {
  /// g = gradient_fraction * gradient; moment = momentum * moment + g; update = momentum * moment + g.
  void (*nesterov)(T* update, T* moment, const T* gradient, std::int64_t n, T momentum, T gradient_fraction);
  /// y = y_factor * y + x_factor * x.
  void (*combine)(T* y, const T* x, T y_factor, T x_factor, std::int64_t n);
  /// Copies what is below the diagonal of x (n, n) to its place above.
  void (*mirror)(T* x, std::int64_t n);
};

}  // namespace lm
