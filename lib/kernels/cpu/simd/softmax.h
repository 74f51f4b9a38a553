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

/// What exp_sums() counts: elements above one bound, and those at or above the other.
template <class T>
struct CountBounds {
  T rank_bound;
  T likely_bound;
};

/// With e = exp(x - shift): sum of e, sum of e * (x - shift), and the counts of CountBounds.
struct ExpSums {
  double sum;
  double weighted;
  std::int64_t above;
  std::int64_t likely;
};

/// With e = exp(x - shift_x), f = exp(y - shift_y), d = (x - shift_x) - (y - shift_y): sum of e, of f, of e * d, of f * d.
struct ExpDifferences {
  double sum_x;
  double sum_y;
  double difference_x;
  double difference_y;
};

template <class T>
struct SoftmaxKernels {
  T (*maximum)(const T* x, std::int64_t n);
  /// Returns the index of the first element that equals `value`; n if none does.
  std::int64_t (*find)(const T* x, std::int64_t n, T value);
  /// x <- cap * tanh(scale * x / cap).
  void (*cap_scores)(T* x, std::int64_t n, ScoreScale<T> scale);
  /// Returns the sum of exp(x - shift); y, if not null, receives the terms (y may be x).
  double (*exp_sum)(T* y, const T* x, std::int64_t n, T shift);
  /// Terms of which e or f is 0 are 0, whatever d.
  ExpSums (*exp_sums)(const T* x, std::int64_t n, T shift, CountBounds<T> bounds);
  ExpDifferences (*exp_differences)(const T* x, const T* y, std::int64_t n, T shift_x, T shift_y);
  /// scores[j] <- exp(s - max), s what becomes of a score; 0 if not seen. Returns log(sum of exp(s)); *inverse_sum is 1 / the
  /// sum of what was written.
  T (*attention_weights)(T* scores, VisibleKeys visible, ScoreScale<T> scale, T* inverse_sum);
  /// scores <- weights p = exp(s - log_sum_exp); dweights <- ds/dscore * p * (dweights - delta); 0 if not seen.
  void (*attention_gradients)(T* scores, T* dweights, VisibleKeys visible, ScoreScale<T> scale, T log_sum_exp, T delta);
};

}  // namespace lm
