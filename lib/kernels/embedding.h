// Token and position embeddings. In plain loops: the cases of tests/kernels/embedding_test.cpp.
#pragma once

#include <cstdint>
#include <span>

#include "base/token.h"
#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// Tables of embeddings, or of their gradients.
template <class T>
struct EmbeddingTables {
  TensorView<T> tokens;     // (V, C)
  TensorView<T> positions;  // (P, C) or empty
  TensorView<T> constant;   // (C) or empty: added to every row
};

/// y[r,:] = tokens[ids[r],:] + positions[first_position + r % period,:] + constant
/// y: (rows, C). Ids are below V (checked by the caller).
template <class T>
void embedding_forward(Compute& compute, TensorView<T> y, std::span<const TokenId> ids,
                       const EmbeddingTables<const T>& tables, std::int64_t period, std::int64_t first_position = 0);

/// tokens[ids[r],:] += dy[r,:], and the others likewise, in the order of rows for any number of threads, because tiles are
/// ranges of columns.
template <class T>
void embedding_backward(Compute& compute, const EmbeddingTables<T>& gradients, TensorView<const T> dy,
                        std::span<const TokenId> ids, std::int64_t period, std::int64_t first_position = 0);

}  // namespace lm
