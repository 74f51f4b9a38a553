// lm-train: trains a language model from token streams.
#include <unistd.h>

#include <cstdio>

#include <spdlog/spdlog.h>

#include "base/file_lock.h"
#include "base/printable.h"
#include "base/resident.h"
#include "program.h"
#include "progress.h"
#include "signals.h"
#include "tasks/train/dry_run.h"
#include "tasks/train/forecast.h"
#include "tasks/train/plan.h"
#include "tasks/train/run.h"
#include "tasks/train/show_examples.h"
#include "train_observer.h"
#include "train_options.h"

namespace lm::cmd {
namespace {

constexpr double kMebibyte = 1 << 20;

void print_examples(const TrainPlan& plan, const TrainInputs& inputs, std::int64_t count) {
  std::vector<std::string> lines = show_examples(plan.examples, inputs.tokenizer, count);
  if (is_terminal(STDOUT_FILENO)) lines = align_tabs(lines);
  for (const std::string& line : lines) std::puts(line.c_str());
}

void print_forecast(const TrainPlan& plan, const TrainForecast& forecast, bool json) {
  if (json) {
    std::puts(dry_run_json(plan, forecast).dump().c_str());
  } else {
    std::fputs(dry_run_text(plan, forecast).c_str(), stdout);
  }
}

/// Ends a run that a signal stopped, and returns the exit status.
int end_interrupted(TrainRun& run, int signal) {
  if (run.has_state()) {
    run.save_state();
    spdlog::warn("stopped by a signal after step {}; --resume continues from there", run.state().step);
  } else {
    spdlog::warn("stopped by a signal after step {}; nothing was kept, since there is no state file (--checkpoint)",
                 run.state().step);
  }
  return 128 + signal;
}

void warn_of_results(const TrainRun& run) {
  const TrainState& state = run.state();
  if (state.skipped_steps > 0)
    spdlog::warn("{} steps were skipped: their loss or gradient was not finite", state.skipped_steps);
  for (const std::string& note : run.notes()) spdlog::warn("{}", note);
  if (state.counts.untransformed > 0)
    spdlog::warn("{} stretches held the objective's own tokens and were left as they are", state.counts.untransformed);
  if (state.counts.token_cuts > 0)
    spdlog::info("{} pieces were cut between tokens for want of room", state.counts.token_cuts);
}

int train(const TrainOptions& o, const CommonOptions& common, TrainRun& run, Compute& compute,
          const TrainForecast& forecast) {
  TrainReporter reporter(
      common, run, compute, forecast,
      {.metrics = o.metrics, .checkpoint_every = o.checkpoint_every.count(), .seconds = run.plan().budget.seconds});
  const StopReason reason = run.run(reporter);
  reporter.finish();
  if (reason == StopReason::interrupted) return end_interrupted(run, reporter.stop_signal());
  warn_of_results(run);
  run.save_results(reason);
  spdlog::info("at most {:.1f} MiB in memory, {:.1f} expected", static_cast<double>(resident_memory().peak) / kMebibyte,
               static_cast<double>(forecast.memory.total()) / kMebibyte);
  reporter.check_metrics();
  return 0;
}

/// A state could change until it is locked: before anything is read.
std::vector<FileLock> lock_outputs(const TrainRequest& request) {
  std::vector<FileLock> locks;
  if (request.writes_nothing) return locks;
  for (const std::string& path : {request.output, request.state}) locks.emplace_back(path);
  return locks;
}

int run_train(TrainOptions& o, const CommonOptions& common) {
  hold_save_requests();
  complete_train_request(o, common);
  check_train_usage(o, common);
  const std::vector<FileLock> locks = lock_outputs(o.request);
  std::optional<RecordedRun> recorded = open_recorded_run(o.request);
  const TrainRequest request = recorded ? resumed_request(o.request, *recorded) : o.request;
  Compute compute(request.threads, choose_tier(request, recorded ? &*recorded : nullptr));
  TrainInputs inputs = open_inputs(request);
  TrainPlan plan = recorded ? plan_resumed(request, inputs, *recorded) : plan_fresh(request, inputs, machine_of(compute));
  for (const std::string& note : plan.notes) spdlog::warn("{}", note);
  spdlog::info("products are computed in {}", to_string(plan.trainer.precision));
  if (o.dry_run) print_forecast(plan, forecast(plan, inputs, compute), o.json);
  if (o.show_examples) print_examples(plan, inputs, *o.show_examples);
  if (request.writes_nothing) return 0;
  const TrainForecast expected = forecast(plan, inputs, compute);
  TrainRun run(std::move(plan), inputs, compute, recorded ? &*recorded : nullptr);
  recorded.reset();
  return train(o, common, run, compute, expected);
}

int run_train_program(TrainOptions& o, const CommonOptions& common) {
  try {
    return run_train(o, common);
  } catch (const SettingsError& error) {
    throw UsageError(error.what());
  }
}

}  // namespace
}  // namespace lm::cmd

int main(int argc, char** argv) {
  using namespace lm::cmd;
  TrainOptions options;
  return run_program(argc, argv,
                     {.name = "lm-train",
                      .summary = "train a language model from token streams",
                      .usage = "-t TOKENIZER -o MODEL [OPTION]... TOKENS...",
                      .has_progress = true,
                      .products = Products::made,
                      .literal_values = {{"--resume", "auto"}},
                      .add_options = [&](CLI::App& app) { add_train_options(app, options); },
                      .body = [&](const CommonOptions& common) { return run_train_program(options, common); }});
}
