// Token and position embeddings. In plain loops: the cases of tests/kernels/embedding_test.cpp.
#pragma once

#include <cstdint>
#include <span>

#include "base/token.h"
#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// y[r,:] = tokens[ids[r],:] + positions[first_position + r % period,:]
/// y: (rows, C)  tokens: (V, C)  positions: (P, C) or empty. Ids are below V (checked by the caller).
template <class T>
void embedding_forward(Compute& compute, TensorView<T> y, std::span<const TokenId> ids, TensorView<const T> tokens,
                       TensorView<const T> positions, std::int64_t period, std::int64_t first_position = 0);

/// dtokens[ids[r],:] += dy[r,:], and dpositions (or empty) likewise, in the order of rows for any number of threads, because
/// tiles are ranges of columns.
template <class T>
void embedding_backward(Compute& compute, TensorView<T> dtokens, TensorView<T> dpositions, TensorView<const T> dy,
                        std::span<const TokenId> ids, std::int64_t period);

}  // namespace lm
