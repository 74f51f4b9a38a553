// TrainRun: a planned run in progress: its trainer, and the state and the model that it leaves.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "kernels/compute.h"
#include "tasks/train/examples.h"
#include "tasks/train/plan.h"
#include "tasks/train/recorded_run.h"
#include "train/trainer.h"

namespace lm {

class TrainRun {
 public:
  /// Allocates the trainer. Its weights are the recorded run's; if that is null, those of the initial model, which is taken
  /// out of the inputs; else they are drawn. Inputs and compute outlive the run. Of several ranks all do so at the same time;
  /// throws Error on all if one of them has other weights.
  TrainRun(TrainPlan plan, TrainInputs& inputs, Compute& compute, const RecordedRun* recorded = nullptr);

  const TrainPlan& plan() const { return plan_; }
  /// Returns true for the rank that shows and writes; it is the only one that may save.
  bool leads() const { return trainer_.ranks().rank() == 0; }
  /// After run(): the others follow what rank 0 saves, until it lets them end.
  void follow() { trainer_.follow(); }
  void release() { trainer_.release(); }
  /// Returns how long the sums over ranks have taken; null in one process.
  const BackgroundSum* background() const { return trainer_.background(); }
  const TrainState& state() const { return trainer_.state(); }
  /// Runs until a budget ends it. If reading the data fails, saves the state of the last whole step and throws Error.
  StopReason run(TrainObserver& observer);
  /// Returns the request, of any rank's observer, that interrupted the run; 0: none did.
  int stop_request() const { return stop_request_; }
  /// Returns what the user should know that only the run could show, a sentence each.
  std::vector<std::string> notes() const;

  /// Returns whether the run keeps a state.
  bool has_state() const { return !plan_.state.empty(); }
  /// Write the state, and the model as it would be if the run ended now. Throw Error.
  void save_state();
  void save_model();
  /// Returns true if the model is a file or folder, which can be written any number of times; false for a pipe or device.
  bool replaces_model() const;
  /// Saves what a run that ended leaves: its model, and its state, which records why it ended.
  void save_results(StopReason reason);

 private:
  void begin(const RecordedRun* recorded);
  ModelRecord model_record() const;
  void write_state(const char* ended);
  void keep_state();
  void keep_learned();

  TrainPlan plan_;
  const TrainInputs& inputs_;
  Compute& compute_;
  Validation validation_;
  Trainer trainer_;
  int stop_request_ = 0;
};

}  // namespace lm
