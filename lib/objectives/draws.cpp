#include "objectives/draws.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace lm {

std::int64_t round_half_to_even(double value) {
  const double below = std::floor(value);
  const double rest = value - below;
  const auto whole = static_cast<std::int64_t>(below);
  if (rest != 0.5) return whole + (rest > 0.5 ? 1 : 0);
  return whole + whole % 2;
}

void choose_first(std::vector<std::int64_t>& elements, std::int64_t count, Rng& rng) {
  LM_CHECK(count >= 0 && count <= static_cast<std::int64_t>(elements.size()));
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    std::swap(elements[i], elements[i + static_cast<std::size_t>(rng.below(elements.size() - i))]);
  }
}

std::vector<std::int64_t> random_composition(std::int64_t total, std::int64_t parts, Rng& rng) {
  LM_CHECK(parts >= 1 && parts <= total);
  // Choosing parts - 1 of the total - 1 gaps between units is choosing a composition.
  std::vector<std::int64_t> gaps(static_cast<std::size_t>(total - 1));
  std::iota(gaps.begin(), gaps.end(), 1);
  choose_first(gaps, parts - 1, rng);
  gaps.resize(static_cast<std::size_t>(parts - 1));
  std::sort(gaps.begin(), gaps.end());
  gaps.push_back(total);
  std::vector<std::int64_t> lengths;
  std::int64_t last = 0;
  for (const std::int64_t gap : gaps) {
    lengths.push_back(gap - last);
    last = gap;
  }
  return lengths;
}

}  // namespace lm
