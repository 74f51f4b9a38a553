#include "stats/mean.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/rng.h"

namespace lm {
namespace {

constexpr double kUndefined = std::numeric_limits<double>::quiet_NaN();

double sum(std::span<const double> values) {
  double total = 0;
  for (const double value : values) total += value;
  return total;
}

}  // namespace

double mean(std::span<const double> values) {
  return values.empty() ? kUndefined : sum(values) / static_cast<double>(values.size());
}

double weighted_mean(std::span<const double> values, std::span<const double> weights) {
  LM_CHECK(values.size() == weights.size());
  double total = 0;
  for (std::size_t i = 0; i < values.size(); ++i) total += weights[i] * values[i];
  const double weight = sum(weights);
  return weight == 0 ? kUndefined : total / weight;
}

Estimate estimate_mean(std::span<const double> values) {
  return estimate_ratio(values, std::vector<double>(values.size(), 1.0));
}

Estimate estimate_ratio(std::span<const double> y, std::span<const double> x) {
  LM_CHECK(y.size() == x.size());
  Estimate estimate{kUndefined, kUndefined, {kUndefined, kUndefined}};
  const double total = sum(x);
  if (total == 0) return estimate;
  estimate.value = sum(y) / total;
  if (y.size() < 2) return estimate;
  double squares = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double residual = y[i] - estimate.value * x[i];
    squares += residual * residual;
  }
  const auto n = static_cast<double>(y.size());
  estimate.standard_error = std::sqrt(n / (n - 1) * squares) / std::abs(total);
  const double half = kNormalQuantile95 * estimate.standard_error;
  estimate.interval = {estimate.value - half, estimate.value + half};
  return estimate;
}

Estimate estimate_paired_difference(std::span<const double> a, std::span<const double> b, std::span<const double> x) {
  LM_CHECK(a.size() == b.size());
  std::vector<double> differences(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) differences[i] = a[i] - b[i];
  return estimate_ratio(differences, x);
}

Interval wilson_interval(double successes, double trials) {
  LM_CHECK(successes >= 0 && successes <= trials);
  if (trials == 0) return {0, 1};
  const double p = successes / trials;
  const double z2 = kNormalQuantile95 * kNormalQuantile95;
  const double center = p + z2 / (2 * trials);
  const double half = kNormalQuantile95 * std::sqrt(p * (1 - p) / trials + z2 / (4 * trials * trials));
  const double scale = 1 + z2 / trials;
  // At the ends the two terms are equal, but for rounding.
  return {successes == 0 ? 0 : (center - half) / scale, successes == trials ? 1 : (center + half) / scale};
}

double quantile(std::vector<double> values, double q) {
  LM_CHECK(q >= 0 && q <= 1);
  if (values.empty()) return kUndefined;
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - static_cast<double>(below)) * (values[above] - values[below]);
}

Interval bootstrap_interval(std::int64_t clusters, const Statistic& statistic, const BootstrapOptions& options) {
  LM_CHECK(clusters > 0 && options.replicates > 0 && options.level > 0 && options.level < 1);
  std::vector<std::int64_t> drawn(static_cast<std::size_t>(clusters));
  std::vector<double> values(static_cast<std::size_t>(options.replicates));
  for (std::size_t k = 0; k < values.size(); ++k) {
    Rng rng(options.seed, RngPurpose::bootstrap, k);
    for (std::int64_t& cluster : drawn) cluster = static_cast<std::int64_t>(rng.below(static_cast<std::uint64_t>(clusters)));
    values[k] = statistic(drawn);
  }
  const double tail = (1 - options.level) / 2;
  return {quantile(values, tail), quantile(values, 1 - tail)};
}

}  // namespace lm
