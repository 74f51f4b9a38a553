// lm-train: trains a language model from token streams.
#include <unistd.h>

#include <cstdio>

#include <spdlog/spdlog.h>

#include "base/file_lock.h"
#include "base/printable.h"
#include "base/resident.h"
#include "program.h"
#include "signals.h"
#include "tasks/train/dry_run.h"
#include "tasks/train/train_session.h"
#include "train_observer.h"
#include "train_options.h"

namespace {

using namespace lm;
using namespace lm::cmd;

constexpr double kMebibyte = 1 << 20;

int train(TrainOptions& o, const CommonOptions& common, TrainSession& session) {
  const std::int64_t expected = session.memory().total();
  session.prepare();
  TrainReporter reporter(
      common, session,
      {.metrics = o.metrics, .checkpoint_every = o.checkpoint_every.count(), .seconds = o.request.budget.seconds});
  const StopReason reason = session.run(reporter);
  reporter.finish();
  if (reason == StopReason::interrupted) {
    if (session.has_state()) {
      session.save_state();
      spdlog::warn("stopped by a signal after step {}; --resume goes on", session.state().step);
    } else {
      spdlog::warn("stopped by a signal after step {}; nothing was kept, since there is no state file (--checkpoint)",
                   session.state().step);
    }
    return 128 + reporter.stop_signal();
  }
  if (session.state().skipped_steps > 0)
    spdlog::warn("{} steps were skipped: their loss or gradient was not finite", session.state().skipped_steps);
  for (const std::string& note : session.notes_at_end()) spdlog::warn("{}", note);
  const SourceCounts& counts = session.state().counts;
  if (counts.untransformed > 0)
    spdlog::warn("{} stretches held the objective's own tokens and were left as they are", counts.untransformed);
  if (counts.token_cuts > 0) spdlog::info("{} pieces were cut between tokens for want of room", counts.token_cuts);
  if (is_model_folder(o.request.output) && session.facts().visible_prefix_share > 0) {
    spdlog::warn("'{}' was trained to look both ways, which Hugging Face's causal class does not do", o.request.output);
  }
  session.save_results(reason);
  spdlog::info("at most {:.1f} MiB in memory, {:.1f} expected", static_cast<double>(resident_memory().peak) / kMebibyte,
               static_cast<double>(expected) / kMebibyte);
  reporter.check_metrics();
  return 0;
}

int run(TrainOptions& o, const CommonOptions& common) {
  hold_save_requests();
  complete_train_request(o, common);
  check_train_usage(o, common);
  // Before anything is read: a state could change until it is locked.
  std::vector<FileLock> locks;
  if (!o.dry_run && !o.show_examples) {
    for (const std::string& path : {o.request.output, o.request.state}) locks.emplace_back(path);
  }
  std::optional<TrainSession> opened;
  try {
    opened.emplace(o.request);
  } catch (const SettingsError& error) {
    throw UsageError(error.what());
  }
  TrainSession& session = *opened;
  for (const std::string& note : session.notes()) spdlog::warn("{}", note);
  spdlog::info("products are computed in {}", session.settings().precision);
  if (o.dry_run && o.json) std::puts(dry_run_json(session).dump().c_str());
  if (o.dry_run && !o.json) std::fputs(dry_run_text(session, o.request).c_str(), stdout);
  if (o.show_examples) {
    std::vector<std::string> lines = session.show_examples(*o.show_examples);
    if (is_terminal(STDOUT_FILENO)) lines = align_tabs(lines);
    for (const std::string& line : lines) std::puts(line.c_str());
  }
  return o.dry_run || o.show_examples ? 0 : train(o, common, session);
}

}  // namespace

int main(int argc, char** argv) {
  TrainOptions options;
  return run_program(argc, argv,
                     {.name = "lm-train",
                      .summary = "train a language model from token streams",
                      .usage = "-t TOKENIZER -o MODEL [OPTION]... TOKENS...",
                      .has_progress = true,
                      .products = Products::made,
                      .literal_values = {{"--resume", "auto"}},
                      .add_options = [&](CLI::App& app) { add_train_options(app, options); },
                      .body = [&](const CommonOptions& common) { return run(options, common); }});
}
