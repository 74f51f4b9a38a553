// What is reported beside the totals, in the same pass: a second model, calibration, frequency, continuations.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kernels/compute.h"
#include "tasks/evaluate/comparison.h"
#include "tasks/evaluate/continuations.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/frequency.h"
#include "tasks/evaluate/level_report.h"
#include "tasks/evaluate/second_model.h"

namespace lm {

/// What is wanted of it; only of models that are scored from left to right.
struct LimitsRequest {
  const TextModel* against = nullptr;
  bool calibration = false;
  bool continuations = false;
  std::vector<std::string> frequency = {};  // token streams of training data, "-": standard input

  bool any() const { return against != nullptr || calibration || continuations || !frequency.empty(); }
};

/// Collects scores as an evaluator makes them known, and adds what it finds to the rows of a report.
class Limits {
 public:
  /// Reads the token streams. All outlive it. Throws Error.
  Limits(const LimitsRequest& request, const TextModel& model, LogBase base);

  /// Returns the plan to score by, with a second model or without.
  WindowPlan plan(const WindowPlan& plan) const;
  /// Returns the columns that rows of a level gain.
  std::vector<LevelColumns> columns() const;
  using NextDocument = std::function<void(const DocumentScore& document, const JsonValue& more)>;
  /// Asks for what is needed of the evaluator and its sink, which hands documents to `next` through this.
  void attach(EvaluatorOptions& options, EvaluationSink& sink, NextDocument next);
  /// Begins scoring by a second model that has a tokenizer of its own, if there is one: returns where documents then go.
  DocumentTokens beside(DocumentTokens first, Compute& compute, const WindowPlan& plan, bool at_once);
  /// Ends that.
  void finish();

  /// Returns the members that a token's row gains; null if none.
  JsonValue more_of(const TokenScore& token) const;
  /// Returns what the corpus' row gains.
  MoreOfRow more_of_corpus(ReportForm form) const;

 private:
  void add(const WindowTargets& window);
  void add(const DocumentScore& document);
  void match_documents();
  void report(const DocumentScore& document, const SecondScore& second);
  bool per_token() const { return pairs_.has_value(); }

  const LimitsRequest& request_;
  const TextModel& model_;
  LogBase base_;
  NextDocument next_;
  WindowPlan second_plan_;
  std::optional<Comparison> comparison_;                          // with a second model
  std::optional<PairedWindows> pairs_;                            // if it shares windows with the first
  std::unique_ptr<SecondModel> second_;                           // if it does not
  std::deque<DocumentScore> first_documents_, second_documents_;  // that wait for each other's
  std::optional<Calibration> calibration_;
  std::optional<FrequencyBuckets> frequency_;
  std::optional<Continuations> continuations_;
};

}  // namespace lm
