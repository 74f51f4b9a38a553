// lm-train: trains a language model from token streams.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <functional>
#include <thread>

#include <spdlog/spdlog.h>

#include "base/error.h"
#include "base/file_lock.h"
#include "base/parallel.h"
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

void say_stopped(const TrainRun& run) {
  if (run.has_state()) {
    spdlog::warn("stopped by a signal after step {}; --resume continues from there", run.state().step);
  } else {
    spdlog::warn("stopped by a signal after step {}; nothing was kept, since there is no state file (--checkpoint)",
                 run.state().step);
  }
}

/// Ends a run that a signal stopped, and returns the exit status.
int end_interrupted(TrainRun& run) {
  if (run.has_state()) run.save_state();
  say_stopped(run);
  return 128 + run.stop_request();
}

/// After a stream broke off, returns whether that was because its launcher ends: mpirun closes what it passes on, and sends the
/// signal that `stopped` sees, or that ends this process, only then.
bool launcher_ends(Ranks& ranks, const std::function<bool()>& stopped) {
  const std::optional<double> seconds = seconds_to_end();
  if (ranks.size() == 1 || !was_continued() || !seconds) return false;
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(*seconds + 1);
  while (!stopped() && std::chrono::steady_clock::now() < end) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  return stopped();
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
  if (reason == StopReason::interrupted) return end_interrupted(run);
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
  StopReason reason;
  try {
    reason = run.run(reporter);
  } catch (const Error&) {
    // What was learned from the stream is saved.
    if (!launcher_ends(ranks, [&] { return reporter.requests().stop != 0; })) throw;
    if (run.leads()) say_stopped(run);
    return 128 + SIGTERM;
  }
  int status = 0;
  if (run.leads()) {
    status = end_run(run, reporter, reason, forecast);
    run.release();
  } else {
    run.follow();
  }
  return from_first(ranks, status);
}

/// A launcher may bind each process to a few cores, on which its threads then take turns.
void warn_of_binding(int threads) {
  const int cores = available_cores();
  if (!launch() || threads <= cores || cores >= sysconf(_SC_NPROCESSORS_ONLN)) return;
  spdlog::warn(
      "the launcher binds a rank to {} core{}, which its {} threads share; give mpirun --map-by slot:PE={} or --bind-to "
      "none, "
      "srun --cpus-per-task {}",
      cores, cores == 1 ? "" : "s", threads, threads, threads);
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

TrainInputs open_inputs_until_ended(const TrainRequest& request, Ranks& ranks) {
  try {
    return open_inputs(request, &ranks);
  } catch (const Error&) {
    launcher_ends(ranks, [] { return false; });
    throw;
  }
}

int run_train(TrainOptions& o, const CommonOptions& common, Ranks& ranks) {
  require_same_request(ranks, o);
  complete_train_request(o, common, ranks);
  check_train_usage(o, common);
  warn_of_binding(common.threads);
  std::vector<FileLock> locks = lock_outputs(o.request);
  // Whether there is a state to resume is seen once, under the lock.
  if (o.request.resume == Resume::automatic)
    o.request.resume = from_first(ranks, exists(o.request.state)) ? Resume::yes : Resume::no;
  std::optional<RecordedRun> recorded = open_recorded_run(o.request, &ranks);
  const TrainRequest request = recorded ? resumed_request(o.request, *recorded) : o.request;
  const RecordedRun* const resumed = recorded ? &*recorded : nullptr;
  Compute compute(request.threads, together(ranks, [&] { return choose_tier(request, resumed); }));
  if (ranks.size() > 1) require_same_facts(ranks, together(ranks, [&] { return facts_of_tier(compute.simd(), resumed); }));
  TrainInputs inputs = open_inputs_until_ended(request, ranks);
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
  return run_shared(ranks, [&] {
    try {
      return train(o, common, run, compute, expected, ranks);
    } catch (...) {
      locks.clear();  // what ends all ranks ends this process as it is
      throw;
    }
  });
}

int run_train_program(TrainOptions& o, const CommonOptions& common) {
  try {
    hold_save_requests();
    note_continuing();
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
