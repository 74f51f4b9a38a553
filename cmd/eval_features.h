// The options of lm-eval-ppl for features: --features and --classify, in place of a report on how well documents are predicted.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "named_files.h"
#include "tasks/evaluate/features_and_report.h"

namespace lm::cmd {

struct EvalOptions;

struct EvalFeatures {
  std::string output;    // a .npy file; may be empty
  std::string classify;  // a member of JSON documents; may be empty

  bool any() const { return !output.empty() || !classify.empty(); }
};

/// Declares them, bound to `options`, which must outlive the app.
void add_feature_options(CLI::App& app, EvalFeatures& options);

/// Throws UsageError for options that do not go with them.
void check_feature_options(const EvalOptions& options);

/// Returns what to do. `inputs`: the files to read.
FeaturesRequest features_request(const EvalOptions& options, std::vector<std::string> inputs);

}  // namespace lm::cmd
