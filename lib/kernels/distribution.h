// What rows of logits say of the distributions that they stand for, and how two of these differ.
#pragma once

#include <cstdint>
#include <span>

#include "base/token.h"
#include "kernels/compute.h"
#include "tensor/view.h"

namespace lm {

/// What is known of p = softmax(x), x a row of logits.
struct Distribution {
  double entropy = 0;          // -sum_j p_j log p_j, in nats
  double highest_nats = 0;     // -log of the largest p
  std::int64_t likeliest = 0;  // the first id that has it
  std::int64_t rank = 0;       // of the target: 1 + the number of larger logits
  std::int64_t likely = 0;     // ids whose p is at least half of the largest
};

/// With e_j = exp(x_j - max x) and s = sum_j e_j:  highest_nats = log s,  entropy = log s - sum_j e_j (x_j - max x) / s.
/// logits: (rows, V). Logits of -infinity have p = 0. Terms are in T, their sums by blocks in double.
template <class T>
void describe_distributions(Compute& compute, std::span<Distribution> distributions, TensorView<const T> logits,
                            std::span<const TokenId> targets);

/// How p = softmax(x) and q = softmax(y) differ.
struct Divergence {
  double kl = 0;          // sum_j p_j (log p_j - log q_j), in nats; not below 0, where rounding may carry it
  double kl_reverse = 0;  // sum_j q_j (log q_j - log p_j)
  bool agrees = false;    // the first of the largest p and the first of the largest q are the same
};

/// With e_j = exp(x_j - max x), f_j = exp(y_j - max y), s = sum e, t = sum f and d_j = (x_j - max x) - (y_j - max y):
///   kl = sum_j e_j d_j / s - (log s - log t),   kl_reverse = -sum_j f_j d_j / t + (log s - log t)
/// which are exactly 0 for equal rows. x, y: (rows, V), which may have strides.
template <class T>
void compare_distributions(Compute& compute, std::span<Divergence> divergences, TensorView<const T> x,
                           TensorView<const T> y);

/// sums[r] = log of sum_j p_j over the j with mask[j] != 0; -inf if there is none. Overwrites the logits.
template <class T>
void log_mass(Compute& compute, std::span<double> sums, TensorView<T> logits, std::span<const std::uint8_t> mask);

}  // namespace lm
