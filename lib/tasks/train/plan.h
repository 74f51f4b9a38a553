// TrainPlan: a run of lm-train with everything decided: model shape, settings, budget and examples. Nothing of the model is
// allocated yet.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kernels/compute.h"
#include "kernels/precision.h"
#include "tasks/train/examples.h"
#include "tasks/train/inputs.h"
#include "tasks/train/recorded_run.h"
#include "tasks/train/request.h"

namespace lm {

/// The facts about a machine that a plan made on it depends on. The functions measure, which takes a moment, and are called
/// only if their result is needed.
struct Machine {
  SimdTier tier = SimdTier::portable;
  std::function<Precision()> fastest_precision;
  std::function<double()> peak_flops;  // of one rank: fused multiply-adds in fp32 on all its threads, FLOP/s
};
/// Compute outlives the machine.
Machine machine_of(Compute& compute);
/// Likewise of several ranks, which all call its functions at the same time: what rank 0 measures is every rank's.
Machine machine_of(Compute& compute, Ranks& ranks);

struct TrainPlan {
  TrainSettings settings;  // nothing is left to be chosen
  ModelConfig config;
  TrainerOptions trainer;
  TrainBudget budget;
  std::string init_from;      // as the run began
  std::string output, state;  // as in the request
  std::vector<TokenId> ends;  // what ends a text of the model, if not only end-of-text
  FolderTexts folder;         // of the folder from elsewhere that the model came from
  TrainExamples examples;
  /// What the user should know but need not act on, a sentence each.
  std::vector<std::string> notes;

  std::int64_t step_positions() const { return trainer.batch_sequences * trainer.context_length; }
};

/// Plans a run from its beginning: sizes, rates and the rest that were left open are chosen. The inputs outlive the plan.
/// Throws SettingsError for settings that do not suit the model or the memory, Error for what the data does not allow.
TrainPlan plan_fresh(const TrainRequest& request, const TrainInputs& inputs, const Machine& machine);

/// Plans the rest of a recorded run; `request` is as resumed_request() returns it. Throws Error if the inputs are not those
/// that the run began with.
TrainPlan plan_resumed(const TrainRequest& request, const TrainInputs& inputs, const RecordedRun& recorded);

}  // namespace lm
