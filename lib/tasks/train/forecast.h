// TrainForecast: what a planned run will take, before anything of it is allocated.
#pragma once

#include <cstdint>
#include <optional>

#include "kernels/compute.h"
#include "tasks/train/plan.h"
#include "train/trainer.h"

namespace lm {

/// Bytes that a run will have in memory at its peak.
struct TrainMemory {
  Trainer::Memory trainer;
  std::int64_t held_out = 0;  // tokens to validate on
  std::int64_t files = 0;     // mapped files, whose pages the system may take back: the program's own
  std::int64_t mpi = 0;       // the library by which ranks join, as far as it is not in memory yet
  std::int64_t program = 0;   // all else: tokenizer, tables, libraries
  std::int64_t total() const { return trainer.total() + held_out + files + mpi + program; }
};

struct TrainForecast {
  std::int64_t parameters = 0;
  double flops_per_step = 0;
  double flops_per_position = 0;                 // training FLOPs for each token of a sequence
  std::optional<std::int64_t> tokens_per_epoch;  // empty with one pass
  std::optional<std::int64_t> windows_per_epoch;
  std::optional<std::int64_t> total_steps;  // if the budget fixes them
  std::int64_t step_positions = 0;          // batch * context
  int ranks = 1;                            // the memory is that of each
  SentBytes sent;                           // by one rank in a step
  TrainMemory memory;
};

/// Estimates the size and cost of a run, and the memory of this process if it makes that run now: what it has already, and
/// what each part states that it will add.
TrainForecast forecast(const TrainPlan& plan, const TrainInputs& inputs, Compute& compute);

}  // namespace lm
