// Scoring: the probability that a model gives to tokens, many windows at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "base/token.h"
#include "infer/input_squares.h"
#include "infer/sequence_batches.h"
#include "kernels/compute.h"
#include "kernels/distribution.h"
#include "model/activations.h"
#include "model/batch.h"
#include "model/parameters.h"
#include "model/row_sink.h"

namespace lm {

/// What a second model says of a token, and how the two distributions differ over the ids that both have.
struct AgainstScore {
  double nats = 0;        // -log of its p
  double kl = 0;          // KL(first || second) in nats
  double kl_reverse = 0;  // KL(second || first)
  bool agrees = false;    // both find the same token likeliest
};

/// What is known of a token that a model predicts. All but `nats` only with ScoreDetail::all.
struct TargetScore {
  double nats = 0;            // -log p
  double entropy = 0;         // of the distribution, in nats
  std::int64_t rank = 0;      // 1: the likeliest
  TokenId likeliest = 0;      // the first of them if several are
  double highest_nats = 0;    // -log p of the likeliest
  std::int64_t likely = 0;    // tokens whose p is at least half of the largest
  double begins_nats = 0;     // -log of the sum of p over the ids of ScoreDetail::begins; inf without any
  AgainstScore against = {};  // with ScoreDetail::against only, which `all` is not needed for
};

/// What is wanted of each target.
struct ScoreDetail {
  bool all = false;                            // not nats only
  std::span<const std::uint8_t> begins = {};   // (V) 1 for ids that begin a word; must outlive its users
  const Parameters<float>* against = nullptr;  // a second model, whose tokenizer is the same
  std::int64_t common_ids = 0;                 // with it: ids below this are those that both have
  InputSquares* inputs = nullptr;              // adds up what the matrices read at the places of targets, or null
};

/// Stores the score of the target of each row that counts.
class ScoreSink : public RowSink<float> {
 public:
  /// The batch must outlive the sink.
  ScoreSink(Compute& compute, const Batch& batch, const ScoreDetail& detail = {});
  void consume(std::span<const std::int64_t> rows, TensorView<float> logits) override;

  std::vector<TargetScore> scores;  // one for each row of the batch; rows that do not count keep zeros

 private:
  void take_detail(std::span<const std::int64_t> rows, TensorView<float> logits);

  Compute& compute_;
  const Batch& batch_;
  ScoreDetail detail_;
  std::vector<TokenId> targets_;
  std::vector<double> chunk_nats_;
  std::vector<Distribution> distributions_;
};

/// Scores sequences in batches of about equal length.
class SequenceScorer {
 public:
  /// max_length: the most inputs of a sequence, at most the model's context. Takes memory for the activations of
  /// `batch_rows` tokens (at least of one sequence).
  SequenceScorer(Compute& compute, const Parameters<float>& parameters, std::int64_t max_length,
                 std::int64_t batch_rows = 2048, const ScoreDetail& detail = {});
  /// Returns the score of each target of each sequence, in their order. They do not depend on what else is scored.
  std::vector<std::vector<TargetScore>> score(std::span<const ScoredSequence> sequences);

  std::int64_t max_length() const { return limits_.max_length; }
  std::int64_t batch_rows() const { return limits_.rows; }

 private:
  std::vector<TargetScore> score_rows(const Batch& batch);
  Compute& compute_;
  const Parameters<float>& parameters_;
  BatchLimits limits_;
  ScoreDetail detail_;
  std::unique_ptr<Activations<float>> activations_;
  std::unique_ptr<Activations<float>> second_activations_;  // with a second model
};

/// A piece of text: its tokens from `first_scored` on are predicted; those before are only context.
struct ScoredWindow {
  std::vector<TokenId> tokens;
  std::int64_t first_scored = 1;  // at most the number of tokens
  bool asks_after = false;        // what follows the last token is asked for too, whatever it is
};

/// Appends the sequences that predict a window: their targets are, in order, the window's scored tokens and, if it asks for
/// what comes after them, one more, whose own nats mean nothing.
using Questions = std::function<void(const ScoredWindow& window, std::vector<ScoredSequence>& sequences)>;

/// Appends one sequence: each token is predicted from all before it.
void ask_left_to_right(const ScoredWindow& window, std::vector<ScoredSequence>& sequences);

/// Scores windows, many at a time, and gives the results in the order in which the windows came.
class WindowScorer {
 public:
  /// scores[i] is of window.tokens[first_scored + i], given what it was asked to be predicted from; a last one, if the window
  /// asks for it, of what comes after them.
  using Handler = std::function<void(const ScoredWindow& window, std::span<const TargetScore> scores)>;

  /// max_length, batch_rows: as with SequenceScorer. Some batches of windows wait in memory, so that those of about equal
  /// length meet in one.
  WindowScorer(Compute& compute, const Parameters<float>& parameters, std::int64_t max_length, Handler handler,
               std::int64_t batch_rows = 2048, Questions questions = ask_left_to_right, const ScoreDetail& detail = {});

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
