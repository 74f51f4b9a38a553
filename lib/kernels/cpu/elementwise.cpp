#include "kernels/elementwise.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>

#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {

namespace {

template <class T>
void apply_dropout(Compute& compute, TensorView<T> y, const Dropout& dropout) {
  LM_CHECK(y.contiguous());
  LM_CHECK(dropout.rate >= 0 && dropout.rate < 1);
  if (dropout.rate == 0) return;
  const auto threshold = static_cast<std::uint32_t>(std::min(4294967295.0, std::ceil(dropout.rate * 4294967296.0)));
  const T keep_scale = static_cast<T>(1 / (1 - dropout.rate));
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  const Tiling tiling = flat_tiling(y.size());
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = tiling.first(tile);
    kernels.dropout(y.data() + first, tiling.count(tile), static_cast<std::uint64_t>(first), dropout.key, dropout.stream,
                    threshold, keep_scale);
  });
}

}  // namespace

template <class T>
void dropout_forward(Compute& compute, TensorView<T> y, const Dropout& dropout) {
  apply_dropout(compute, y, dropout);
}

template <class T>
void dropout_backward(Compute& compute, TensorView<T> dy, const Dropout& dropout) {
  apply_dropout(compute, dy, dropout);
}

template <class T>
void add(Compute& compute, TensorView<T> y, TensorView<const T> x) {
  LM_CHECK(y.contiguous() && x.contiguous() && y.size() == x.size());
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  const Tiling tiling = flat_tiling(y.size());
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    kernels.add(y.data() + tiling.first(tile), x.data() + tiling.first(tile), tiling.count(tile));
  });
}

template <class T>
void copy(Compute& compute, TensorView<T> y, TensorView<const T> x) {
  LM_CHECK(y.contiguous() && x.contiguous() && y.size() == x.size());
  const Tiling tiling = flat_tiling(y.size());
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    std::memcpy(y.data() + tiling.first(tile), x.data() + tiling.first(tile),
                static_cast<std::size_t>(tiling.count(tile)) * sizeof(T));
  });
}

template <class T>
void fill(Compute& compute, TensorView<T> y, T value) {
  LM_CHECK(y.contiguous());
  // The C library's memset has the widest stores of the machine, and gradients are zeroed every step.
  const bool zero = value == T{0} && !std::signbit(value);
  const Tiling tiling = flat_tiling(y.size());
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    T* const first = y.data() + tiling.first(tile);
    if (zero) {
      std::memset(first, 0, static_cast<std::size_t>(tiling.count(tile)) * sizeof(T));
    } else {
      std::fill_n(first, tiling.count(tile), value);
    }
  });
}

template <class T>
void scale(Compute& compute, TensorView<T> y, double factor) {
  LM_CHECK(y.contiguous());
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  const Tiling tiling = flat_tiling(y.size());
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    kernels.scale(y.data() + tiling.first(tile), static_cast<T>(factor), tiling.count(tile));
  });
}

template <class T>
void sums_of_squares(Compute& compute, std::span<double> sums, std::span<const std::span<const T>> parts) {
  LM_CHECK(sums.size() == parts.size());
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  compute.pool().run(std::ssize(parts), [&](std::int64_t i, int) {
    const std::span<const T> part = parts[static_cast<std::size_t>(i)];
    sums[static_cast<std::size_t>(i)] = kernels.sum_of_squares(part.data(), std::ssize(part));
  });
}

double tree_sum(std::span<double> values) {
  double sum = 0;
  add_tree_sum(&sum, values.data(), std::ssize(values), 1);
  return sum;
}

template <class T>
bool all_finite(Compute& compute, TensorView<const T> x) {
  LM_CHECK(x.contiguous());
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  const Tiling tiling = flat_tiling(x.size());
  std::atomic<bool> finite = true;
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    if (!kernels.all_finite(x.data() + tiling.first(tile), tiling.count(tile))) finite = false;
  });
  return finite;
}

template void dropout_forward(Compute&, TensorView<float>, const Dropout&);
template void dropout_forward(Compute&, TensorView<double>, const Dropout&);
template void dropout_backward(Compute&, TensorView<float>, const Dropout&);
template void dropout_backward(Compute&, TensorView<double>, const Dropout&);
template void add(Compute&, TensorView<float>, TensorView<const float>);
template void add(Compute&, TensorView<double>, TensorView<const double>);
template void copy(Compute&, TensorView<float>, TensorView<const float>);
template void copy(Compute&, TensorView<double>, TensorView<const double>);
template void fill(Compute&, TensorView<float>, float);
template void fill(Compute&, TensorView<double>, double);
template void scale(Compute&, TensorView<float>, double);
template void scale(Compute&, TensorView<double>, double);
template void sums_of_squares(Compute&, std::span<double>, std::span<const std::span<const float>>);
template void sums_of_squares(Compute&, std::span<double>, std::span<const std::span<const double>>);
template bool all_finite(Compute&, TensorView<const float>);
template bool all_finite(Compute&, TensorView<const double>);

}  // namespace lm
