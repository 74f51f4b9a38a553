#include "tasks/train/forecast.h"

#include <algorithm>

#include "base/resident.h"

namespace lm {

namespace {

/// Pages of the program's code that come into memory only when it trains and saves.
constexpr std::int64_t kCodeOfTraining = std::int64_t{1} << 20;
/// Of Open MPI 4.1 on one machine, on 2 to 8 ranks: what joining them takes, and what exchanging messages adds.
constexpr std::int64_t kJoining = std::int64_t{10} << 20, kExchanging = std::int64_t{7} << 18;

std::int64_t mpi_bytes(const TrainPlan& plan, const TrainInputs& inputs) {
  if (plan.trainer.ranks == 1) return 0;
  const bool joined = inputs.ranks != nullptr && inputs.ranks->size() > 1;
  return (joined ? 0 : kJoining) + kExchanging;
}

TrainMemory forecast_memory(const TrainPlan& plan, const TrainInputs& inputs, Compute& compute) {
  prepare_products(compute);
  const int threads = compute.pool().threads();
  const ResidentMemory resident = resident_memory();
  TrainMemory memory{.trainer = Trainer::memory(plan.config, plan.trainer, compute.simd(), threads),
                     .held_out = validation_bytes(plan.settings, inputs, plan.trainer.micro_batch_sequences),
                     .files = resident.files + kCodeOfTraining,
                     .mpi = mpi_bytes(plan, inputs),
                     .program = resident.now - resident.files};
  // The weights of the model that training starts from become the trainer's own.
  if (inputs.initial) memory.program -= std::min(memory.program, Parameters<float>::bytes(plan.config));
  // Measuring which precision is the fastest has taken some of the scratch already.
  const ScratchSize asked = compute.scratch_asked();
  memory.program -= std::min(memory.trainer.scratch, asked.worker * threads + asked.shared);
  // Reading a large tokenizer may have taken more than a small model will.
  memory.program += std::max<std::int64_t>(0, resident.peak - memory.total());
  return memory;
}

SentBytes forecast_sent(const TrainPlan& plan) {
  const TrainerOptions& trainer = plan.trainer;
  return RankSum::sent(Shards(Parameters<float>::shapes(plan.config), trainer.optimizer.kind, trainer.ranks),
                       trainer.batch_sequences, micro_batches(trainer), std::ssize(plan.examples.shares));
}

}  // namespace

TrainForecast forecast(const TrainPlan& plan, const TrainInputs& inputs, Compute& compute) {
  const double per_position =
      training_flops_per_token(plan.config, plan.trainer.context_length, plan.examples.visible_prefix_fraction());
  return {.parameters = parameter_count(plan.config),
          .flops_per_step = per_position * static_cast<double>(plan.step_positions()),
          .flops_per_position = per_position,
          .tokens_per_epoch = inputs.corpus ? std::optional(inputs.corpus->size()) : std::nullopt,
          .windows_per_epoch = plan.examples.windows_per_epoch(),
          .total_steps = plan.trainer.total_steps,
          .step_positions = plan.step_positions(),
          .ranks = plan.trainer.ranks,
          .sent = forecast_sent(plan),
          .memory = forecast_memory(plan, inputs, compute)};
}

}  // namespace lm
