// Learning-rate schedules, and the total number of steps that budgets amount to.
#pragma once

#include <cstdint>
#include <optional>

#include "base/choice.h"

namespace lm {

/// wsd: warm up, stay, decay linearly over the last share (arXiv:2404.06395).
enum class ScheduleKind { wsd, cosine, linear, constant };
template <>
inline constexpr auto kChoices<ScheduleKind> = choice_table<ScheduleKind>("schedule",
                                                                          {{"wsd", ScheduleKind::wsd},
                                                                           {"cosine", ScheduleKind::cosine},
                                                                           {"linear", ScheduleKind::linear},
                                                                           {"constant", ScheduleKind::constant}});

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::wsd;
  double learning_rate = 1e-3;
  double min_learning_rate = 0;   // where decays end
  std::int64_t warmup_steps = 0;  // linear from 0
  std::int64_t hold_steps = 0;    // cosine and linear: steps at the full rate after warm-up, before the decay
  double decay_share = 0.6;       // wsd: share of all steps
};

/// The rate of step 0, 1, ... of a run of `total_steps`, which is unknown (empty) while a budget in time has not fixed it:
/// then the rate is that before the decay.
double learning_rate_at(const ScheduleOptions& options, std::int64_t step, std::optional<std::int64_t> total_steps);

/// First step of wsd's decay in a run of total_steps.
std::int64_t decay_start(const ScheduleOptions& options, std::int64_t total_steps);

/// Fixes the total under a budget in time. wsd: ceil(step / (1 - decay share)) once that share of the time is gone, so that
/// the rates are those of a run of so many steps; cosine and linear: from the speed of the first 5 % of the time, whose
/// steps become hold_steps unless those are more; constant: where the time is gone. Empty while undecided. `step` steps are
/// done, `elapsed` (above 0) of `budget` seconds are gone. late: a run goes on with another time, of which more may be gone
/// than that share; its steps are then as many as the time allows.
std::optional<std::int64_t> fix_total_steps(ScheduleOptions& options, std::int64_t step, double elapsed, double budget,
                                            bool late = false);

}  // namespace lm
