#include "kernels/norm.h"

#include "kernels/cpu/dispatch.h"

namespace lm {

namespace {

/// Backward passes sum the gain's gradient per tile and then over tiles: at most 64 of them, so that the sums stay cheap.
Tiling backward_tiling(std::int64_t rows) { return {rows, std::max<std::int64_t>(8, divide_up(rows, 64))}; }

/// One row of groups, or rows that lie so that all groups of all rows are evenly spaced, can be walked as plain rows.
template <class T>
struct Groups {
  explicit Groups(const TensorView<T>& x)
      : data(x.data()),
        rows(x.dim(0)),
        groups(x.rank() == 3 ? x.dim(1) : 1),
        width(x.rank() == 3 ? x.dim(2) : x.dim(1)),
        row_stride(x.stride(0)),
        group_stride(x.rank() == 3 ? x.stride(1) : 0) {
    LM_CHECK(x.rank() == 2 || x.rank() == 3);
  }
  T* row(std::int64_t i) const { return data + i * row_stride; }
  T* data;
  std::int64_t rows, groups, width, row_stride, group_stride;
};

template <class T>
void rmsnorm_gradients(Compute& compute, Groups<T> dx, TensorView<T> dgain, Groups<const T> dy, Groups<const T> x,
                       TensorView<const T> gain, TensorView<const T> rstd, T keep) {
  LM_CHECK(dx.rows == x.rows && dy.rows == x.rows && dx.groups == x.groups && dy.groups == x.groups);
  LM_CHECK(dx.width == x.width && dy.width == x.width && dgain.size() == x.width && gain.size() == x.width);
  LM_CHECK(rstd.contiguous() && rstd.size() == x.rows * x.groups);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling tiling = backward_tiling(x.rows);
  T* partial = compute.shared_scratch<T>(tiling.tiles() * x.width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    T* sums = partial + tile * x.width;
    std::fill_n(sums, x.width, T{0});
    const std::int64_t first = tiling.first(tile), count = tiling.count(tile);
    if (x.groups == 1) {
      kernels.rmsnorm_backward(dx.row(first), dx.row_stride, sums, dy.row(first), dy.row_stride, x.row(first), x.row_stride,
                               gain.data(), rstd.data() + first, count, x.width, keep);
      return;
    }
    for (std::int64_t r = first; r < first + count; ++r) {
      kernels.rmsnorm_backward(dx.row(r), dx.group_stride, sums, dy.row(r), dy.group_stride, x.row(r), x.group_stride,
                               gain.data(), rstd.data() + r * x.groups, x.groups, x.width, keep);
    }
  });
  add_tree_sum(dgain.data(), partial, tiling.tiles(), x.width);
}

}  // namespace

template <class T>
void layernorm_forward(Compute& compute, TensorView<T> y, TensorView<T> mean, TensorView<T> rstd, TensorView<const T> x,
                       TensorView<const T> gain, TensorView<const T> bias, double eps) {
  const std::int64_t rows = x.rows(), width = x.columns();
  LM_CHECK(y.rows() == rows && y.columns() == width && mean.size() == rows && rstd.size() == rows);
  LM_CHECK(gain.size() == width && (bias.empty() || bias.size() == width));
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling tiling = row_tiling(rows, width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = tiling.first(tile);
    kernels.layernorm_forward(y.row(first), y.stride(0), mean.data() + first, rstd.data() + first, x.row(first), x.stride(0),
                              gain.data(), bias.data(), tiling.count(tile), width, static_cast<T>(eps));
  });
}

template <class T>
void layernorm_backward(Compute& compute, TensorView<T> dx, TensorView<T> dgain, TensorView<T> dbias, TensorView<const T> dy,
                        TensorView<const T> x, TensorView<const T> gain, TensorView<const T> mean,
                        TensorView<const T> rstd) {
  const std::int64_t rows = x.rows(), width = x.columns();
  LM_CHECK(dx.rows() == rows && dx.columns() == width && dy.rows() == rows && dy.columns() == width);
  LM_CHECK(dgain.size() == width && gain.size() == width && (dbias.empty() || dbias.size() == width));
  LM_CHECK(mean.size() == rows && rstd.size() == rows);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling tiling = backward_tiling(rows);
  T* partial = compute.shared_scratch<T>(2 * tiling.tiles() * width);
  T* partial_bias = partial + tiling.tiles() * width;
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = tiling.first(tile);
    T* gain_sums = partial + tile * width;
    T* bias_sums = dbias.empty() ? nullptr : partial_bias + tile * width;
    std::fill_n(gain_sums, width, T{0});
    if (bias_sums != nullptr) std::fill_n(bias_sums, width, T{0});
    kernels.layernorm_backward(dx.row(first), dx.stride(0), gain_sums, bias_sums, dy.row(first), dy.stride(0), x.row(first),
                               x.stride(0), gain.data(), mean.data() + first, rstd.data() + first, tiling.count(tile),
                               width);
  });
  add_tree_sum(dgain.data(), partial, tiling.tiles(), width);
  if (!dbias.empty()) add_tree_sum(dbias.data(), partial_bias, tiling.tiles(), width);
}

