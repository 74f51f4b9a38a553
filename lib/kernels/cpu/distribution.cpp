#include "kernels/distribution.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {
namespace {

/// Calls body(r) for every row, side by side.
template <class Body>
void each_row(Compute& compute, std::int64_t rows, std::int64_t width, Body&& body) {
  const Tiling tiling = row_tiling(rows, width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) body(r);
  });
}

}  // namespace

template <class T>
void describe_distributions(Compute& compute, std::span<Distribution> distributions, TensorView<const T> logits,
                            std::span<const TokenId> targets) {
  const std::int64_t rows = logits.rows(), width = logits.columns();
  LM_CHECK(std::ssize(distributions) == rows && std::ssize(targets) == rows);
  const SoftmaxKernels<T>& kernels = simd_kernels<T>(compute.simd()).softmax;
  each_row(compute, rows, width, [&](std::int64_t r) {
    const auto i = static_cast<std::size_t>(r);
    const T* row = logits.row(r);
    const T highest = kernels.maximum(row, width);
    const T half = static_cast<T>(static_cast<double>(highest) - std::numbers::ln2);
    const ExpSums sums = kernels.exp_sums(row, width, highest, {.rank_bound = row[targets[i]], .likely_bound = half});
    const double log_sum = std::log(sums.sum);
    distributions[i] = {.entropy = log_sum - sums.weighted / sums.sum,
                        .highest_nats = log_sum,
                        .likeliest = kernels.find(row, width, highest),
                        .rank = 1 + sums.above,
                        .likely = sums.likely};
  });
}

template <class T>
void compare_distributions(Compute& compute, std::span<Divergence> divergences, TensorView<const T> x,
                           TensorView<const T> y) {
  const std::int64_t rows = x.rows(), width = x.columns();
  LM_CHECK(y.rows() == rows && y.columns() == width && std::ssize(divergences) == rows);
  const SoftmaxKernels<T>& kernels = simd_kernels<T>(compute.simd()).softmax;
  each_row(compute, rows, width, [&](std::int64_t r) {
    const T *p = x.row(r), *q = y.row(r);
    const T highest_p = kernels.maximum(p, width), highest_q = kernels.maximum(q, width);
    const ExpDifferences sums = kernels.exp_differences(p, q, width, highest_p, highest_q);
    const double logs = std::log(sums.sum_x) - std::log(sums.sum_y);
    divergences[static_cast<std::size_t>(r)] = {
        .kl = std::max(0.0, sums.difference_x / sums.sum_x - logs),
        .kl_reverse = std::max(0.0, logs - sums.difference_y / sums.sum_y),
        .agrees = kernels.find(p, width, highest_p) == kernels.find(q, width, highest_q)};
  });
}

template <class T>
void log_mass(Compute& compute, std::span<double> sums, TensorView<T> logits, std::span<const std::uint8_t> mask) {
  const std::int64_t rows = logits.rows(), width = logits.columns();
  LM_CHECK(std::ssize(sums) == rows && std::ssize(mask) == width);
  const SoftmaxKernels<T>& kernels = simd_kernels<T>(compute.simd()).softmax;
  each_row(compute, rows, width, [&](std::int64_t r) {
    T* row = logits.row(r);
    const double all = kernels.exp_sum(row, row, width, kernels.maximum(row, width));
    double masked = 0;
    for (std::int64_t j = 0; j < width; ++j)
      masked += mask[static_cast<std::size_t>(j)] != 0 ? static_cast<double>(row[j]) : 0.0;
    sums[static_cast<std::size_t>(r)] = std::log(masked) - std::log(all);
  });
}

template void describe_distributions(Compute&, std::span<Distribution>, TensorView<const float>, std::span<const TokenId>);
template void describe_distributions(Compute&, std::span<Distribution>, TensorView<const double>, std::span<const TokenId>);
template void compare_distributions(Compute&, std::span<Divergence>, TensorView<const float>, TensorView<const float>);
template void compare_distributions(Compute&, std::span<Divergence>, TensorView<const double>, TensorView<const double>);
template void log_mass(Compute&, std::span<double>, TensorView<float>, std::span<const std::uint8_t>);
template void log_mass(Compute&, std::span<double>, TensorView<double>, std::span<const std::uint8_t>);

}  // namespace lm
