#include "stats/power_law.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "base/error.h"

namespace lm {
namespace {

std::vector<LossAt> points_of(const PowerLaw& law, int count, double first, double factor) {
  std::vector<LossAt> points;
  for (double x = first; count > 0; --count, x *= factor) points.push_back({x, law.at(x)});
  return points;
}

}  // namespace

TEST_CASE("the law that points were made of is found") {
  struct Case {
    PowerLaw law;
    int count;
    double first, factor;
  };
  for (const Case& made : {Case{{1.7, 500, 0.25}, 6, 1e12, 4}, Case{{0.9, 30, 0.1}, 5, 1e5, 2},
                           Case{{2.5, 4000, 0.7}, 4, 3e4, 2.5}, Case{{1.2, 9, 0.3}, 3, 100, 3}}) {
    const PowerLawFit fit = fit_power_law(points_of(made.law, made.count, made.first, made.factor));
    // Golden sections find E to the root of the machine epsilon in the cost, which is flat where the range of x is short.
    CHECK(fit.law.floor == doctest::Approx(made.law.floor).epsilon(1e-5));
    CHECK(fit.law.exponent == doctest::Approx(made.law.exponent).epsilon(1e-5));
    CHECK(fit.residual < 1e-8);
    CHECK(fit.exponents.has_value() == (made.count > 3));
  }
}

TEST_CASE("the floor is 0, and nothing beside it, for a law without one and for a loss that falls ever faster") {
  const PowerLawFit fit = fit_power_law(points_of({0, 20, 0.12}, 6, 1e4, 3));
  CHECK(fit.law.floor == 0);
  CHECK(fit.law.exponent == doctest::Approx(0.12).epsilon(1e-9));
  CHECK(fit.law.scale == doctest::Approx(20).epsilon(1e-8));
  std::vector<LossAt> faster;
  for (double x = 1; x < 100; x *= 2) faster.push_back({x, 5 - 0.9 * std::log(x)});
  CHECK(fit_power_law(faster).law.floor == 0);
}

TEST_CASE("the law of noisy points, and its ranges with one point left out, are what scipy finds") {  // make_stats_golden.py
  std::vector<LossAt> points;
  double x = 1e4;
  for (const double loss :
       {6.543373568, 4.7278240555, 3.5896776464, 2.8556635975, 2.3591474511, 2.0592263406, 1.8578400269, 1.7352547928}) {
    points.push_back({x, loss});
    x *= 3;
  }
  const PowerLawFit fit = fit_power_law(points);
  CHECK(fit.law.floor == doctest::Approx(1.5030026159703558).epsilon(1e-6));
  CHECK(fit.law.scale == doctest::Approx(202.6156144046988).epsilon(1e-6));
  CHECK(fit.law.exponent == doctest::Approx(0.40121289577725894).epsilon(1e-6));
  CHECK(fit.residual == doctest::Approx(0.002207357054738064).epsilon(1e-9));
  REQUIRE(fit.exponents.has_value());
  REQUIRE(fit.floors.has_value());
  CHECK(fit.floors->low == doctest::Approx(1.4977489495327352).epsilon(1e-6));
  CHECK(fit.floors->high == doctest::Approx(1.5080659880552723).epsilon(1e-6));
  CHECK(fit.exponents->low == doctest::Approx(0.39880679514384104).epsilon(1e-6));
  CHECK(fit.exponents->high == doctest::Approx(0.40345955631471425).epsilon(1e-6));
  double squares = 0;
  for (std::size_t i = 0; i < points.size(); ++i) {
    CHECK(fit.residuals[i] == doctest::Approx(std::log(points[i].loss / fit.law.at(points[i].x))).epsilon(1e-9));
    squares += fit.residuals[i] * fit.residuals[i];
  }
  CHECK(std::sqrt(squares / 8) == doctest::Approx(fit.residual).epsilon(1e-12));
}

TEST_CASE("points that determine no law are refused") {
  CHECK_THROWS_WITH_AS(fit_power_law(std::vector<LossAt>{{1, 2}, {2, 1.5}, {2, 1.6}}),
                       "2 different x; three or more determine a law", Error);
  CHECK_THROWS_WITH_AS(fit_power_law(std::vector<LossAt>{{1, 2}, {2, -1}, {3, 4}}),
                       "x 2 and loss -1 are not two positive numbers", Error);
  CHECK_THROWS_AS(fit_power_law(std::vector<LossAt>{{1, 2}, {0, 1}, {3, 4}}), Error);
}

}  // namespace lm
