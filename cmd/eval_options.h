// The options of lm-eval-ppl.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "eval_features.h"
#include "eval_limits.h"
#include "inputs.h"
#include "kernels/packed.h"
#include "program.h"
#include "tasks/evaluate/evaluate_and_report.h"

namespace lm::cmd {

struct EvalOptions {
  std::string model;
  TokenizerOptions tokenizer_options;
  Inputs inputs;
  EvaluationRequest request;  // without its inputs
  std::optional<std::int64_t> context;
  std::optional<std::int64_t> stride;
  std::string protocol;
  std::optional<Scoring> scoring;
  WeightProducts products = WeightProducts::exact;
  bool within_word = false;
  bool infilling = false;
  bool cloze = false;
  bool pairs = false;
  bool probes = false;  // cloze items that are installed
  bool macro = false;
  bool resume = false;
  bool merge = false;  // MODEL is a report too
  bool json = false;
  bool tsv = false;
  std::string output = "-";
  std::string rejected;
  EvalLimits limits;
  EvalFeatures features;
  const CLI::App* app = nullptr;  // knows which options were given
};

/// Declares all options of lm-eval-ppl, bound to `options`, which must outlive the app.
void add_eval_options(CLI::App& app, EvalOptions& options);

/// Throws UsageError for options that exclude each other whatever the model, and for files that do. Returns the files to read.
std::vector<std::string> check_eval_options(const EvalOptions& options, const CommonOptions& common);

/// Returns what is scored. Throws UsageError for options that do not go with it.
Scoring scoring_of(const EvalOptions& options, const TextModel& model);

ReportForm report_form(const EvalOptions& options);

/// Returns what to do.
EvaluationRequest request_of(const EvalOptions& options, Scoring scoring);

}  // namespace lm::cmd
