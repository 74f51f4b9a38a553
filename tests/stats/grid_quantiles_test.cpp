#include "stats/grid_quantiles.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "base/rng.h"
#include "stats/mean.h"

using namespace lm;

TEST_CASE("quantiles are within half a width of the exact ones, and exact for multiples of the width") {
  Rng rng(3, RngPurpose::test);
  GridQuantiles grid(0.01, 5), whole(1, 100);
  std::vector<double> values, numbers;
  for (int i = 0; i < 1001; ++i) {
    values.push_back(std::abs(rng.normal()));
    numbers.push_back(static_cast<double>(rng.below(60)));
    grid.add(values.back());
    whole.add(numbers.back());
    for (const double q : {0.0, 0.1, 0.5, 0.77, 0.9, 1.0}) {
      if (i % 100 != 0 && i > 3) continue;
      CHECK(std::abs(grid.quantile(q) - quantile(values, q)) <= 0.005 + 1e-12);
      CHECK(whole.quantile(q) == quantile(numbers, q));
    }
  }
  CHECK(grid.count() == 1001);
}

TEST_CASE("what is beyond the range counts as its end, and there is no quantile of nothing") {
  GridQuantiles grid(0.5, 2);
  CHECK(std::isnan(grid.quantile(0.5)));
  for (const double value : {-3.0, 7.0, 9.0}) grid.add(value);
  CHECK(grid.quantile(0) == 0);
  CHECK(grid.quantile(1) == 2);
}
