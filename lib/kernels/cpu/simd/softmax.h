// Rows of exponentials: softmax, its sums, and attention's weights and their gradients.
#pragma once

#include <cstdint>

namespace lm {

/// The keys of one row of scores, and which of them its query sees.
struct VisibleKeys {
  std::int64_t keys;
  std::int64_t first;             // keys before here are not seen
  std::int64_t limit;             // keys from here on are not seen
  const std::int32_t* documents;  // (keys), or null if there is one document only
  std::int32_t document;          // the query's: keys of another one are not seen
};

/// What becomes of a score before its exponential: scale * score, and with a cap (not 0) cap * tanh(scale * score / cap).
template <class T>
struct ScoreScale {
  T scale;
  T cap;
};

template <class T>
struct SoftmaxKernels {
  T (*maximum)(const T* x, std::int64_t n);
  /// x <- cap * tanh(scale * x / cap).
  void (*cap_scores)(T* x, std::int64_t n, ScoreScale<T> scale);
  /// Returns the sum of exp(x - shift); y, if not null, receives the terms (y may be x).
  double (*exp_sum)(T* y, const T* x, std::int64_t n, T shift);
  /// scores[j] <- exp(s - max), s what becomes of a score; 0 if not seen. Returns log(sum of exp(s)); *inverse_sum is 1 / the
  /// sum of what was written.
  T (*attention_weights)(T* scores, VisibleKeys visible, ScoreScale<T> scale, T* inverse_sum);
  /// scores <- weights p = exp(s - log_sum_exp); dweights <- ds/dscore * p * (dweights - delta); 0 if not seen.
  void (*attention_gradients)(T* scores, T* dweights, VisibleKeys visible, ScoreScale<T> scale, T log_sum_exp, T delta);
};

}  // namespace lm
