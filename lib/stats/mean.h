// Means and how certain they are: of values, of ratios of sums over clusters (documents), of paired differences, of
// proportions; by formula, or by the bootstrap.
//
// Tokens of one document are not independent, so a mean over tokens is a ratio of two sums over documents (nats and tokens),
// and its standard error comes from how the documents differ. With documents of one size it is that of the mean of their means.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace lm {

/// The 0.975 quantile of the standard normal distribution: half of a 95 % interval in standard errors.
constexpr double kNormalQuantile95 = 1.959963984540054;

struct Interval {
  double low = 0;
  double high = 0;
};

/// An estimate with its standard error and its 95 % interval, value +- kNormalQuantile95 * standard_error. Those three are NaN if
/// there are fewer than two clusters, which say nothing of how clusters differ; `value` is NaN if the sum of x is 0.
struct Estimate {
  double value = 0;
  double standard_error = 0;
  Interval interval;
};

/// Returns sum(values) / count; NaN of none.
double mean(std::span<const double> values);

/// Returns sum(weights * values) / sum(weights); NaN if the weights sum to 0. As many weights as values.
double weighted_mean(std::span<const double> values, std::span<const double> weights);

/// Returns the mean of independent values; standard_error = s / sqrt(n), s^2 = sum (v_i - mean)^2 / (n - 1).
Estimate estimate_mean(std::span<const double> values);

/// r = sum y / sum x over n clusters;  standard_error^2 = n/(n-1) * sum (y_i - r x_i)^2 / (sum x)^2
/// The ratio estimator (Cochran, "Sampling Techniques", 3rd edition 1977, eq. 6.9, without the correction for a finite
/// population). y: nats of each document, x: its tokens; clusters with x = 0 and y = 0 count as documents. As many y as x.
Estimate estimate_ratio(std::span<const double> y, std::span<const double> x);

/// d = sum (a - b) / sum x, of two models' sums over the same clusters: estimate_ratio(a - b, x). As many a and b as x.
Estimate estimate_paired_difference(std::span<const double> a, std::span<const double> b, std::span<const double> x);

/// Returns the 95 % score interval of a proportion (Wilson 1927, J. Am. Stat. Assoc. 22:209-212):
/// (p + z^2/2n +- z sqrt(p (1-p) / n + z^2/4n^2)) / (1 + z^2/n),  p = successes / n. Ties may make halves of successes.
/// 0 <= successes <= trials; [0, 1] of no trial.
Interval wilson_interval(double successes, double trials);

/// Returns the value below which the fraction q of the values is: linear between order statistics, at (n - 1) q (Hyndman and
/// Fan 1996, definition 7, as numpy's default). NaN of none; 0 <= q <= 1.
double quantile(std::vector<double> values, double q);

struct BootstrapOptions {
  std::int64_t replicates = 2000;
  double level = 0.95;
  std::uint64_t seed = 1;
};

/// Gets the numbers of the clusters drawn, n of them out of n with replacement, and returns the statistic of these.
using Statistic = std::function<double(std::span<const std::int64_t> clusters)>;

/// Returns the percentile interval of the bootstrap (Efron 1979): the quantiles (1 -+ level) / 2 of the statistic over
/// replicates. Replicate k draws from its own counter-based stream, so that the result depends on the seed only.
Interval bootstrap_interval(std::int64_t clusters, const Statistic& statistic, const BootstrapOptions& options = {});

}  // namespace lm