template <class T>
void rmsnorm_forward(Compute& compute, TensorView<T> y_view, TensorView<T> rstd, TensorView<const T> x_view,
                     TensorView<const T> gain, double eps) {
  const Groups<T> y(y_view);
  const Groups<const T> x(x_view);
  LM_CHECK(y.rows == x.rows && y.groups == x.groups && y.width == x.width && gain.size() == x.width);
  LM_CHECK(rstd.contiguous() && rstd.size() == x.rows * x.groups);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling tiling = row_tiling(x.rows, x.groups * x.width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = tiling.first(tile), count = tiling.count(tile);
    if (x.groups == 1) {
      kernels.rmsnorm_forward(y.row(first), y.row_stride, rstd.data() + first, x.row(first), x.row_stride, gain.data(),
                              count, x.width, static_cast<T>(eps));
      return;
    }
    for (std::int64_t r = first; r < first + count; ++r) {
      kernels.rmsnorm_forward(y.row(r), y.group_stride, rstd.data() + r * x.groups, x.row(r), x.group_stride, gain.data(),
                              x.groups, x.width, static_cast<T>(eps));
    }
  });
}

template <class T>
void rmsnorm_backward(Compute& compute, TensorView<T> dx, TensorView<T> dgain, TensorView<const T> dy, TensorView<const T> x,
                      TensorView<const T> gain, TensorView<const T> rstd) {
  rmsnorm_gradients<T>(compute, Groups<T>(dx), dgain, Groups<const T>(dy), Groups<const T>(x), gain, rstd, T{1});
}

template <class T>
void rmsnorm_backward_in_place(Compute& compute, TensorView<T> dy_to_dx, TensorView<T> dgain, TensorView<const T> x,
                               TensorView<const T> gain, TensorView<const T> rstd) {
  rmsnorm_gradients<T>(compute, Groups<T>(dy_to_dx), dgain, Groups<const T>(TensorView<const T>(dy_to_dx)),
                       Groups<const T>(x), gain, rstd, T{0});
}

template <class T>
ScratchSize rmsnorm_scratch(std::int64_t rows, std::int64_t width) {
  return {.shared = static_cast<std::int64_t>(sizeof(T)) * backward_tiling(rows).tiles() * width};
}

template <class T>
ScratchSize layernorm_scratch(std::int64_t rows, std::int64_t width) {
  return {.shared = 2 * rmsnorm_scratch<T>(rows, width).shared};
}

template ScratchSize rmsnorm_scratch<float>(std::int64_t, std::int64_t);
template ScratchSize rmsnorm_scratch<double>(std::int64_t, std::int64_t);
template ScratchSize layernorm_scratch<float>(std::int64_t, std::int64_t);
template ScratchSize layernorm_scratch<double>(std::int64_t, std::int64_t);
template void layernorm_forward(Compute&, TensorView<float>, TensorView<float>, TensorView<float>, TensorView<const float>,
                                TensorView<const float>, TensorView<const float>, double);
template void layernorm_forward(Compute&, TensorView<double>, TensorView<double>, TensorView<double>,
                                TensorView<const double>, TensorView<const double>, TensorView<const double>, double);
template void layernorm_backward(Compute&, TensorView<float>, TensorView<float>, TensorView<float>, TensorView<const float>,
                                 TensorView<const float>, TensorView<const float>, TensorView<const float>,
                                 TensorView<const float>);
template void layernorm_backward(Compute&, TensorView<double>, TensorView<double>, TensorView<double>,
                                 TensorView<const double>, TensorView<const double>, TensorView<const double>,
                                 TensorView<const double>, TensorView<const double>);
template void rmsnorm_forward(Compute&, TensorView<float>, TensorView<float>, TensorView<const float>,
                              TensorView<const float>, double);
template void rmsnorm_forward(Compute&, TensorView<double>, TensorView<double>, TensorView<const double>,
                              TensorView<const double>, double);
template void rmsnorm_backward(Compute&, TensorView<float>, TensorView<float>, TensorView<const float>,
                               TensorView<const float>, TensorView<const float>, TensorView<const float>);
template void rmsnorm_backward(Compute&, TensorView<double>, TensorView<double>, TensorView<const double>,
                               TensorView<const double>, TensorView<const double>, TensorView<const double>);
template void rmsnorm_backward_in_place(Compute&, TensorView<float>, TensorView<float>, TensorView<const float>,
                                        TensorView<const float>, TensorView<const float>);
template void rmsnorm_backward_in_place(Compute&, TensorView<double>, TensorView<double>, TensorView<const double>,
                                        TensorView<const double>, TensorView<const double>);

}  // namespace lm
