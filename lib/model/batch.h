// Batch: sequences stacked, as the arrays of an Example: all that the model sees of an objective.
#pragma once

#include <cstdint>
#include <vector>

#include "base/token.h"
#include "kernels/attention.h"

namespace lm {

struct Batch {
  std::int64_t sequences = 0;               // B
  std::int64_t length = 0;                  // T
  std::vector<TokenId> input;               // (B, T)
  std::vector<TokenId> target;              // (B, T)
  std::vector<float> weight;                // (B, T) 0 if the target does not count
  std::vector<std::int64_t> prefix_length;  // (B), or empty: 0 everywhere
  std::vector<std::int32_t> document;       // (B, T), or empty: one document a sequence

  std::vector<std::int32_t> objective;  // (B) which of the run's objectives made it, or empty: the only one

  std::int64_t rows() const { return sequences * length; }
  /// Returns the bytes that the arrays take for so many places, except objectives and prefixes.
  static std::int64_t bytes(std::int64_t rows) {
    return rows * static_cast<std::int64_t>(2 * sizeof(TokenId) + sizeof(float) + sizeof(std::int32_t));
  }
  /// window: of the layer that asks; 0: unbounded.
  Visibility visibility(std::int64_t window = 0) const {
    return {.prefix_length = prefix_length, .document = document, .window = window};
  }
};

/// The sum of weighted losses and the sum of weights; the mean loss is their quotient.
struct Loss {
  double nats = 0;
  double weight = 0;
  double mean() const { return nats / weight; }
};

}  // namespace lm
