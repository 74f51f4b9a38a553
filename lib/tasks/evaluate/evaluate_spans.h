// Span loss: how well a span model spells out what is hidden in a text.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "infer/score.h"
#include "kernels/compute.h"
#include "objectives/objective.h"
#include "tasks/text_model.h"

namespace lm {

struct SpanScore {
  std::int64_t documents = 0;
  std::int64_t windows = 0;
  std::int64_t left_out = 0;       // windows that hold a sentinel of their own, or are too short
  std::int64_t targets = 0;        // predicted: sentinels, hidden tokens and end-of-text
  std::int64_t hidden_tokens = 0;  // of them the hidden tokens
  double nats = 0;
  double hidden_nats = 0;

  /// Return the mean of nats over the targets, and over the hidden tokens only; empty if there are none.
  std::optional<double> loss() const;
  std::optional<double> hidden_loss() const;
};

/// Cuts documents, each after end-of-text, into the windows of the objective side by side, hides spans with draws from a key
/// that is always the same, and scores what the model should say.
class SpanEvaluator {
 public:
  /// The density and length of spans are those that the model was trained on. Throws Error if it was not trained on span.
  SpanEvaluator(Compute& compute, const TextModel& model);

  void add(std::span<const TokenId> tokens);
  void end_document();
  void finish();
  const SpanScore& total() const { return total_; }
  /// Returns "span-corruption density 0.15 length 3 window 222".
  std::string protocol() const;

 private:
  void take_window();
  const TextModel& model_;
  ObjectiveOptions options_;
  std::unique_ptr<Objective> objective_;
  SequenceScorer scorer_;
  std::vector<TokenId> window_;  // of the document, not yet scored
  std::vector<ScoredSequence> waiting_;
  SpanScore total_;
};

/// Returns the keys documents windows left_out targets hidden_tokens nats span_loss hidden_loss protocol.
JsonValue to_json(const SpanScore& score, const std::string& protocol);
/// Returns a table of one value a line, for people.
std::string to_text(const SpanScore& score, const std::string& protocol);

}  // namespace lm
