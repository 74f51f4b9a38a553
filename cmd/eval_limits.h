// The options of lm-eval-ppl that add to its report: a second model, calibration, frequency, continuations.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "named_files.h"
#include "tasks/evaluate/evaluate_and_report.h"

namespace lm::cmd {

struct EvalLimits {
  std::string against;
  bool calibration = false;
  bool continuations = false;
  std::vector<std::string> by_frequency;

  bool any() const { return !against.empty() || calibration || continuations || !by_frequency.empty(); }
};

/// Declares them, bound to `options`, which must outlive the app.
void add_limit_options(CLI::App& app, EvalLimits& options);

/// Throws UsageError for options that do not go with the levels and the form of the report.
void check_limit_options(const EvalLimits& options, const std::vector<Level>& levels, ReportForm form);
/// Throws UsageError for options that do not go with what is scored.
void check_limit_options(const EvalLimits& options, Scoring scoring);

/// Declares the files that they name.
void name_limit_files(const EvalLimits& options, NamedFiles& named);

/// Returns what to report. `against`: the second model, loaded, or null; must outlive the request.
LimitsRequest limits_request(const EvalLimits& options, const TextModel* against);

}  // namespace lm::cmd
