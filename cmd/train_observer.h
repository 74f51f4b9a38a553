// What lm-train shows and saves while it runs: progress, metrics, and states and models on time and on signals.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <string>
#include <vector>

#include "base/file.h"
#include "program.h"
#include "progress.h"
#include "signals.h"
#include "tasks/train/forecast.h"
#include "tasks/train/run.h"

namespace lm::cmd {

/// The TrainObserver of lm-train.
class TrainReporter final : public TrainObserver {
 public:
  struct Options {
    std::string metrics;                        // JSONL file to append to; empty: none
    double checkpoint_every = 600;              // seconds; 0: after every step
    std::optional<double> seconds;              // the run's budget in time, for the estimate
    std::optional<double> seconds_to_end = {};  // that a launcher leaves a rank after SIGTERM
  };
  /// The run outlives it.
  TrainReporter(const CommonOptions& common, TrainRun& run, Compute& compute, const TrainForecast& forecast,
                const Options& options);

  void on_step(const StepReport& report) override;
  void on_last_validation(const StepReport& report) override;
  RunRequests requests() override { return {.stop = signals_.stop_signal(), .save = signals_.take_save_request()}; }
  void maybe_save(const RunRequests& requests) override;
  double now() override;

  /// Shows the last line of the progress display.
  void finish();
  /// Throws the error that writing the metrics met, after which training continued.
  void check_metrics() const;

 private:
  void write_metrics(const StepReport& report);
  void save_state();
  void append_metrics(const std::string& text);
  std::vector<std::string> describe(const StepReport& report, double tokens_per_second) const;

  TrainRun& run_;
  Compute& compute_;
  Options options_;
  double flops_per_position_;
  SignalFlags signals_;
  Progress progress_;
  FileDescriptor metrics_;
  std::exception_ptr metrics_failure_;
  double peak_flops_ = 0;
  double last_step_seconds_ = 0;
  double last_speed_ = 0;  // tokens a second of the last step
  double last_save_ = 0;
  bool warned_of_saving_ = false;
  double begun_ = 0;  // elapsed seconds when this process took over
  std::int64_t begun_step_ = 0;
  std::int64_t positions_ = 0;  // computed by this process
  double smoothed_speed_ = 0;   // tokens a second
  StepReport last_;
  std::optional<double> validation_loss_;
};

}  // namespace lm::cmd
