#include "eval_limits.h"

#include <algorithm>

#include "options.h"
#include "program.h"

namespace lm::cmd {
namespace {

/// Returns the name of the first of the options that was given.
const char* given_option(const EvalLimits& options) {
  if (!options.against.empty()) return "--against";
  if (options.calibration) return "--calibration";
  return options.continuations ? "--continuations" : "--by-frequency";
}

}  // namespace

void add_limit_options(CLI::App& app, EvalLimits& options) {
  add_text(app, "--against", options.against, "compare with a second model, on the same documents", "MODEL");
  app.add_flag("--calibration", options.calibration, "report whether the likeliest token comes as often as its p says");
  add_repeated(app, "--by-frequency", options.by_frequency,
               "report by how often these token streams of training data have the token (repeatable)", "TOKENS");
  app.add_flag("--continuations", options.continuations, "report how many continuations there are at a token");
}

void check_limit_options(const EvalLimits& options, const std::vector<Level>& levels, ReportForm form) {
  const auto has = [&](Level level) { return std::find(levels.begin(), levels.end(), level) != levels.end(); };
  if (!options.against.empty() && (has(Level::word) || has(Level::token)))
    throw UsageError("--against goes with --level corpus and document");
  const bool has_table = has(Level::corpus) && form != ReportForm::tsv;
  if ((options.calibration || !options.by_frequency.empty()) && !has_table)
    throw UsageError("--calibration and --by-frequency go with --level corpus, as text or --json");
  if (options.continuations && !has_table && !has(Level::token))
    throw UsageError("--continuations goes with --level token, or with --level corpus as text or --json");
}

void check_limit_options(const EvalLimits& options, Scoring scoring) {
  if (!options.any() || scoring == Scoring::left_to_right) return;
  throw UsageError(std::string(given_option(options)) + " goes with scoring from left to right, not with " +
                   to_string(scoring));
}

void name_limit_files(const EvalLimits& options, NamedFiles& named) {
  named.reads("--against", options.against);
  named.reads("--by-frequency", options.by_frequency);
}

LimitsRequest limits_request(const EvalLimits& options, const TextModel* against) {
  return {.against = against,
          .calibration = options.calibration,
          .continuations = options.continuations,
          .frequency = options.by_frequency};
}

}  // namespace lm::cmd
