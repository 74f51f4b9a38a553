// The smallest and largest values of lm-train's settings that are numbers: for options, and for what a state records.
#pragma once

#include <cstdint>
#include <string_view>

namespace lm {

/// Sequences or tokens in a step, whose ids and weights are held at once; low enough that totals over a run do not overflow.
constexpr std::int64_t kLargestStep = std::int64_t{1} << 28;
/// Steps of a run, for the same reason.
constexpr std::int64_t kMostSteps = 1'000'000'000;

template <class Number>
struct Limits {
  Number low;
  Number high;
};

/// Returns the limits of a setting, as visit_settings() names it: of a whole number, or of a real one.
Limits<std::int64_t> integer_limits(std::string_view setting);
Limits<double> real_limits(std::string_view setting);

}  // namespace lm
