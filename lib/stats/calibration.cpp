#include "stats/calibration.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace lm {
namespace {

constexpr std::size_t kCells = std::size_t{1} << 16U;
constexpr double kOuterLogit = 16;

std::size_t cell_of(double p) {
  if (p <= 0) return 0;
  if (p >= 1) return kCells - 1;
  const double logit = std::log(p / (1 - p));
  const double place = (logit + kOuterLogit) / (2 * kOuterLogit) * static_cast<double>(kCells);
  return static_cast<std::size_t>(std::clamp(place, 0.0, static_cast<double>(kCells - 1)));
}

}  // namespace

/// Returns the pairs in order of p, with one entry for each p.
std::vector<Calibration::SameP> Calibration::joined(std::vector<SameP> pairs) {
  std::sort(pairs.begin(), pairs.end(), [](const SameP& a, const SameP& b) { return a.p < b.p; });
  std::vector<SameP> different;
  for (const SameP& same : pairs) {
    if (different.empty() || different.back().p != same.p) {
      different.push_back(same);
    } else {
      different.back().count += same.count;
      different.back().hits += same.hits;
    }
  }
  return different;
}

void Calibration::add_to(std::vector<Cell>& grid, const SameP& pairs) {
  Cell& cell = grid[cell_of(pairs.p)];
  cell.sum_p += pairs.p * static_cast<double>(pairs.count);
  cell.count += pairs.count;
  cell.hits += pairs.hits;
}

std::vector<Calibration::Cell> Calibration::grid_of(const std::vector<SameP>& pairs) {
  std::vector<Cell> grid(kCells);
  for (const SameP& same : pairs) add_to(grid, same);
  return grid;
}

void Calibration::add(const SameP& pairs) {
  count_ += pairs.count;
  if (!grid_.empty()) {
    add_to(grid_, pairs);
    return;
  }
  exact_.push_back(pairs);
  if (exact_.size() < 2 * kExact) return;
  exact_ = joined(std::move(exact_));
  if (exact_.size() <= kExact) return;
  grid_ = grid_of(exact_);
  exact_ = {};
}

void Calibration::add(double p, bool hit) {
  LM_CHECK(!std::isnan(p));
  add(SameP{.p = std::clamp(p, 0.0, 1.0), .count = 1, .hits = hit ? 1 : 0});
}

void Calibration::merge(const Calibration& other) {
  if (other.grid_.empty()) {
    for (const SameP& pairs : other.exact_) add(pairs);
    return;
  }
  if (grid_.empty()) grid_ = grid_of(exact_);
  exact_ = {};
  for (std::size_t i = 0; i < kCells; ++i) {
    grid_[i].sum_p += other.grid_[i].sum_p;
    grid_[i].count += other.grid_[i].count;
    grid_[i].hits += other.grid_[i].hits;
  }
  count_ += other.count_;
}

/// Returns what bins are made of, in order of p.
std::vector<Calibration::Cell> Calibration::cells() const {
  if (!grid_.empty()) return grid_;
  const std::vector<SameP> different = joined(exact_);
  if (different.size() > kExact) return grid_of(different);  // as if more pairs had come
  std::vector<Cell> cells;
  for (const SameP& same : different)
    cells.push_back({.sum_p = same.p * static_cast<double>(same.count), .count = same.count, .hits = same.hits});
  return cells;
}

std::vector<CalibrationBin> Calibration::bins(int bins) const {
  LM_CHECK(bins > 0);
  const std::int64_t used = std::min<std::int64_t>(bins, count_);
  const std::vector<Cell> parts = cells();
  std::vector<CalibrationBin> result;
  std::size_t cell = 0;
  std::int64_t taken = 0;  // pairs of the cell that bins before this one have
  for (std::int64_t k = 0; k < used; ++k) {
    const std::int64_t count = (k + 1) * count_ / used - k * count_ / used;
    double sum_p = 0, hits = 0;
    for (std::int64_t missing = count; missing > 0;) {
      const Cell& part = parts[cell];
      const std::int64_t here = std::min(missing, part.count - taken);
      if (here > 0) {
        const auto fraction_of = [&](double sum) {
          return sum * static_cast<double>(here) / static_cast<double>(part.count);
        };
        sum_p += fraction_of(part.sum_p);
        hits += fraction_of(static_cast<double>(part.hits));
      }
      missing -= here;
      taken += here;
      if (taken < part.count) continue;
      ++cell;
      taken = 0;
    }
    const auto n = static_cast<double>(count);
    result.push_back({.count = count, .mean_p = sum_p / n, .accuracy = hits / n});
  }
  return result;
}

double expected_calibration_error(const std::vector<CalibrationBin>& bins) {
  double total = 0, error = 0;
  for (const CalibrationBin& bin : bins) {
    total += static_cast<double>(bin.count);
    error += static_cast<double>(bin.count) * std::abs(bin.accuracy - bin.mean_p);
  }
  return total == 0 ? std::numeric_limits<double>::quiet_NaN() : error / total;
}

}  // namespace lm
