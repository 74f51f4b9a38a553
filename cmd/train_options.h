// The options of lm-train: declared, completed and checked before any file is opened.
#pragma once

#include <optional>
#include <string>

#include "options.h"
#include "program.h"
#include "tasks/train/request.h"
#include "train/ranks/ranks.h"

namespace lm::cmd {

/// Everything that lm-train can be told.
struct TrainOptions {
  TrainRequest request;
  std::optional<Seconds> time;
  std::string metrics;
  std::string checkpoint;
  Seconds checkpoint_every{600};
  std::string resume;  // "true" or "auto" if it is given
  bool overwrite = false;
  std::optional<std::int64_t> show_examples;
  bool dry_run = false;
  std::optional<std::int64_t> ranks;  // of the run that --dry-run forecasts
  bool json = false;
  CLI::App* app = nullptr;  // knows which options were given
};

/// Declares all options of lm-train, bound to `options`, which must outlive the app.
void add_train_options(CLI::App& app, TrainOptions& options);
/// Fills in what the request has of common options, of those given, and of the environment.
void complete_train_request(TrainOptions& options, const CommonOptions& common, const Ranks& ranks);
/// Throws UsageError for what no file can put right.
void check_train_usage(TrainOptions& options, const CommonOptions& common);

}  // namespace lm::cmd
