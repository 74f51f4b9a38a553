#include "kernels/cross_entropy.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {

template <class T>
void cross_entropy_forward(Compute& compute, std::span<double> nats, TensorView<const T> logits,
                           std::span<const TokenId> targets) {
  const std::int64_t rows = logits.rows(), width = logits.columns();
  LM_CHECK(static_cast<std::int64_t>(nats.size()) == rows && static_cast<std::int64_t>(targets.size()) == rows);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling tiling = row_tiling(rows, width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) {
      const auto i = static_cast<std::size_t>(r);
      const T* row = logits.row(r);
      const T highest = kernels.softmax.maximum(row, width);
      const double sum = kernels.softmax.exp_sum(nullptr, row, width, highest);
      nats[i] = std::log(sum) + (static_cast<double>(highest) - static_cast<double>(row[targets[i]]));
    }
  });
}

template <class T>
void cross_entropy_backward(Compute& compute, std::span<double> nats, TensorView<T> logits, std::span<const TokenId> targets,
                            std::span<const float> weights, double scale) {
  const std::int64_t rows = logits.rows(), width = logits.columns();
  LM_CHECK(static_cast<std::int64_t>(nats.size()) == rows && static_cast<std::int64_t>(targets.size()) == rows &&
           static_cast<std::int64_t>(weights.size()) == rows);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling tiling = row_tiling(rows, width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) {
      const auto i = static_cast<std::size_t>(r);
      T* row = logits.row(r);
      if (weights[i] == 0) {
        nats[i] = 0;
        std::fill_n(row, width, T{0});
        continue;
      }
      const T highest = kernels.softmax.maximum(row, width);
      const T at_target = row[targets[i]];
      const double sum = kernels.softmax.exp_sum(row, row, width, highest);
      const double factor = scale * static_cast<double>(weights[i]);
      nats[i] = std::log(sum) + (static_cast<double>(highest) - static_cast<double>(at_target));
      kernels.elementwise.scale(row, static_cast<T>(factor / sum), width);
      row[targets[i]] -= static_cast<T>(factor);
    }
  });
}

template <class T>
void cap_logits(Compute& compute, TensorView<T> x, double scale, double cap) {
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling tiling = row_tiling(x.rows(), x.columns());
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) {
      if (scale != 1) kernels.elementwise.scale(x.row(r), static_cast<T>(scale), x.columns());
      if (cap != 0) kernels.softmax.cap_scores(x.row(r), x.columns(), {T{1}, static_cast<T>(cap)});
    }
  });
}

template <class T>
void cap_logits_backward(Compute& compute, TensorView<T> dx, TensorView<const T> y, double scale, double cap) {
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling tiling = row_tiling(dx.rows(), dx.columns());
  const T inverse = cap == 0 ? T{0} : static_cast<T>(1 / cap);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) {
      if (scale != 1) kernels.elementwise.scale(dx.row(r), static_cast<T>(scale), dx.columns());
      if (cap == 0) continue;
      T* row = dx.row(r);
      const T* capped = y.row(r);
      for (std::int64_t i = 0; i < dx.columns(); ++i) row[i] *= T{1} - (capped[i] * inverse) * (capped[i] * inverse);
    }
  });
}

template <class T>
void softmax_forward(Compute& compute, TensorView<T> probabilities, TensorView<const T> logits) {
  const std::int64_t rows = logits.rows(), width = logits.columns();
  LM_CHECK(probabilities.rows() == rows && probabilities.columns() == width);
  const SimdKernels<T>& kernels = simd_kernels<T>(compute.simd());
  const Tiling tiling = row_tiling(rows, width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) {
      const T highest = kernels.softmax.maximum(logits.row(r), width);
      const double sum = kernels.softmax.exp_sum(probabilities.row(r), logits.row(r), width, highest);
      kernels.elementwise.scale(probabilities.row(r), static_cast<T>(1 / sum), width);
    }
  });
}

template void cross_entropy_forward(Compute&, std::span<double>, TensorView<const float>, std::span<const TokenId>);
template void cross_entropy_forward(Compute&, std::span<double>, TensorView<const double>, std::span<const TokenId>);
template void cross_entropy_backward(Compute&, std::span<double>, TensorView<float>, std::span<const TokenId>,
                                     std::span<const float>, double);
template void cross_entropy_backward(Compute&, std::span<double>, TensorView<double>, std::span<const TokenId>,
                                     std::span<const float>, double);
template void cap_logits(Compute&, TensorView<float>, double, double);
template void cap_logits(Compute&, TensorView<double>, double, double);
template void cap_logits_backward(Compute&, TensorView<float>, TensorView<const float>, double, double);
template void cap_logits_backward(Compute&, TensorView<double>, TensorView<const double>, double, double);
template void softmax_forward(Compute&, TensorView<float>, TensorView<const float>);
template void softmax_forward(Compute&, TensorView<double>, TensorView<const double>);

}  // namespace lm
