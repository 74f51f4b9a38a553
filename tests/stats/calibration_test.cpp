#include "stats/calibration.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "base/rng.h"

namespace lm {
namespace {

struct Pair {
  double p;
  bool hit;
};

Calibration calibration_of(const std::vector<Pair>& pairs) {
  Calibration calibration;
  for (const Pair& pair : pairs) calibration.add(pair.p, pair.hit);
  return calibration;
}

/// Returns bins of all pairs sorted, as definitions have it.
std::vector<CalibrationBin> sorted_bins(std::vector<Pair> pairs, std::size_t bins) {
  std::stable_sort(pairs.begin(), pairs.end(), [](const Pair& a, const Pair& b) { return a.p < b.p; });
  std::vector<CalibrationBin> result(bins);
  for (std::size_t k = 0; k < bins; ++k) {
    const std::size_t first = k * pairs.size() / bins, end = (k + 1) * pairs.size() / bins;
    for (std::size_t i = first; i < end; ++i) {
      result[k].mean_p += pairs[i].p / static_cast<double>(end - first);
      result[k].accuracy += (pairs[i].hit ? 1.0 : 0.0) / static_cast<double>(end - first);
    }
    result[k].count = static_cast<std::int64_t>(end - first);
  }
  return result;
}

/// Returns pairs whose p are spread over many orders of magnitude near 0 and 1.
std::vector<Pair> drawn_pairs(int count, std::uint64_t seed) {
  Rng rng(seed, RngPurpose::test);
  std::vector<Pair> pairs;
  for (int i = 0; i < count; ++i) {
    const double p = 1 / (1 + std::exp(-4 * rng.normal() - 1));
    pairs.push_back({p, rng.uniform() < 0.9 * p + 0.02});
  }
  return pairs;
}

}  // namespace

TEST_CASE("few pairs are binned exactly, as numpy does it") {  // make_stats_golden.py
  std::vector<Pair> pairs;
  for (int i = 1; i <= 100; ++i) {
    const double p = std::fmod(i * 0.6180339887498949, 1);
    pairs.push_back({p, std::fmod(i * 0.7548776662466927, 1) < p * p});
  }
  const std::vector<CalibrationBin> bins = calibration_of(pairs).bins();
  REQUIRE(bins.size() == 15);
  CHECK(bins[0].count == 6);
  CHECK(bins[0].mean_p == doctest::Approx(0.031214044160850978).epsilon(1e-12));
  CHECK(bins[1].count == 7);
  CHECK(bins[1].mean_p == doctest::Approx(0.09724377945955684).epsilon(1e-12));
  CHECK(bins[14].mean_p == doctest::Approx(0.9611862753517081).epsilon(1e-12));
  CHECK(bins[14].accuracy == 1);
  CHECK(expected_calibration_error(bins) == doctest::Approx(0.17615035332045345).epsilon(1e-12));
}

TEST_CASE("equal p are divided evenly, whatever their order") {
  std::vector<Pair> pairs;
  for (int i = 0; i < 30; ++i) pairs.push_back({i < 15 ? 0.25 : 0.75, i < 5 || i >= 20});
  const std::vector<CalibrationBin> bins = calibration_of(pairs).bins(4);
  std::reverse(pairs.begin(), pairs.end());
  const std::vector<CalibrationBin> reversed = calibration_of(pairs).bins(4);
  REQUIRE(bins.size() == 4);
  const double accuracies[] = {1.0 / 3, 1.0 / 3, 2.0 / 3, 2.0 / 3};
  for (std::size_t k = 0; k < 4; ++k) {
    CHECK(bins[k].count == (k % 2 == 0 ? 7 : 8));
    CHECK(bins[k].mean_p == doctest::Approx(k < 2 ? 0.25 : 0.75));
    CHECK(bins[k].accuracy == doctest::Approx(accuracies[k]));
    CHECK(reversed[k].accuracy == bins[k].accuracy);
  }
  CHECK(expected_calibration_error(bins) == doctest::Approx(1.0 / 12));
}

TEST_CASE("fewer pairs than bins have a bin each, none has none") {
  const Calibration calibration = calibration_of({{0.5, true}, {1.0000001, false}});
  REQUIRE(calibration.bins().size() == 2);
  CHECK(calibration.bins()[1].mean_p == 1);
  CHECK(calibration.count() == 2);
  CHECK(Calibration().bins().empty());
  CHECK(std::isnan(expected_calibration_error({})));
}

TEST_CASE("many pairs are binned nearly as if they were sorted, and their sums are kept") {
  const std::vector<Pair> pairs = drawn_pairs(300000, 3);
  const std::vector<CalibrationBin> bins = calibration_of(pairs).bins();
  const std::vector<CalibrationBin> exact = sorted_bins(pairs, 15);
  REQUIRE(bins.size() == 15);
  double sum = 0, hits = 0, exact_sum = 0, exact_hits = 0;
  for (std::size_t k = 0; k < 15; ++k) {
    CHECK(bins[k].count == exact[k].count);
    // Less than a cell's width, of which about 1 in 1000 pairs are in the two cut cells.
    CHECK(std::abs(bins[k].mean_p - exact[k].mean_p) < 1e-6);
    // The cut cells hold some tens of the 20000 pairs.
    CHECK(std::abs(bins[k].accuracy - exact[k].accuracy) < 1e-3);
    const auto n = static_cast<double>(bins[k].count);
    sum += n * bins[k].mean_p;
    hits += n * bins[k].accuracy;
    exact_sum += n * exact[k].mean_p;
    exact_hits += n * exact[k].accuracy;
  }
  CHECK(sum == doctest::Approx(exact_sum).epsilon(1e-11));
  CHECK(hits == doctest::Approx(exact_hits).epsilon(1e-11));
  CHECK(std::abs(expected_calibration_error(bins) - expected_calibration_error(exact)) < 1e-4);
}

TEST_CASE("what is merged is what came at once") {
  for (const int count : {1000, 50000, 200000}) {  // exact, exact until the bins are asked for, and a grid
    std::vector<Pair> first = drawn_pairs(count, 5);
    const std::vector<Pair> second = drawn_pairs(70000, 6);
    Calibration merged = calibration_of(first);
    merged.merge(calibration_of(second));
    first.insert(first.end(), second.begin(), second.end());
    const Calibration together = calibration_of(first);
    CHECK(merged.count() == together.count());
    for (std::size_t k = 0; k < 15; ++k) {
      CHECK(merged.bins()[k].count == together.bins()[k].count);
      CHECK(merged.bins()[k].mean_p == doctest::Approx(together.bins()[k].mean_p).epsilon(1e-12));
      CHECK(merged.bins()[k].accuracy == doctest::Approx(together.bins()[k].accuracy).epsilon(1e-12));
    }
  }
}

}  // namespace lm
