#include "kernels/embedding.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/tiers.h"
#include "kernels/cpu/tiling.h"

namespace lm {

namespace {

template <class T>
void check_tables(const EmbeddingTables<T>& tables, std::int64_t width, std::int64_t positions) {
  LM_CHECK(tables.tokens.columns() == width && (tables.constant.empty() || tables.constant.size() == width));
  LM_CHECK(tables.positions.empty() || (tables.positions.columns() == width && positions <= tables.positions.rows()));
}

}  // namespace

template <class T>
void embedding_forward(Compute& compute, TensorView<T> y, std::span<const TokenId> ids,
                       const EmbeddingTables<const T>& tables, std::int64_t period, std::int64_t first_position) {
  const std::int64_t rows = y.rows(), width = y.columns();
  LM_CHECK(static_cast<std::int64_t>(ids.size()) == rows && period > 0);
  check_tables(tables, width, first_position + std::min(period, rows));
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  const Tiling tiling = row_tiling(rows, width);
  compute.pool().run(tiling.tiles(), [&](std::int64_t tile, int) {
    for (std::int64_t r = tiling.first(tile); r < tiling.first(tile) + tiling.count(tile); ++r) {
      std::memcpy(y.row(r), tables.tokens.row(static_cast<std::int64_t>(ids[static_cast<std::size_t>(r)])),
                  static_cast<std::size_t>(width) * sizeof(T));
      if (!tables.positions.empty()) kernels.add(y.row(r), tables.positions.row(first_position + r % period), width);
      if (!tables.constant.empty()) kernels.add(y.row(r), tables.constant.data(), width);
    }
  });
}

template <class T>
void embedding_backward(Compute& compute, const EmbeddingTables<T>& gradients, TensorView<const T> dy,
                        std::span<const TokenId> ids, std::int64_t period, std::int64_t first_position) {
  const std::int64_t rows = dy.rows(), width = dy.columns();
  LM_CHECK(static_cast<std::int64_t>(ids.size()) == rows && period > 0);
  check_tables(gradients, width, first_position + std::min(period, rows));
  const ElementwiseKernels<T>& kernels = simd_kernels<T>(compute.simd()).elementwise;
  const Tiling columns{width, 32};
  compute.pool().run(columns.tiles(), [&](std::int64_t tile, int) {
    const std::int64_t first = columns.first(tile), count = columns.count(tile);
    for (std::int64_t r = 0; r < rows; ++r) {
      const T* from = dy.row(r) + first;
      kernels.add(gradients.tokens.row(static_cast<std::int64_t>(ids[static_cast<std::size_t>(r)])) + first, from, count);
      if (!gradients.positions.empty())
        kernels.add(gradients.positions.row(first_position + r % period) + first, from, count);
      if (!gradients.constant.empty()) kernels.add(gradients.constant.data() + first, from, count);
    }
  });
}

template void embedding_forward(Compute&, TensorView<float>, std::span<const TokenId>, const EmbeddingTables<const float>&,
                                std::int64_t, std::int64_t);
template void embedding_forward(Compute&, TensorView<double>, std::span<const TokenId>, const EmbeddingTables<const double>&,
                                std::int64_t, std::int64_t);
template void embedding_backward(Compute&, const EmbeddingTables<float>&, TensorView<const float>, std::span<const TokenId>,
                                 std::int64_t, std::int64_t);
template void embedding_backward(Compute&, const EmbeddingTables<double>&, TensorView<const double>,
                                 std::span<const TokenId>, std::int64_t, std::int64_t);

}  // namespace lm
