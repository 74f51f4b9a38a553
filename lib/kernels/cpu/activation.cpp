#include "kernels/activation.h"

#include <algorithm>

#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {

namespace {

template <class T>
const ActivationFunctions<T>& functions_of(Compute& compute, Activation activation) {
  return simd_kernels<T>(compute.simd()).activation.of[static_cast<int>(activation)];
}

/// Calls body(row) for each row of (rows, width).
template <class Body>
void for_each_row(Compute& compute, std::int64_t rows, std::int64_t width, Body&& body) {
  const Tiling tiling = row_tiling(rows, width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) body(r);
  });
}

}  // namespace

template <class T>
void activation_forward(Compute& compute, Activation activation, TensorView<T> y, TensorView<const T> x) {
  LM_CHECK(y.rows() == x.rows() && y.columns() == x.columns());
  const ActivationFunctions<T>& functions = functions_of<T>(compute, activation);
  for_each_row(compute, x.rows(), x.columns(), [&](std::int64_t r) { functions.forward(y.row(r), x.row(r), x.columns()); });
}

template <class T>
void activation_backward(Compute& compute, Activation activation, TensorView<T> dx, TensorView<const T> dy,
                         TensorView<const T> x, Write write) {
  LM_CHECK(dx.rows() == x.rows() && dx.columns() == x.columns() && dy.rows() == x.rows() && dy.columns() == x.columns());
  const ActivationFunctions<T>& functions = functions_of<T>(compute, activation);
  for_each_row(compute, x.rows(), x.columns(), [&](std::int64_t r) {
    // Row by row, so that the zeros are still in the cache when the kernel reads them.
    if (write == Write::overwrite) std::fill_n(dx.row(r), x.columns(), T{0});
    functions.backward(dx.row(r), dy.row(r), x.row(r), x.columns());
  });
}

template <class T>
void gated_forward(Compute& compute, Activation activation, TensorView<T> y, TensorView<const T> gate,
                   TensorView<const T> up) {
  const std::int64_t width = y.columns();
  LM_CHECK(y.rows() == gate.rows() && gate.columns() == width && y.rows() == up.rows() && up.columns() == width);
  const ActivationFunctions<T>& functions = functions_of<T>(compute, activation);
  for_each_row(compute, y.rows(), width,
               [&](std::int64_t r) { functions.gated_forward(y.row(r), gate.row(r), up.row(r), width); });
}

template <class T>
void gated_forward(Compute& compute, Activation activation, TensorView<T> y, TensorView<const T> gate_up) {
  const std::int64_t width = y.columns();
  LM_CHECK(gate_up.columns() == 2 * width);
  gated_forward(compute, activation, y, gate_up.columns(0, width), gate_up.columns(width, width));
}

template <class T>
void gated_backward(Compute& compute, Activation activation, TensorView<T> dgate_up, TensorView<const T> dy,
                    TensorView<const T> gate_up, Write write) {
  const std::int64_t width = dy.columns();
  LM_CHECK(dy.rows() == gate_up.rows() && gate_up.columns() == 2 * width);
  LM_CHECK(dgate_up.rows() == dy.rows() && dgate_up.columns() == 2 * width);
  const ActivationFunctions<T>& functions = functions_of<T>(compute, activation);
  for_each_row(compute, dy.rows(), width, [&](std::int64_t r) {
    if (write == Write::overwrite) std::fill_n(dgate_up.row(r), 2 * width, T{0});
    functions.gated_backward(dgate_up.row(r), dgate_up.row(r) + width, dy.row(r), gate_up.row(r), gate_up.row(r) + width,
                             width);
  });
}

template void activation_forward(Compute&, Activation, TensorView<float>, TensorView<const float>);
template void activation_forward(Compute&, Activation, TensorView<double>, TensorView<const double>);
template void activation_backward(Compute&, Activation, TensorView<float>, TensorView<const float>, TensorView<const float>,
                                  Write);
template void activation_backward(Compute&, Activation, TensorView<double>, TensorView<const double>,
                                  TensorView<const double>, Write);
template void gated_forward(Compute&, Activation, TensorView<float>, TensorView<const float>);
template void gated_forward(Compute&, Activation, TensorView<float>, TensorView<const float>, TensorView<const float>);
template void gated_forward(Compute&, Activation, TensorView<double>, TensorView<const double>);
template void gated_forward(Compute&, Activation, TensorView<double>, TensorView<const double>, TensorView<const double>);
template void gated_backward(Compute&, Activation, TensorView<float>, TensorView<const float>, TensorView<const float>,
                             Write);
template void gated_backward(Compute&, Activation, TensorView<double>, TensorView<const double>, TensorView<const double>,
                             Write);

}  // namespace lm
