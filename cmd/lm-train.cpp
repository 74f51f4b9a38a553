// lm-train: trains a language model from token streams.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>

#include <spdlog/spdlog.h>

#include "base/file_lock.h"
#include "base/path.h"
#include "base/printable.h"
#include "base/resident.h"
#include "config.h"
#include "kernels/precision.h"
#include "launcher.h"
#include "program.h"
#include "progress.h"
#include "shared_run.h"
#include "signals.h"
#include "tasks/train/agreement.h"
#include "tasks/train/dry_run.h"
#include "tasks/train/forecast.h"
#include "tasks/train/plan.h"
#include "tasks/train/run.h"
#include "tasks/train/show_examples.h"
#include "train/ranks/together.h"
#include "train_observer.h"
#include "train_options.h"

namespace lm::cmd {
namespace {

constexpr double kMebibyte = 1 << 20;

/// Of several ranks all make the examples, since a stream is dealt out to them, and the first prints them.
void print_examples(const TrainPlan& plan, const TrainInputs& inputs, std::int64_t count, bool leads) {
  std::vector<std::string> lines = show_examples(plan.examples, inputs.tokenizer, count);
  if (!leads) return;
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

/// Ends a run on the rank that shows and writes, and returns the exit status.
int end_run(TrainRun& run, TrainReporter& reporter, StopReason reason, const TrainForecast& forecast) {
  reporter.finish();
  // Another rank may have had the signal.
  if (reason == StopReason::interrupted)
    return end_interrupted(run, reporter.stop_signal() != 0 ? reporter.stop_signal() : SIGTERM);
  warn_of_results(run);
  run.save_results(reason);
  spdlog::info("at most {:.1f} MiB in memory, {:.1f} expected", static_cast<double>(resident_memory().peak) / kMebibyte,
               static_cast<double>(forecast.memory.total()) / kMebibyte);
  if (const BackgroundSum* const sums = run.background()) {
    spdlog::info("sums of gradients over ranks took {:.3f} s, of which {:.3f} s were waited for", sums->busy_seconds(),
                 sums->waited_seconds());
  }
  reporter.check_metrics();
  return 0;
}

int train(const TrainOptions& o, const CommonOptions& common, TrainRun& run, Compute& compute, const TrainForecast& forecast,
          Ranks& ranks) {
  CommonOptions shown = common;
  if (!run.leads()) shown.progress = ProgressMode::never;
  TrainReporter reporter(shown, run, compute, forecast,
                         {.metrics = run.leads() ? o.metrics : std::string(),
                          .checkpoint_every = o.checkpoint_every.count(),
                          .seconds = run.plan().budget.seconds,
                          .seconds_to_end = ranks.size() > 1 ? seconds_to_end() : std::nullopt});
  const StopReason reason = run.run(reporter);
  int status = 0;
  if (run.leads()) {
    status = end_run(run, reporter, reason, forecast);
    run.release();
  } else {
    run.follow();
  }
  return from_first(ranks, status);
}

/// A state could change until it is locked: before anything is read.
std::vector<FileLock> lock_outputs(const TrainRequest& request) {
  std::vector<FileLock> locks;
  if (request.writes_nothing || request.rank > 0) return locks;
  for (const std::string& path : {request.output, request.state}) locks.emplace_back(path);
  return locks;
}

/// Returns the options given, except those that each rank may have its own of. With others the ranks would not even ask each other
/// the same questions.
RankFacts facts_of_options(const TrainOptions& o) {
  constexpr std::array<std::string_view, 4> kOwn = {"--threads", "--progress", "--quiet", "--verbose"};
  RankFacts facts;
  for (const auto& [name, value] : given_options(*o.app)) {
    if (std::find(kOwn.begin(), kOwn.end(), name) != kOwn.end()) continue;
    facts.emplace_back((name.starts_with("-") ? "an option " : "a list of ") + name, value);
  }
  return facts;
}

/// Throws Error on all ranks if their programs or options differ.
void require_same_request(Ranks& ranks, const TrainOptions& o) {
  if (ranks.size() == 1) return;
  RankFacts facts = together(ranks, facts_of_process);
  for (auto& fact : facts_of_options(o)) facts.push_back(std::move(fact));
  require_same_facts(ranks, facts);
}

/// Throws Error if this machine lacks the precision that rank 0 chose.
void check_precision(Precision precision, SimdTier tier) {
  const std::string missing = missing_for(precision, tier);
  if (!missing.empty()) throw Error(std::string("cannot use precision '") + to_string(precision) + "': " + missing);
}

int run_train(TrainOptions& o, const CommonOptions& common, Ranks& ranks) {
  require_same_request(ranks, o);
  complete_train_request(o, common, ranks);
  check_train_usage(o, common);
  const std::vector<FileLock> locks = lock_outputs(o.request);
  // Whether there is a state to resume is seen once, under the lock.
  if (o.request.resume == Resume::automatic)
    o.request.resume = from_first(ranks, exists(o.request.state)) ? Resume::yes : Resume::no;
  std::optional<RecordedRun> recorded = open_recorded_run(o.request, &ranks);
  const TrainRequest request = recorded ? resumed_request(o.request, *recorded) : o.request;
  const RecordedRun* const resumed = recorded ? &*recorded : nullptr;
  Compute compute(request.threads, together(ranks, [&] { return choose_tier(request, resumed); }));
  if (ranks.size() > 1) require_same_facts(ranks, together(ranks, [&] { return facts_of_tier(compute.simd(), resumed); }));
  TrainInputs inputs = open_inputs(request, &ranks);
  TrainPlan plan =
      recorded ? plan_resumed(request, inputs, *recorded) : plan_fresh(request, inputs, machine_of(compute, ranks));
  if (ranks.size() > 1) require_same_facts(ranks, facts_of(plan, inputs));
  together(ranks, [&] { check_precision(plan.trainer.precision, compute.simd()); });
  for (const std::string& note : plan.notes) spdlog::warn("{}", note);
  spdlog::info("products are computed in {}", to_string(plan.trainer.precision));
  const bool leads = ranks.rank() == 0;
  if (o.dry_run && leads) print_forecast(plan, forecast(plan, inputs, compute), o.json);
  if (o.show_examples) print_examples(plan, inputs, *o.show_examples, leads);
  if (request.writes_nothing) return 0;
  const TrainForecast expected = forecast(plan, inputs, compute);
  TrainRun run(std::move(plan), inputs, compute, resumed);
  recorded.reset();
  // While the run is still there: what it has begun with other ranks does not end before they do.
  return run_shared(ranks, [&] { return train(o, common, run, compute, expected, ranks); });
}

int run_train_program(TrainOptions& o, const CommonOptions& common) {
  try {
    hold_save_requests();
    const std::unique_ptr<Ranks> ranks = open_ranks();
    return run_shared(*ranks, [&] { return run_train(o, common, *ranks); });
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
                      .is_shared = true,
                      .literal_values = {{"--resume", "auto"}},
                      .add_options = [&](CLI::App& app) { add_train_options(app, options); },
                      .body = [&](const CommonOptions& common) { return run_train_program(options, common); }});
}
