// Quantiles of a stream of any length, in bounded memory.
#pragma once

#include <cstdint>
#include <vector>

namespace lm {

/// Counts values by the nearest multiple of `width`, for values from 0 to `highest`: highest / width + 1 counters at most.
/// A quantile is off by at most width / 2, and exact for values that are multiples of the width, such as whole numbers with
/// width 1. Values beyond the range count as its nearest end.
class GridQuantiles {
 public:
  GridQuantiles(double width, double highest) : width_(width), highest_(highest) {}

  void add(double value);
  std::int64_t count() const { return count_; }
  /// Returns the value below which the fraction q of the values is: linear between order statistics, at (n - 1) q, as
  /// quantile() of stats/mean.h. NaN of none; 0 <= q <= 1.
  double quantile(double q) const;

 private:
  double order_statistic(std::int64_t place) const;

  double width_, highest_;
  std::int64_t count_ = 0;
  std::vector<std::int64_t> cells_;  // as many as the largest value so far needs
};

}  // namespace lm
