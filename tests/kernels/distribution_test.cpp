#include "kernels/distribution.h"

#include <algorithm>
#include <limits>

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

template <class T>
std::vector<double> log_softmax(const Tensor<T>& logits, std::int64_t row, std::int64_t width) {
  std::vector<double> result;
  for (std::int64_t j = 0; j < width; ++j) result.push_back(static_cast<double>(logits.view()(row, j)));
  const double highest = *std::max_element(result.begin(), result.end());
  double sum = 0;
  for (const double x : result) sum += std::exp(x - highest);
  for (double& x : result) x -= highest + std::log(sum);
  return result;
}

std::int64_t first_best(const std::vector<double>& p) { return std::max_element(p.begin(), p.end()) - p.begin(); }

template <class T>
void check_rows(Compute& compute, std::int64_t width, double tolerance) {
  CAPTURE(width);
  CAPTURE(to_string(compute.simd()));
  const std::int64_t rows = 5;
  auto x = Tensor<T>::random({rows, width}, 1, 2, 60);
  const auto y = Tensor<T>::random({rows, width}, 2, 2, 60);
  std::vector<TokenId> targets;
  std::vector<std::uint8_t> mask;
  for (std::int64_t r = 0; r < rows; ++r) targets.push_back(static_cast<TokenId>((r * 37 + 5) % width));
  for (std::int64_t j = 0; j < width; ++j) mask.push_back(j % 3 == 0 ? 1 : 0);
  std::vector<Distribution> all(rows);
  std::vector<Divergence> divergences(rows), same(rows);
  describe_distributions<T>(compute, all, x.view(), targets);
  compare_distributions<T>(compute, divergences, x.view(), y.view());
  compare_distributions<T>(compute, same, x.view(), x.view());
  std::vector<double> masses(rows), expected_masses;
  for (std::int64_t r = 0; r < rows; ++r) {
    const auto i = static_cast<std::size_t>(r);
    const std::vector<double> p = log_softmax(x, r, width), q = log_softmax(y, r, width);
    double entropy = 0, kl = 0, reverse = 0, mass = 0;
    std::int64_t rank = 1, likely = 0;
    const double highest = *std::max_element(p.begin(), p.end());
    for (std::size_t j = 0; j < p.size(); ++j) {
      entropy -= std::exp(p[j]) * p[j];
      kl += std::exp(p[j]) * (p[j] - q[j]);
      reverse += std::exp(q[j]) * (q[j] - p[j]);
      mass += mask[j] != 0 ? std::exp(p[j]) : 0;
      rank += p[j] > p[targets[i]] ? 1 : 0;
      likely += std::exp(p[j] - highest) >= 0.5 ? 1 : 0;
    }
    CHECK(std::abs(all[i].entropy - entropy) < tolerance * (1 + entropy));
    CHECK(std::abs(all[i].highest_nats + highest) < tolerance * (1 - highest));
    CHECK(all[i].likeliest == first_best(p));
    CHECK(all[i].rank == rank);
    CHECK(all[i].likely == likely);
    CHECK(std::abs(divergences[i].kl - kl) < tolerance * (1 + kl));
    CHECK(std::abs(divergences[i].kl_reverse - reverse) < tolerance * (1 + reverse));
    CHECK(divergences[i].agrees == (first_best(p) == first_best(q)));
    CHECK(same[i].kl == 0);
    CHECK(same[i].kl_reverse == 0);
    CHECK(same[i].agrees);
    expected_masses.push_back(std::log(mass));
  }
  log_mass<T>(compute, masses, x.view(), mask);
  CHECK(lm::test::distance(masses, expected_masses) < tolerance);
}

}  // namespace

TEST_CASE("entropy, rank, counts, divergence and mass agree with the formulas for every width and tier") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (const std::int64_t width : {1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 64, 67, 255, 256, 257, 1023, 1024, 1025, 5003}) {
      check_rows<float>(compute, width, 1e-6);  // exponentials of 2 units in the last place, by blocks
      check_rows<double>(compute, width, 1e-11);
    }
  }
}

TEST_CASE("ids without a probability change nothing, and equal ones are counted") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(1, tier);
    const float none = -std::numeric_limits<float>::infinity();
    Tensor<float> x({1, 40}), y({1, 40});
    std::fill(x.values.begin(), x.values.end(), none);
    std::fill(y.values.begin(), y.values.end(), none);
    for (const std::size_t j : {3, 20, 33}) x.values[j] = y.values[j] = 1.5f;
    y.values[33] = none;
    std::vector<Distribution> described(1);
    describe_distributions<float>(compute, described, x.view(), std::vector<TokenId>{20});
    CHECK(described[0].entropy == doctest::Approx(std::log(3)).epsilon(1e-6));
    CHECK(described[0].likeliest == 3);
    CHECK(described[0].rank == 1);
    CHECK(described[0].likely == 3);
    std::vector<Divergence> divergence(1);
    compare_distributions<float>(compute, divergence, x.view(), y.view());
    CHECK(divergence[0].kl == std::numeric_limits<double>::infinity());
    CHECK(divergence[0].kl_reverse == doctest::Approx(std::log(1.5)).epsilon(1e-6));
    CHECK(divergence[0].agrees);
  }
}
