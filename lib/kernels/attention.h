// Scaled dot-product attention with grouped heads and one visibility rule for every objective.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/compute.h"
#include "kernels/precision.h"
#include "kernels/write.h"
#include "tensor/view.h"

namespace lm {

/// A query at position p of its sequence sees key j iff document[j] == document[p] && (j <= p || j < prefix_length).
struct Visibility {
  std::span<const std::int64_t> prefix_length;  // (B), or empty: 0 everywhere
  std::span<const std::int32_t> document;       // (B * S) index of the document inside its sequence, or empty: one document
};

/// out[b,t,h,:] = sum_j softmax_j(scale * q[b,t,h,:] . k[b,j,h/(H/KV),:]) v[b,j,h/(H/KV),:] over visible j.
/// q, out: (B, T, H, D)  k, v: (B, S, KV, D), S >= T: query t stands at position S - T + t (cached keys come first)
/// log_sum_exp: (B, H, T) contiguous, kept for backward, or empty. Scores never exist beyond a block of queries; blocks that
/// no query of it sees are skipped. precision: what queries, keys, values and weights are rounded to for products, with
/// float alone; their sums are those of linear layers' products. arXiv:1706.03762, 2205.14135, 2305.13245.
template <class T>
void attention_forward(Compute& compute, TensorView<T> out, TensorView<T> log_sum_exp, TensorView<const T> q,
                       TensorView<const T> k, TensorView<const T> v, const Visibility& visibility, double scale,
                       Precision precision = Precision::fp32);

/// dq, dk, dv += gradients (or = with Write::overwrite). Recomputes the weights from log_sum_exp. S == T here. Views as in
/// forward; dq, dk, dv may be column ranges of one matrix.
template <class T>
void attention_backward(Compute& compute, TensorView<T> dq, TensorView<T> dk, TensorView<T> dv, TensorView<const T> dout,
                        TensorView<const T> out, TensorView<const T> log_sum_exp, TensorView<const T> q,
                        TensorView<const T> k, TensorView<const T> v, const Visibility& visibility, double scale,
                        Write write = Write::add, Precision precision = Precision::fp32);

/// Scratch of either pass over sequences of `length`, at the most.
template <class T>
ScratchSize attention_forward_scratch(SimdTier tier, Precision precision, std::int64_t length, std::int64_t head_dim);
template <class T>
ScratchSize attention_backward_scratch(SimdTier tier, Precision precision, std::int64_t length, std::int64_t head_dim);

/// One query over a cache; bits independent of threads. out, q: (H, D)  k, v: (S, KV, D).
template <class T>
void attention_decode(Compute& compute, TensorView<T> out, TensorView<const T> q, TensorView<const T> k,
                      TensorView<const T> v, double scale);

}  // namespace lm
