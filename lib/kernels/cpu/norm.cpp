#include "kernels/norm.h"

#include <algorithm>

#include "kernels/cpu/strided_view.h"
#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {

namespace {

/// Returns the tiles of a backward pass, which sums the gain's gradient in each tile and then over tiles: at most 64 of
/// them, so that the sums stay cheap.
Tiling backward_tiling(std::int64_t rows) { return {rows, std::max<std::int64_t>(8, divide_up(rows, 64))}; }

/// Returns what a backward pass multiplies the gradient by that is there already.
template <class T>
T kept_part(Write write) {
  return write == Write::add ? T{1} : T{0};
}

/// A view (rows, groups, width), or a matrix as one group.
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
  /// Rows from this one on, if there is one group.
  Strided<T> rows_from(std::int64_t row) const { return {data + row * row_stride, row_stride}; }
  Strided<T> groups_of(std::int64_t row) const { return {data + row * row_stride, group_stride}; }
  T* data;
  std::int64_t rows, groups, width, row_stride, group_stride;
};

template <class T>
void rmsnorm_gradients(Compute& compute, Groups<T> dx, TensorView<T> dgain, Groups<const T> dy, Groups<const T> x,
                       TensorView<const T> gain, TensorView<const T> rstd, double offset, Write write) {
  LM_CHECK(dx.rows == x.rows && dy.rows == x.rows && dx.groups == x.groups && dy.groups == x.groups);
  LM_CHECK(dx.width == x.width && dy.width == x.width && dgain.size() == x.width && gain.size() == x.width);
  LM_CHECK(rstd.contiguous() && rstd.size() == x.rows * x.groups);
  const NormKernels<T>& kernels = simd_kernels<T>(compute.simd()).norm;
  const NormGain<T> gains{gain.data(), static_cast<T>(offset)};
  const T keep = kept_part<T>(write);
  const Tiling tiling = backward_tiling(x.rows);
  T* partial = compute.shared_scratch<T>(tiling.tiles() * x.width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    T* sums = partial + tile * x.width;
    std::fill_n(sums, x.width, T{0});
    const std::int64_t first = tiling.first(tile), count = tiling.count(tile);
    if (x.groups == 1) {
      kernels.rmsnorm_backward(dx.rows_from(first), sums, dy.rows_from(first), x.rows_from(first), gains,
                               rstd.data() + first, {count, x.width}, keep);
      return;
    }
    for (std::int64_t r = first; r < first + count; ++r) {
      kernels.rmsnorm_backward(dx.groups_of(r), sums, dy.groups_of(r), x.groups_of(r), gains, rstd.data() + r * x.groups,
                               {x.groups, x.width}, keep);
    }
  });
  add_tree_sum(dgain.data(), partial, tiling.tiles(), x.width);
}

}  // namespace

template <class T>
void layernorm_forward(Compute& compute, TensorView<T> y, LayerNormMoments<T> moments, TensorView<const T> x,
                       TensorView<const T> gain, TensorView<const T> bias, double eps) {
  const std::int64_t rows = x.rows(), width = x.columns();
  T *mean = moments.mean.data(), *rstd = moments.rstd.data();
  LM_CHECK(y.rows() == rows && y.columns() == width && moments.mean.size() == rows && moments.rstd.size() == rows);
  LM_CHECK(gain.size() == width && (bias.empty() || bias.size() == width));
  const NormKernels<T>& kernels = simd_kernels<T>(compute.simd()).norm;
  const Tiling tiling = row_tiling(rows, width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = tiling.first(tile);
    kernels.layernorm_forward(strided(y, first), {mean + first, rstd + first}, strided(x, first), gain.data(), bias.data(),
                              {tiling.count(tile), width}, static_cast<T>(eps));
  });
}

