// The Muon optimizer's pass over matrices, and the orthogonalisation that it rests on. In plain loops: the cases of
// tests/kernels/muon_test.cpp.
#pragma once

#include <span>

#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// y = U V^T of the singular value decomposition x = U S V^T, approximately: singular values from 0.01 n up come within 0.28
/// of 1, where n^4 is the sum of their fourth powers; smaller ones become up to 78 / n times what they were; x = 0 gives 0.
/// Three Newton-Schulz iterations of degree 5 on the Gram matrix of x's smaller side, with coefficients found as in
/// arXiv:2505.16932.
/// y, x: the same shape (rows, columns), contiguous, not overlapping.
template <class T>
void orthogonalise(Compute& compute, TensorView<T> y, TensorView<const T> x);

/// A matrix of the model. All three have one shape and are contiguous.
template <class T>
struct MuonMatrix {
  TensorView<T> weight;
  TensorView<T> moment;
  TensorView<const T> gradient;
};

struct MuonStep {
  double learning_rate;
  double momentum;
  double weight_decay;
  double gradient_scale;  // clipping and loss denominators, folded in
};

/// For each matrix: g = gradient_scale * gradient; m = momentum * m + (1 - momentum) g; u = momentum * m + (1 - momentum) g;
/// w -= learning_rate * (0.2 sqrt(max(rows, columns)) orthogonalise(u) + weight_decay * w)
/// Muon with Nesterov's momentum (K. Jordan, 2024, kellerjordan.github.io/posts/muon). The factor gives the update the root
/// mean square of AdamW's, so that one learning rate serves both (arXiv:2502.16982). Each matrix is one worker's.
template <class T>
void muon(Compute& compute, std::span<const MuonMatrix<T>> matrices, const MuonStep& step);

/// Returns the scratch of muon if matrices of this shape are the largest.
template <class T>
ScratchSize muon_scratch(SimdTier tier, int threads, std::int64_t rows, std::int64_t columns);

}  // namespace lm
