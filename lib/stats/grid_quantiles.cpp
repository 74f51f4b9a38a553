#include "stats/grid_quantiles.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace lm {

void GridQuantiles::add(double value) {
  LM_CHECK(!std::isnan(value));
  const auto cell = static_cast<std::size_t>(std::lround(std::clamp(value, 0.0, highest_) / width_));
  if (cell >= cells_.size()) cells_.resize(cell + 1);
  ++cells_[cell];
  ++count_;
}

/// Returns the value that has `place` values before it in ascending order.
double GridQuantiles::order_statistic(std::int64_t place) const {
  std::size_t cell = 0;
  for (std::int64_t before = cells_[0]; before <= place; before += cells_[cell]) ++cell;
  return static_cast<double>(cell) * width_;
}

double GridQuantiles::quantile(double q) const {
  LM_CHECK(q >= 0 && q <= 1);
  if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
  const double place = q * static_cast<double>(count_ - 1);
  const auto below = static_cast<std::int64_t>(place);
  const double low = order_statistic(below), high = order_statistic(std::min(below + 1, count_ - 1));
  return low + (place - static_cast<double>(below)) * (high - low);
}

}  // namespace lm
