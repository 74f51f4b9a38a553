#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"

namespace lm {

namespace {

// The fraction of the time after which cosine and linear trust the speed that they have seen.
constexpr double kMeasuringFraction = 0.05;
// Keeps quotients such as 7 / (1 - 0.3) from rounding up to the next step.
constexpr double kRounding = 1e-9;

}  // namespace

std::int64_t decay_start(const ScheduleOptions& options, std::int64_t total_steps) {
  if (options.kind == ScheduleKind::constant) return total_steps;
  if (options.kind == ScheduleKind::wsd) {
    return static_cast<std::int64_t>(std::floor(static_cast<double>(total_steps) * (1.0 - options.decay_share) + kRounding));
  }
  return std::min(total_steps, options.warmup_steps + options.hold_steps);
}

double learning_rate_at(const ScheduleOptions& options, std::int64_t step, std::optional<std::int64_t> total_steps) {
  const double full = options.learning_rate;
  const double ramp =
      step < options.warmup_steps ? static_cast<double>(step + 1) / static_cast<double>(options.warmup_steps) : 1.0;
  if (!total_steps) return full * ramp;
  const std::int64_t start = decay_start(options, *total_steps);
  if (step < start) return full * ramp;
  // The last step is not quite at the minimum: a step at rate 0 would be wasted.
  const double gone =
      static_cast<double>(step - start) / static_cast<double>(std::max<std::int64_t>(1, *total_steps - start));
  const double share = options.kind == ScheduleKind::cosine ? 0.5 * (1.0 + std::cos(std::numbers::pi * std::min(1.0, gone)))
                                                            : std::max(0.0, 1.0 - gone);
  return std::min(full * ramp, options.min_learning_rate + (full - options.min_learning_rate) * share);
}

std::optional<std::int64_t> fix_total_steps(ScheduleOptions& options, std::int64_t step, double elapsed, double budget,
                                            bool late) {
  if (step < 1) return std::nullopt;
  const auto possible = std::max(step, static_cast<std::int64_t>(static_cast<double>(step) * budget / elapsed));
  switch (options.kind) {
    case ScheduleKind::constant:
      if (elapsed >= budget) return step;
      return std::nullopt;
    case ScheduleKind::wsd: {
      const double steady = 1.0 - options.decay_share;
      if (elapsed < steady * budget) return std::nullopt;
      if (late) return possible;
      // A first step has the full rate in a run of any length: what the time allows repeats it.
      const double steps = step > 1 ? static_cast<double>(step) / steady : budget / elapsed;
      return static_cast<std::int64_t>(std::ceil(steps - kRounding));
    }
    case ScheduleKind::cosine:
    case ScheduleKind::linear:
      if (elapsed < kMeasuringFraction * budget) return std::nullopt;
      options.hold_steps = std::max(options.hold_steps, step - options.warmup_steps);
      return possible;
  }
  throw InternalError("unknown schedule");
}

}  // namespace lm
