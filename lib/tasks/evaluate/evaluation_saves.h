// The saves of an evaluation that can be interrupted: what ResumableOutputs keeps of it, and how a later run begins after that.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "tasks/evaluate/document_filter.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/read_documents.h"
#include "tasks/evaluate/resumable_outputs.h"

namespace lm {

/// Saves the outputs of a run now and then, and begins after what an earlier run has saved.
class EvaluationSaves {
 public:
  /// Both outlive it.
  EvaluationSaves(ResumableOutputs& outputs, const std::function<void(const std::string&)>& notice)
      : outputs_(outputs), notice_(notice), last_(Clock::now()) {}

  bool resumes() const { return outputs_.entry() && outputs_.entry()->documents > 0; }

  /// Returns the sink that skips what an earlier run has done, and restores what that knew. Throws Error if the journal does not
  /// say it.
  DocumentTokens begin(Evaluator& evaluator, DocumentFilter& filter, DocumentTokens documents);
  /// The rows of one more document are written.
  void document_done();
  /// Saves if it is some time ago.
  void save_if_due(const CorpusScore& total, const DocumentFilter& filter);
  void check_all_skipped() const { read_->check_all_skipped(); }

 private:
  using Clock = std::chrono::steady_clock;
  void restore(const JournalEntry& entry, Evaluator& evaluator, DocumentFilter& filter) const;

  ResumableOutputs& outputs_;
  const std::function<void(const std::string&)>& notice_;
  std::optional<ReadDocuments> read_;
  std::int64_t documents_ = 0;  // whose rows are written
  std::string hash_;            // of these
  Clock::time_point last_;
};

}  // namespace lm
