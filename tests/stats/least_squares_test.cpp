#include "stats/least_squares.h"

#include <doctest/doctest.h>

#include <limits>
#include <vector>

#include "base/error.h"

namespace lm {

TEST_CASE("least squares are numpy's, of full rank and of less") {  // make_stats_golden.py
  const std::vector<double> a = {1, 0.5, 2, 1, 1.5, -1, 1, 2.5, 0.25, 1, 4, 3, 1, 5.5, -2};
  const std::vector<double> y = {3.0, 1.5, 4.25, 9.0, 2.0};
  const LeastSquares full = least_squares(a, y, 3);
  CHECK(full.rank == 3);
  REQUIRE(full.coefficients.size() == 3);
  CHECK(full.coefficients[0] == doctest::Approx(0.94456109).epsilon(1e-8));
  CHECK(full.coefficients[1] == doctest::Approx(0.84661557).epsilon(1e-8));
  CHECK(full.coefficients[2] == doctest::Approx(1.41092291).epsilon(1e-8));
  const LeastSquares less = least_squares(std::vector<double>{1, 2, 2, 4, 3, 6}, std::vector<double>{1, 2, 4}, 2);
  CHECK(less.rank == 1);
  CHECK(less.coefficients[0] == doctest::Approx(0.24285714).epsilon(1e-7));
  CHECK(less.coefficients[1] == doctest::Approx(0.48571429).epsilon(1e-7));
}

TEST_CASE("a square matrix is solved, fewer rows than columns give the least norm, and one row is enough") {
  const LeastSquares solved = least_squares(std::vector<double>{2, 1, 1, 3}, std::vector<double>{5, 10}, 2);
  CHECK(solved.coefficients[0] == doctest::Approx(1).epsilon(1e-14));
  CHECK(solved.coefficients[1] == doctest::Approx(3).epsilon(1e-14));
  const LeastSquares wide = least_squares(std::vector<double>{3, 4}, std::vector<double>{25}, 2);
  CHECK(wide.rank == 1);
  REQUIRE(wide.coefficients.size() == 2);
  CHECK(wide.coefficients[0] == doctest::Approx(3).epsilon(1e-14));
  CHECK(wide.coefficients[1] == doctest::Approx(4).epsilon(1e-14));
}

TEST_CASE("what is not finite is not given to LAPACK") {
  CHECK_THROWS_AS(
      least_squares(std::vector<double>{1, std::numeric_limits<double>::quiet_NaN()}, std::vector<double>{1, 2}, 1),
      InternalError);
}

}  // namespace lm
