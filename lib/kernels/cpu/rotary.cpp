#include "kernels/rotary.h"

#include <cmath>

#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {

namespace {

template <class T>
void rotate_rows(Compute& compute, TensorView<T> x, TensorView<const T> cosine, TensorView<const T> sine, RotaryPairs pairs,
                 std::int64_t period, std::int64_t first_position, T direction) {
  const std::int64_t half = cosine.columns();
  LM_CHECK(x.rank() == 3 && x.dim(2) >= 2 * half && period > 0);
  LM_CHECK(sine.columns() == half && sine.rows() == cosine.rows());
  LM_CHECK(first_position + std::min(period, x.rows()) <= cosine.rows());
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  const auto rotate = pairs == RotaryPairs::halves ? kernels.rotate : kernels.rotate_neighbours;
  const Tiling tiling = row_tiling(x.rows(), x.dim(1) * x.dim(2));
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = tiling.first(tile);
    for (std::int64_t r = first; r < first + tiling.count(tile); ++r) {
      const std::int64_t position = first_position + r % period;
      rotate(x.row(r), cosine.row(position), sine.row(position), half, x.dim(1), x.stride(1), direction);
    }
  });
}

}  // namespace

template <class T>
void rotary_table(TensorView<T> cosine, TensorView<T> sine, std::span<const double> frequencies, double factor) {
  LM_CHECK(cosine.rows() == sine.rows() && cosine.columns() == sine.columns());
  LM_CHECK(static_cast<std::int64_t>(frequencies.size()) == cosine.columns());
  for (std::int64_t i = 0; i < cosine.columns(); ++i) {
    const float frequency = static_cast<float>(frequencies[static_cast<std::size_t>(i)]);
    for (std::int64_t p = 0; p < cosine.rows(); ++p) {
      const double angle = static_cast<double>(static_cast<float>(p) * frequency);
      cosine(p, i) = static_cast<T>(factor * std::cos(angle));
      sine(p, i) = static_cast<T>(factor * std::sin(angle));
    }
  }
}

template <class T>
void rotary_forward(Compute& compute, TensorView<T> x, TensorView<const T> cosine, TensorView<const T> sine,
                    RotaryPairs pairs, std::int64_t period, std::int64_t first_position) {
  rotate_rows(compute, x, cosine, sine, pairs, period, first_position, T{1});
}

template <class T>
void rotary_backward(Compute& compute, TensorView<T> dx, TensorView<const T> cosine, TensorView<const T> sine,
                     RotaryPairs pairs, std::int64_t period) {
  rotate_rows(compute, dx, cosine, sine, pairs, period, 0, T{-1});
}

template void rotary_table(TensorView<float>, TensorView<float>, std::span<const double>, double);
template void rotary_table(TensorView<double>, TensorView<double>, std::span<const double>, double);
template void rotary_forward(Compute&, TensorView<float>, TensorView<const float>, TensorView<const float>, RotaryPairs,
                             std::int64_t, std::int64_t);
template void rotary_forward(Compute&, TensorView<double>, TensorView<const double>, TensorView<const double>, RotaryPairs,
                             std::int64_t, std::int64_t);
template void rotary_backward(Compute&, TensorView<float>, TensorView<const float>, TensorView<const float>, RotaryPairs,
                              std::int64_t);
template void rotary_backward(Compute&, TensorView<double>, TensorView<const double>, TensorView<const double>, RotaryPairs,
                              std::int64_t);

}  // namespace lm
