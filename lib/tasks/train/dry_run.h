// What lm-train --dry-run reports of a run before it begins.
#pragma once

#include <string>

#include "base/json.h"
#include "tasks/train/forecast.h"
#include "tasks/train/plan.h"

namespace lm {

/// Returns an object with the keys parameters, memory_bytes and its parts, ranks, sent_bytes and its parts, flops_per_step, tokens_per_step,
/// tokens_per_epoch, windows_per_epoch, steps (null if the data or the budget do not say), settings.
JsonValue dry_run_json(const TrainPlan& plan, const TrainForecast& forecast);

/// Returns text for people: two sentences on what would be trained and what it takes, then the numbers, memory in MB of 2^20
/// bytes, and the settings as options.
std::string dry_run_text(const TrainPlan& plan, const TrainForecast& forecast);

}  // namespace lm
