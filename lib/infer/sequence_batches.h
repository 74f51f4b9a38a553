// Sequences of different lengths, stacked to batches of about equal length.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/token.h"
#include "model/batch.h"
#include "model/config.h"

namespace lm {

/// A sequence, and the places whose outputs are asked for: each for the nats of a token, or for its hidden state.
struct ScoredSequence {
  struct Target {
    std::int64_t place;
    TokenId token;
  };
  std::vector<TokenId> input;
  std::vector<Target> targets;     // in the order of their places, at most one a place
  std::int64_t prefix_length = 0;  // keys before it are visible to every query
};

/// What a batch may hold.
struct BatchLimits {
  std::int64_t max_length = 0;               // the most inputs of a sequence
  std::int64_t rows = 0;                     // the most tokens of a batch, with padding; at least max_length
  std::vector<const ModelConfig*> models{};  // that read it
};

/// Returns the limits of one model's batches of `rows` tokens, rounded down to whole sequences of the longest, but at least one.
BatchLimits limit_batches(const ModelConfig& model, std::int64_t max_length, std::int64_t rows);

/// Receives a batch and which of the sequences it holds: the target at `place` of members[s] is in row s * batch.length + place,
/// and those rows are the ones that count.
using VisitBatch = std::function<void(const Batch& batch, std::span<const std::size_t> members)>;

/// Calls `visit` for batches of all sequences, the longest first. Shorter ones are padded at their end, which none of their own
/// tokens sees, and only if that does not change a model's rotations.
void for_each_batch(std::span<const ScoredSequence> sequences, const BatchLimits& limits, const VisitBatch& visit);

}  // namespace lm
