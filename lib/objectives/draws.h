// Draws that several objectives need.
#pragma once

#include <cstdint>
#include <vector>

#include "base/rng.h"

namespace lm {

/// Rounds to the nearest integer, halves to the even one, whatever the rounding mode.
std::int64_t round_half_to_even(double value);

/// Moves a uniform choice of `count` elements to the front, in the order they were drawn (Fisher and Yates).
void choose_first(std::vector<std::int64_t>& elements, std::int64_t count, Rng& rng);

/// Draws `total` as a sum of `parts` positive numbers, each such list equally likely. 1 <= parts <= total.
std::vector<std::int64_t> random_composition(std::int64_t total, std::int64_t parts, Rng& rng);

}  // namespace lm