template <class T>
void layernorm_backward(Compute& compute, TensorView<T> dx, TensorView<T> dgain, TensorView<T> dbias, TensorView<const T> dy,
                        TensorView<const T> x, TensorView<const T> gain, LayerNormMoments<const T> moments, Write write) {
  const std::int64_t rows = x.rows(), width = x.columns();
  LM_CHECK(dx.rows() == rows && dx.columns() == width && dy.rows() == rows && dy.columns() == width);
  LM_CHECK(dgain.size() == width && gain.size() == width && (dbias.empty() || dbias.size() == width));
  LM_CHECK(moments.mean.size() == rows && moments.rstd.size() == rows);
  const T *mean = moments.mean.data(), *rstd = moments.rstd.data();
  const NormKernels<T>& kernels = simd_kernels<T>(compute.simd()).norm;
  const Tiling tiling = backward_tiling(rows);
  T* partial = compute.shared_scratch<T>(2 * tiling.tiles() * width);
  T* partial_bias = partial + tiling.tiles() * width;
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = tiling.first(tile);
    T* gain_sums = partial + tile * width;
    T* bias_sums = dbias.empty() ? nullptr : partial_bias + tile * width;
    std::fill_n(gain_sums, width, T{0});
    if (bias_sums != nullptr) std::fill_n(bias_sums, width, T{0});
    kernels.layernorm_backward(strided(dx, first), gain_sums, bias_sums, strided(dy, first), strided(x, first), gain.data(),
                               {mean + first, rstd + first}, {tiling.count(tile), width}, kept_part<T>(write));
  });
  add_tree_sum(dgain.data(), partial, tiling.tiles(), width);
  if (!dbias.empty()) add_tree_sum(dbias.data(), partial_bias, tiling.tiles(), width);
}

template <class T>
void rmsnorm_forward(Compute& compute, TensorView<T> y_view, TensorView<T> rstd, TensorView<const T> x_view,
                     TensorView<const T> gain, double eps, double offset) {
  const Groups<T> y(y_view);
  const Groups<const T> x(x_view);
  LM_CHECK(y.rows == x.rows && y.groups == x.groups && y.width == x.width && gain.size() == x.width);
  LM_CHECK(rstd.contiguous() && rstd.size() == x.rows * x.groups);
  const NormKernels<T>& kernels = simd_kernels<T>(compute.simd()).norm;
  const NormGain<T> gains{gain.data(), static_cast<T>(offset)};
  const Tiling tiling = row_tiling(x.rows, x.groups * x.width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = tiling.first(tile), count = tiling.count(tile);
    if (x.groups == 1) {
      kernels.rmsnorm_forward(y.rows_from(first), rstd.data() + first, x.rows_from(first), gains, {count, x.width},
                              static_cast<T>(eps));
      return;
    }
    for (std::int64_t r = first; r < first + count; ++r) {
      kernels.rmsnorm_forward(y.groups_of(r), rstd.data() + r * x.groups, x.groups_of(r), gains, {x.groups, x.width},
                              static_cast<T>(eps));
    }
  });
}

template <class T>
void rmsnorm_backward(Compute& compute, TensorView<T> dx, TensorView<T> dgain, TensorView<const T> dy, TensorView<const T> x,
                      TensorView<const T> gain, TensorView<const T> rstd, double offset, Write write) {
  rmsnorm_gradients<T>(compute, Groups<T>(dx), dgain, Groups<const T>(dy), Groups<const T>(x), gain, rstd, offset, write);
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
template void layernorm_forward(Compute&, TensorView<float>, LayerNormMoments<float>, TensorView<const float>,
                                TensorView<const float>, TensorView<const float>, double);
template void layernorm_forward(Compute&, TensorView<double>, LayerNormMoments<double>, TensorView<const double>,
                                TensorView<const double>, TensorView<const double>, double);
template void layernorm_backward(Compute&, TensorView<float>, TensorView<float>, TensorView<float>, TensorView<const float>,
                                 TensorView<const float>, TensorView<const float>, LayerNormMoments<const float>, Write);
template void layernorm_backward(Compute&, TensorView<double>, TensorView<double>, TensorView<double>,
                                 TensorView<const double>, TensorView<const double>, TensorView<const double>,
                                 LayerNormMoments<const double>, Write);
template void rmsnorm_forward(Compute&, TensorView<float>, TensorView<float>, TensorView<const float>,
                              TensorView<const float>, double, double);
template void rmsnorm_forward(Compute&, TensorView<double>, TensorView<double>, TensorView<const double>,
                              TensorView<const double>, double, double);
template void rmsnorm_backward(Compute&, TensorView<float>, TensorView<float>, TensorView<const float>,
                               TensorView<const float>, TensorView<const float>, TensorView<const float>, double, Write);
template void rmsnorm_backward(Compute&, TensorView<double>, TensorView<double>, TensorView<const double>,
                               TensorView<const double>, TensorView<const double>, TensorView<const double>, double, Write);

}  // namespace lm
