// Scaled dot-product attention with grouped heads and one visibility rule for every objective. In plain loops: reference()
// in tests/kernels/attention_test.cpp.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/compute.h"
#include "kernels/precision.h"
#include "kernels/write.h"
#include "tensor/view.h"

namespace lm {

/// A query at position p of its sequence sees key j iff
/// document[j] == document[p] && (j <= p || j < prefix_length) && (window == 0 || |p - j| < window).
struct Visibility {
  std::span<const std::int64_t> prefix_length;  // (B), or empty: 0 everywhere
  std::span<const std::int32_t> document;       // (B * S) index of the document inside its sequence, or empty: one document
  std::int64_t window = 0;                      // 0: unbounded
};

/// What attention reads. q: (B, T, H, D)  k, v: (B, S, KV, D), S >= T: query t is at position S - T + t (cached keys come
/// first). Each may be a column range of one matrix.
template <class T>
struct AttentionInputs {
  TensorView<const T> q, k, v;
};

/// What forward writes and backward reads again. out: (B, T, H, D)  log_sum_exp: (B, H, T) contiguous, or empty if there is
/// no backward pass.
template <class T>
struct AttentionResult {
  TensorView<T> out, log_sum_exp;
};

/// Gradients of the inputs, of the same shapes. Each may be a column range of one matrix.
template <class T>
struct AttentionGradients {
  TensorView<T> dq, dk, dv;
};

struct AttentionOptions {
  double scale;                           // of scores: 1 / sqrt(D)
  double cap = 0;                         // not 0: scores s become cap * tanh(s / cap), arXiv:2408.00118
  Precision precision = Precision::fp32;  // of the products' factors; in double always fp32
};

/// out[b,t,h,:] = sum_j softmax_j(capped(scale * q[b,t,h,:] . k[b,j,h/(H/KV),:])) v[b,j,h/(H/KV),:] over visible j
/// Scores never exist beyond a block of queries, and blocks of keys that no query of it sees are skipped. Queries, keys,
/// values and weights are rounded to the precision for products, whose sums are those of linear layers' products.
/// arXiv:1706.03762, 2205.14135, 2305.13245.
template <class T>
void attention_forward(Compute& compute, AttentionResult<T> result, AttentionInputs<T> inputs, const Visibility& visibility,
                       const AttentionOptions& options);

/// dq, dk, dv += gradients (or = with Write::overwrite). dout: (B, T, H, D), S == T here. Recomputes the weights from
/// log_sum_exp.
template <class T>
void attention_backward(Compute& compute, AttentionGradients<T> gradients, TensorView<const T> dout,
                        AttentionResult<const T> result, AttentionInputs<T> inputs, const Visibility& visibility,
                        const AttentionOptions& options, Write write = Write::add);

/// Returns the scratch of either pass over sequences of at most this length.
template <class T>
ScratchSize attention_forward_scratch(SimdTier tier, Precision precision, std::int64_t length, std::int64_t head_dim);
template <class T>
ScratchSize attention_backward_scratch(SimdTier tier, Precision precision, std::int64_t length, std::int64_t head_dim);

/// Computes attention of one query over a cache all of which it sees, with bits that do not depend on the number of threads.
/// out, q: (H, D)  k, v: (S, KV, D)
template <class T>
void attention_decode(Compute& compute, TensorView<T> out, TensorView<const T> q, TensorView<const T> k,
                      TensorView<const T> v, const AttentionOptions& options);

}  // namespace lm
