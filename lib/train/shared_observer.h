// SharedObserver: one observer for all ranks of a run. Rank 0's has the clock, shows and saves; the others follow it.
#pragma once

#include "train/ranks/ranks.h"
#include "train/trainer.h"

namespace lm {

class SharedObserver final : public TrainObserver {
 public:
  /// own: this rank's, of which ranks other than 0 only say what was asked of them. All outlive it.
  SharedObserver(TrainObserver& own, Ranks& ranks, Trainer& trainer) : own_(own), ranks_(ranks), trainer_(trainer) {}
  void on_step(const StepReport& report) override {
    if (leads()) own_.on_step(report);
  }
  void on_last_validation(const StepReport& report) override {
    if (leads()) own_.on_last_validation(report);
  }
  /// Returns what was asked of any rank: whoever signals a job may reach any of its processes first.
  RunRequests requests() override;
  void maybe_save(const RunRequests& requests) override;
  /// Returns the request that stopped the run, else 0.
  int stop() const { return stop_; }
  double now() override { return from_first(ranks_, leads() ? own_.now() : 0.0); }

 private:
  bool leads() const { return ranks_.rank() == 0; }
  TrainObserver& own_;
  Ranks& ranks_;
  Trainer& trainer_;
  int stop_ = 0;
};

}  // namespace lm
