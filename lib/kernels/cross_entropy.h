// Softmax and cross-entropy over rows of logits. Over whole arrays: reference() in tests/kernels/cross_entropy_test.cpp.
#pragma once

#include <span>

#include "base/token.h"
#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// nats[r] = log(sum_j exp(logits[r,j])) - logits[r,targets[r]]. logits: (rows, V). The sum over j is accumulated in fixed
/// order.
template <class T>
void cross_entropy_forward(Compute& compute, std::span<double> nats, TensorView<const T> logits,
                           std::span<const TokenId> targets);

/// nats as above, and logits[r,:] <- scale * weights[r] * (softmax(logits[r,:]) - onehot(targets[r])) in place.
/// Rows with weight 0 get nats 0 and gradient 0, whatever their target.
template <class T>
void cross_entropy_backward(Compute& compute, std::span<double> nats, TensorView<T> logits, std::span<const TokenId> targets,
                            std::span<const float> weights, double scale);

/// x = cap * tanh(scale * x / cap); with cap 0, scale * x.
/// x: (rows, V)
template <class T>
void cap_logits(Compute& compute, TensorView<T> x, double scale, double cap);
/// dx *= d cap_logits / dx: scale * (1 - (y / cap)^2), or scale with cap 0. y: what cap_logits made, not read with cap 0.
template <class T>
void cap_logits_backward(Compute& compute, TensorView<T> dx, TensorView<const T> y, double scale, double cap);

/// probabilities[r,:] = softmax(logits[r,:]). They may be the same memory.
template <class T>
void softmax_forward(Compute& compute, TensorView<T> probabilities, TensorView<const T> logits);

}  // namespace lm
