#include "kernels/embedding.h"

#include <cstring>

#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {

template <class T>
void embedding_forward(Compute& compute, TensorView<T> y, std::span<const TokenId> ids, TensorView<const T> tokens,
                       TensorView<const T> positions, std::int64_t period, std::int64_t first_position) {
  const std::int64_t rows = y.rows(), width = y.columns();
  LM_CHECK(static_cast<std::int64_t>(ids.size()) == rows && tokens.columns() == width && period > 0);
  LM_CHECK(positions.empty() ||
           (positions.columns() == width && first_position + std::min(period, rows) <= positions.rows()));
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  const Tiling tiling = row_tiling(rows, width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) {
      std::memcpy(y.row(r), tokens.row(static_cast<std::int64_t>(ids[static_cast<std::size_t>(r)])),
                  static_cast<std::size_t>(width) * sizeof(T));
      if (!positions.empty()) kernels.add(y.row(r), positions.row(first_position + r % period), width);
    }
  });
}

template <class T>
void embedding_backward(Compute& compute, TensorView<T> dtokens, TensorView<T> dpositions, TensorView<const T> dy,
                        std::span<const TokenId> ids, std::int64_t period) {
  const std::int64_t rows = dy.rows(), width = dy.columns();
  LM_CHECK(static_cast<std::int64_t>(ids.size()) == rows && dtokens.columns() == width && period > 0);
  LM_CHECK(dpositions.empty() || (dpositions.columns() == width && std::min(period, rows) <= dpositions.rows()));
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  const Tiling columns{width, 32};
  compute.pool().run(columns.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = columns.first(tile), count = columns.count(tile);
    for (std::int64_t r = 0; r < rows; ++r) {
      kernels.add(dtokens.row(static_cast<std::int64_t>(ids[static_cast<std::size_t>(r)])) + first, dy.row(r) + first,
                  count);
      if (!dpositions.empty()) kernels.add(dpositions.row(r % period) + first, dy.row(r) + first, count);
    }
  });
}

template void embedding_forward(Compute&, TensorView<float>, std::span<const TokenId>, TensorView<const float>,
                                TensorView<const float>, std::int64_t, std::int64_t);
template void embedding_forward(Compute&, TensorView<double>, std::span<const TokenId>, TensorView<const double>,
                                TensorView<const double>, std::int64_t, std::int64_t);
template void embedding_backward(Compute&, TensorView<float>, TensorView<float>, TensorView<const float>,
                                 std::span<const TokenId>, std::int64_t);
template void embedding_backward(Compute&, TensorView<double>, TensorView<double>, TensorView<const double>,
                                 std::span<const TokenId>, std::int64_t);

}  // namespace lm
