// Scoring: the probability that a model gives to tokens, many windows at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/token.h"
#include "kernels/compute.h"
#include "model/activations.h"
#include "model/batch.h"
#include "model/parameters.h"
#include "model/row_sink.h"

namespace lm {

/// Stores for each row that counts the nats (-log p) of its target and, with detail, the target's rank (1: the likeliest)
/// and the entropy of the distribution in nats.
class ScoreSink : public RowSink<float> {
 public:
  enum class Detail { nats, rank_and_entropy };
  /// The batch must outlive the sink. Vectors have one element a row of the batch; rows that do not count keep 0.
  ScoreSink(Compute& compute, const Batch& batch, Detail detail);
  void consume(std::span<const std::int64_t> rows, TensorView<float> logits) override;

  std::vector<double> nats;
  std::vector<double> entropy;     // empty without detail
  std::vector<std::int64_t> rank;  // empty without detail

 private:
  Compute& compute_;
  const Batch& batch_;
  std::vector<TokenId> targets_;
  std::vector<double> chunk_nats_;
};

/// A sequence, and the tokens whose nats are asked for, each at the output of its place.
struct ScoredSequence {
  struct Target {
    std::int64_t place;
    TokenId token;
  };
  std::vector<TokenId> input;
  std::vector<Target> targets;     // in the order of their places, at most one a place
  std::int64_t prefix_length = 0;  // keys before it are visible to every query
};

/// Scores sequences in batches of about equal length.
class SequenceScorer {
 public:
  /// max_length: the most inputs of a sequence, at most the model's context. Takes memory for the activations of
  /// `batch_rows` tokens (at least of one sequence).
  SequenceScorer(Compute& compute, const Parameters<float>& parameters, std::int64_t max_length,
                 std::int64_t batch_rows = 2048);
  /// Returns the nats of each target of each sequence, in their order. They do not depend on what else is scored.
  std::vector<std::vector<double>> score(std::span<const ScoredSequence> sequences);

  std::int64_t max_length() const { return max_length_; }
  std::int64_t batch_rows() const { return batch_rows_; }

 private:
  void score_batch(std::span<const ScoredSequence> sequences, std::span<const std::size_t> members,
                   std::vector<std::vector<double>>& results);
  Compute& compute_;
  const Parameters<float>& parameters_;
  std::int64_t max_length_;
  std::int64_t batch_rows_;
  std::unique_ptr<Activations<float>> activations_;
};

/// A piece of text: its tokens from `first_scored` on are predicted; those before are only context.
struct ScoredWindow {
  std::vector<TokenId> tokens;
  std::int64_t first_scored = 1;
};

/// Appends the sequences that predict a window: their targets are, in order, the window's scored tokens.
using Questions = std::function<void(const ScoredWindow& window, std::vector<ScoredSequence>& sequences)>;

/// Appends one sequence: each token is predicted from all before it.
void ask_left_to_right(const ScoredWindow& window, std::vector<ScoredSequence>& sequences);

/// Scores windows, many at a time, and gives the results in the order in which the windows came.
class WindowScorer {
 public:
  /// nats[i] = -log p(window.tokens[first_scored + i] | what it was asked to be predicted from).
  using Handler = std::function<void(const ScoredWindow& window, std::span<const double> nats)>;

  /// max_length, batch_rows: as with SequenceScorer. Some batches of windows wait in memory, so that those of about equal
  /// length meet in one.
  WindowScorer(Compute& compute, const Parameters<float>& parameters, std::int64_t max_length, Handler handler,
               std::int64_t batch_rows = 2048, Questions questions = ask_left_to_right);

  void add(ScoredWindow window);
  /// Scores the windows that are waiting.
  void flush();

 private:
  SequenceScorer scorer_;
  Handler handler_;
  Questions questions_;
  std::int64_t waiting_rows_ = 0;
  std::vector<ScoredWindow> waiting_;
  std::vector<ScoredSequence> sequences_;  // of all waiting windows
  std::vector<std::size_t> ends_;          // of each window: the end of its sequences
};

}  // namespace lm
