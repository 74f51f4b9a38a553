// Learning-rate schedules, and the total number of steps that budgets amount to.
#pragma once

#include <cstdint>
#include <optional>

#include "base/choice.h"

namespace lm {

/// What the learning rate does after its warm-up.
enum class ScheduleKind {
  wsd,       // stays, and decays linearly over the last fraction of the steps (arXiv:2404.06395)
  cosine,    // decays along half a cosine
  linear,    // decays linearly
  constant,  // stays
};
template <>
inline constexpr auto kChoices<ScheduleKind> = choice_table<ScheduleKind>("schedule",
                                                                          {{"wsd", ScheduleKind::wsd},
                                                                           {"cosine", ScheduleKind::cosine},
                                                                           {"linear", ScheduleKind::linear},
                                                                           {"constant", ScheduleKind::constant}});

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::wsd;
  double learning_rate = 1e-3;
  double min_learning_rate = 0;   // at the end of the decay
  std::int64_t warmup_steps = 0;  // linear from 0
  std::int64_t hold_steps = 0;    // cosine and linear: steps at the full rate after warm-up, before the decay
  double decay_share = 0.6;       // wsd: the decay's fraction of all steps
};

/// Returns the rate of step 0, 1, ... of a run of `total_steps`. While a budget in time has not fixed the total (empty), it
/// is the rate before the decay.
double learning_rate_at(const ScheduleOptions& options, std::int64_t step, std::optional<std::int64_t> total_steps);

/// Returns the first step of the decay in a run of total_steps.
std::int64_t decay_start(const ScheduleOptions& options, std::int64_t total_steps);

/// Returns the total number of steps under a budget in time, or nothing while it is too early to fix it. `step` steps are
/// done, and `elapsed` (above 0) of `budget` seconds are gone.
///   wsd              once the time before the decay, (1 - decay_share) * budget, is gone: ceil(step / (1 - decay_share)),
///                    so that the rates are those of a run of so many steps
///   cosine, linear   after 5 % of the time, from the speed so far; the steps so far become hold_steps unless those are more
///   constant         once the time is gone: step
/// late: a resumed run may have been given another budget, of which more is gone than wsd waits for; the total is then as
/// many steps as the time allows at the speed so far.
std::optional<std::int64_t> fix_total_steps(ScheduleOptions& options, std::int64_t step, double elapsed, double budget,
                                            bool late = false);

}  // namespace lm
