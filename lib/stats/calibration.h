// Calibration: whether what is predicted with probability p comes true in a fraction p of cases. Bins of equal count, and the
// expected calibration error (Naeini et al. 2015; Nguyen and O'Connor 2015 for bins of equal count, arXiv:1508.05154).
#pragma once

#include <cstdint>
#include <vector>

namespace lm {

struct CalibrationBin {
  std::int64_t count = 0;
  double mean_p = 0;
  double accuracy = 0;  // fraction of hits
};

/// Collects pairs (p, hit) of a stream of any length in at most 4 MiB.
///
/// Up to kExact different p are kept as they are. Beyond that, pairs are counted in cells of a fixed grid of log(p / (1 - p)), with
/// the sums of their p and of their hits: in a cell p differs by less than 1.3e-4 at p = 0.5, and relatively by less than
/// 5.3e-4 of the smaller of p and 1 - p elsewhere; p outside [1.1e-7, 1 - 1.1e-7] share the two outer cells.
///
/// A bin that ends inside a cell, or among equal p, takes its part of each of the cell's sums. So bins are of equal count, do not
/// depend on the order of pairs, and the sums over all bins are exact. A bin's accuracy is off only by how the hits of its two
/// cut cells are spread, and its mean p by less than a cell's width.
class Calibration {
 public:
  static constexpr std::size_t kExact = std::size_t{1} << 15U;

  /// Adds a pair. p is taken into [0, 1], out of which rounding may carry it; it is not NaN.
  void add(double p, bool hit);
  /// Adds all pairs of another.
  void merge(const Calibration& other);

  std::int64_t count() const { return count_; }
  /// Returns bins in order of p, bin k of the pairs floor(k n / bins) to floor((k+1) n / bins) - 1 of n in that order; fewer than
  /// `bins` if there are fewer pairs.
  std::vector<CalibrationBin> bins(int bins = 15) const;

 private:
  /// Pairs of one p, or of one cell of the grid.
  struct Cell {
    double sum_p = 0;
    std::int64_t count = 0;
    std::int64_t hits = 0;
  };
  /// Pairs of one p.
  struct SameP {
    double p = 0;
    std::int64_t count = 0;
    std::int64_t hits = 0;
  };
  static std::vector<SameP> joined(std::vector<SameP> pairs);
  static void add_to(std::vector<Cell>& grid, const SameP& pairs);
  static std::vector<Cell> grid_of(const std::vector<SameP>& pairs);
  void add(const SameP& pairs);
  std::vector<Cell> cells() const;

  std::int64_t count_ = 0;
  std::vector<SameP> exact_;  // while there is no grid; equal p may be there more than once
  std::vector<Cell> grid_;    // in order of p
};

/// Returns sum over bins of count / total * |accuracy - mean p|; NaN of no pair.
double expected_calibration_error(const std::vector<CalibrationBin>& bins);

}  // namespace lm
