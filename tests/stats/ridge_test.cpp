#include "stats/ridge.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "base/error.h"

namespace lm {

TEST_CASE("solutions are numpy's, of which only the lower triangle is read") {  // make_classifier_golden.py
  constexpr double kIgnored = std::numeric_limits<double>::max();
  const std::vector<double> a = {4, kIgnored, kIgnored, 1, 3, kIgnored, 0.5, -1, 2};
  const std::vector<double> x = solve_ridge(a, 0.25, std::vector<double>{1, 2, 3, -1, 0, 4}, 3);
  const std::vector<double> expected = {-0.31022649, 1.32326699, 1.99039121, -0.73850377, 0.95538778, 2.36650652};
  REQUIRE(x.size() == expected.size());
  for (std::size_t i = 0; i < x.size(); ++i) CHECK(x[i] == doctest::Approx(expected[i]).epsilon(1e-7));
}

TEST_CASE("a ridge makes any positive semidefinite matrix solvable") {
  const std::vector<double> x = solve_ridge(std::vector<double>{1, 1, 1, 1}, 0.5, std::vector<double>{1, 1}, 2);
  CHECK(x[0] == doctest::Approx(0.4).epsilon(1e-14));
  CHECK(x[1] == doctest::Approx(0.4).epsilon(1e-14));
  CHECK(solve_ridge(std::vector<double>{3}, 1, std::vector<double>{8, 4}, 1) == std::vector<double>{2, 1});
}

TEST_CASE("what is not finite, or has no ridge, is not given to LAPACK") {
  CHECK_THROWS_AS(solve_ridge(std::vector<double>{std::numeric_limits<double>::quiet_NaN()}, 1, std::vector<double>{1}, 1),
                  InternalError);
  CHECK_THROWS_AS(solve_ridge(std::vector<double>{1}, 0, std::vector<double>{1}, 1), InternalError);
}

}  // namespace lm
