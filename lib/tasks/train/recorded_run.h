// RecordedRun: the run that a state belongs to, as its record says, and what a run that resumes it keeps to.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/json.h"
#include "tasks/train/request.h"
#include "train/ranks/ranks.h"
#include "train/state_file.h"

namespace lm {

struct RecordedRun {
  StateFile file;
  std::string path;  // of the state
  TrainSettings settings;
  std::string init_from;  // as the run began
  SimdTier tier = SimdTier::portable;
  std::optional<std::string> end_of_text;     // its spelling; empty in states of an earlier version
  std::optional<Pattern> pattern;             // of the tokenizer, if it is byte-level; empty likewise
  std::optional<std::string> begin;           // the token before texts that was named
  std::optional<std::int64_t> recipe_epochs;  // the most that a recipe allows
  JsonValue seconds;                          // of its budget in time; null: none
  std::string tokenizer, data, valid;         // what identifies its inputs

  const ModelConfig& config() const { return file.record().config; }
  /// Returns true if the run had the budget's time.
  bool had_time(const TrainBudget& budget) const;
};

/// Returns the run that `request` resumes; empty if it begins a fresh one. Throws Error if there must be a state and is
/// none, if the state contradicts what was asked for, and if a fresh run may not replace the state that is there. Several ranks
/// call it at the same time, and of those that have the same file one verifies it; null: one process.
std::optional<RecordedRun> open_recorded_run(const TrainRequest& request, Ranks* ranks = nullptr);

/// Returns what `request` means for a run that is resumed: with the recorded settings, and without a model to begin from.
TrainRequest resumed_request(TrainRequest request, const RecordedRun& recorded);

/// Returns the SIMD tier that a run uses: the recorded one if the CPU has it, else the one that was asked for, else the
/// best. `recorded` is null for a fresh run. Throws Error if the tier lacks the run's precision.
SimdTier choose_tier(const TrainRequest& request, const RecordedRun* recorded);

}  // namespace lm
