// What lm-eval-ppl reads in place of documents: reports (--merge), cloze items (--cloze, --probes), pairs (--pairs); and which options
// go with what it does.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "eval_options.h"

namespace lm::cmd {

/// Declares --cloze, --pairs, --probes and --normalize.
void add_mode_options(CLI::App& app, EvalOptions& options);

/// Returns whether one of --cloze, --pairs and --probes was given.
bool judges(const EvalOptions& options);

/// Throw UsageError for options that do not go with these modes.
void check_merge(const EvalOptions& options);
void check_judging(const EvalOptions& options);
void check_features_mode(const EvalOptions& options);

/// Returns the installed probes, share/lm/probes/*.jsonl, in the order of their names. Throws Error if there are none.
std::vector<std::string> find_probes();

}  // namespace lm::cmd
