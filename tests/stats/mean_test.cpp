#include "stats/mean.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <vector>

// Golden numbers are those of make_stats_golden.py.
namespace lm {
namespace {

const std::vector<double> kValues = {2.1, 3.4, 1.9, 5.6, 4.4, 2.8, 3.1};
const std::vector<double> kNats = {120.5, 88.25, 301.0, 45.75, 210.5, 18.0};
const std::vector<double> kTokens = {40, 31, 95, 17, 77, 5};
const std::vector<double> kOther = {118.0, 90.5, 296.25, 47.0, 205.5, 18.5};

}  // namespace

TEST_CASE("means are numpy's, their standard error scipy's, and nothing has none") {
  CHECK(mean(kValues) == doctest::Approx(3.3285714285714287).epsilon(1e-14));
  const Estimate estimate = estimate_mean(kValues);
  CHECK(estimate.value == doctest::Approx(3.3285714285714287).epsilon(1e-14));
  CHECK(estimate.standard_error == doctest::Approx(0.49266732024295473).epsilon(1e-13));
  CHECK(estimate.interval.low == doctest::Approx(estimate.value - 1.959963984540054 * estimate.standard_error));
  CHECK(estimate.interval.high == doctest::Approx(estimate.value + 1.959963984540054 * estimate.standard_error));
  CHECK(std::isnan(mean({})));
  CHECK(std::isnan(estimate_mean({}).value));
  CHECK(weighted_mean(std::vector<double>{1, 4}, std::vector<double>{3, 1}) == 1.75);
  CHECK(std::isnan(weighted_mean({}, {})));
}

TEST_CASE("a ratio of sums has the ratio estimator's standard error, and one cluster has none") {
  const Estimate ratio = estimate_ratio(kNats, kTokens);
  CHECK(ratio.value == doctest::Approx(2.9584905660377356).epsilon(1e-14));
  CHECK(ratio.standard_error == doctest::Approx(0.11281138620034606).epsilon(1e-13));
  const Estimate one = estimate_ratio(std::vector<double>{6}, std::vector<double>{2});
  CHECK(one.value == 3);
  CHECK(std::isnan(one.standard_error));
  CHECK(std::isnan(one.interval.low));
  CHECK(std::isnan(estimate_ratio(std::vector<double>{0, 0}, std::vector<double>{0, 0}).value));
}

TEST_CASE("a paired difference is that of the ratios, more certain than they are") {
  const Estimate difference = estimate_paired_difference(kNats, kOther, kTokens);
  CHECK(difference.value == doctest::Approx(0.031132075471698113).epsilon(1e-13));
  CHECK(difference.standard_error == doctest::Approx(0.020872132816334876).epsilon(1e-13));
  CHECK(difference.value ==
        doctest::Approx(estimate_ratio(kNats, kTokens).value - estimate_ratio(kOther, kTokens).value).epsilon(1e-12));
}

TEST_CASE("Wilson's interval is scipy's, inside [0, 1], and open at no trial") {
  CHECK(wilson_interval(0, 10).low == 0);
  CHECK(wilson_interval(0, 10).high == doctest::Approx(0.27753279986288926).epsilon(1e-13));
  CHECK(wilson_interval(7, 12).low == doctest::Approx(0.31951131254954973).epsilon(1e-13));
  CHECK(wilson_interval(7, 12).high == doctest::Approx(0.8067396863412435).epsilon(1e-13));
  CHECK(wilson_interval(950, 1000).low == doctest::Approx(0.9346861797557491).epsilon(1e-13));
  CHECK(wilson_interval(950, 1000).high == doctest::Approx(0.9618697376072511).epsilon(1e-13));
  CHECK(wilson_interval(10, 10).high == 1);
  CHECK(wilson_interval(0, 0).low == 0);
  CHECK(wilson_interval(0, 0).high == 1);
}

TEST_CASE("quantiles are numpy's") {
  CHECK(quantile(kValues, 0.025) == doctest::Approx(1.93).epsilon(1e-14));
  CHECK(quantile(kValues, 0.3) == doctest::Approx(2.66).epsilon(1e-14));
  CHECK(quantile(kValues, 0.975) == doctest::Approx(5.42).epsilon(1e-14));
  CHECK(quantile(kValues, 1) == 5.6);
  CHECK(std::isnan(quantile({}, 0.5)));
}

TEST_CASE("the bootstrap of a ratio agrees with its formula, depends on the seed only, and draws every cluster") {
  std::vector<double> y, x;
  for (int i = 0; i < 400; ++i) {
    x.push_back(20 + i % 37);
    y.push_back(x.back() * (3 + 0.5 * std::sin(i)));
  }
  std::vector<int> drawn(x.size());
  const auto ratio = [&](std::span<const std::int64_t> clusters) {
    double top = 0, bottom = 0;
    for (const std::int64_t cluster : clusters) {
      const auto i = static_cast<std::size_t>(cluster);
      top += y[i];
      bottom += x[i];
      ++drawn[i];
    }
    return top / bottom;
  };
  const Interval interval = bootstrap_interval(400, ratio);
  const Estimate estimate = estimate_ratio(y, x);
  // 2000 replicates place a 2.5 % quantile within 0.06 standard errors (one deviation of a quantile: sqrt(pq/n)/density).
  CHECK(std::abs(interval.low - estimate.interval.low) < 0.25 * estimate.standard_error);
  CHECK(std::abs(interval.high - estimate.interval.high) < 0.25 * estimate.standard_error);
  for (const int count : drawn) CHECK(std::abs(count - 2000) < 6 * std::sqrt(2000));
  const Interval again = bootstrap_interval(400, ratio);
  CHECK(again.low == interval.low);
  CHECK(again.high == interval.high);
  CHECK(bootstrap_interval(400, ratio, {.seed = 2}).low != interval.low);
  const Interval narrower = bootstrap_interval(400, ratio, {.level = 0.5});
  CHECK(narrower.low > interval.low);
  CHECK(narrower.high < interval.high);
}

}  // namespace lm
