// Pooling: the hidden states that a model has at the end, summed over places of sequences.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "infer/sequence_batches.h"
#include "kernels/compute.h"
#include "model/activations.h"
#include "model/parameters.h"

namespace lm {

/// Sums hidden states in batches of about equal length.
class SequencePooler {
 public:
  /// max_length: the most inputs of a sequence, at most the model's context. Takes memory for the activations of
  /// `batch_rows` tokens (at least of one sequence).
  SequencePooler(Compute& compute, const Parameters<float>& parameters, std::int64_t max_length,
                 std::int64_t batch_rows = 2048);
  /// Returns (sequences, C): of each sequence the sum, over the places of its targets in their order, of what the head would
  /// read, after the final norm if there is one and before any transform of the head's own. It does not depend on what else is
  /// pooled.
  std::vector<double> sum(std::span<const ScoredSequence> sequences);

  std::int64_t batch_rows() const { return limits_.rows; }

 private:
  Compute& compute_;
  const Parameters<float>& parameters_;
  BatchLimits limits_;
  std::unique_ptr<Activations<float>> activations_;
};

}  // namespace lm
