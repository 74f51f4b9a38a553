// Scoring: what a model thinks of given tokens, many windows at a time.
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

/// Of each row that counts: -log p of its target, and, where asked, the target's rank (1: the likeliest) and the entropy of
/// the distribution, both in nats.
class ScoreSink : public RowSink<float> {
 public:
  enum class Detail { nats, rank_and_entropy };
  /// The batch outlives the sink. Vectors have one element a row of the batch; rows that do not count keep 0.
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

/// A piece of text of n + 1 tokens: the last n are predicted, each from all before it. Those before `first_scored` are
/// context only.
struct ScoredWindow {
  std::vector<TokenId> tokens;
  std::int64_t first_scored = 1;
};

/// Scores windows in batches of about equal length and gives the results in the order in which the windows came.
class WindowScorer {
 public:
  /// nats[i] = -log p(window.tokens[first_scored + i] | the tokens before it).
  using Handler = std::function<void(const ScoredWindow& window, std::span<const double> nats)>;

  /// max_length: tokens predicted in a window at most, itself at most the model's context. Memory: activations of
  /// `batch_rows` tokens (at least of one window), and some times as many waiting.
  WindowScorer(Compute& compute, const Parameters<float>& parameters, std::int64_t max_length, Handler handler,
               std::int64_t batch_rows = 2048);

  void add(ScoredWindow window);
  /// Scores what is waiting.
  void flush();

 private:
  void score_batch(std::span<const std::size_t> members);
  Compute& compute_;
  const Parameters<float>& parameters_;
  std::int64_t max_length_;
  std::int64_t batch_rows_;
  Handler handler_;
  std::unique_ptr<Activations<float>> activations_;
  std::int64_t waiting_rows_ = 0;
  std::vector<ScoredWindow> waiting_;
  std::vector<std::vector<double>> results_;
};

}  // namespace lm
