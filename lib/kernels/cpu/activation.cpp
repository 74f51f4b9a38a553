#include "kernels/activation.h"

#include <algorithm>

#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {

template <class T>
void gelu_forward(Compute& compute, TensorView<T> y, TensorView<const T> x) {
  LM_CHECK(y.rows() == x.rows() && y.columns() == x.columns());
  const ActivationKernels<T>& kernels = simd_kernels<T>(compute.simd()).activation;
  const Tiling tiling = row_tiling(x.rows(), x.columns());
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) {
      kernels.gelu_forward(y.row(r), x.row(r), x.columns());
    }
  });
}

template <class T>
void gelu_backward(Compute& compute, TensorView<T> dx, TensorView<const T> dy, TensorView<const T> x, Write write) {
  LM_CHECK(dx.rows() == x.rows() && dx.columns() == x.columns() && dy.rows() == x.rows() && dy.columns() == x.columns());
  const ActivationKernels<T>& kernels = simd_kernels<T>(compute.simd()).activation;
  const Tiling tiling = row_tiling(x.rows(), x.columns());
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) {
      // Row by row, so that the zeros are still in the cache when the kernel reads them.
      if (write == Write::overwrite) std::fill_n(dx.row(r), x.columns(), T{0});
      kernels.gelu_backward(dx.row(r), dy.row(r), x.row(r), x.columns());
    }
  });
}

template <class T>
void swiglu_forward(Compute& compute, TensorView<T> y, TensorView<const T> gate_up) {
  const std::int64_t width = y.columns();
  LM_CHECK(y.rows() == gate_up.rows() && gate_up.columns() == 2 * width);
  const ActivationKernels<T>& kernels = simd_kernels<T>(compute.simd()).activation;
  const Tiling tiling = row_tiling(y.rows(), width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) {
      kernels.swiglu_forward(y.row(r), gate_up.row(r), gate_up.row(r) + width, width);
    }
  });
}

template <class T>
void swiglu_backward(Compute& compute, TensorView<T> dgate_up, TensorView<const T> dy, TensorView<const T> gate_up,
                     Write write) {
  const std::int64_t width = dy.columns();
  LM_CHECK(dy.rows() == gate_up.rows() && gate_up.columns() == 2 * width);
  LM_CHECK(dgate_up.rows() == dy.rows() && dgate_up.columns() == 2 * width);
  const ActivationKernels<T>& kernels = simd_kernels<T>(compute.simd()).activation;
  const Tiling tiling = row_tiling(dy.rows(), width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) {
      if (write == Write::overwrite) std::fill_n(dgate_up.row(r), 2 * width, T{0});
      kernels.swiglu_backward(dgate_up.row(r), dgate_up.row(r) + width, dy.row(r), gate_up.row(r), gate_up.row(r) + width,
                              width);
    }
  });
}

template void gelu_forward(Compute&, TensorView<float>, TensorView<const float>);
template void gelu_forward(Compute&, TensorView<double>, TensorView<const double>);
template void gelu_backward(Compute&, TensorView<float>, TensorView<const float>, TensorView<const float>, Write);
template void gelu_backward(Compute&, TensorView<double>, TensorView<const double>, TensorView<const double>, Write);
template void swiglu_forward(Compute&, TensorView<float>, TensorView<const float>);
template void swiglu_forward(Compute&, TensorView<double>, TensorView<const double>);
template void swiglu_backward(Compute&, TensorView<float>, TensorView<const float>, TensorView<const float>, Write);
template void swiglu_backward(Compute&, TensorView<double>, TensorView<const double>, TensorView<const double>, Write);

}  // namespace lm
