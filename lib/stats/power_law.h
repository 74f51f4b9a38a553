// The law by which loss falls with size: L(x) = E + A x^-a, E >= 0 (Hestness et al. 2017, arXiv:1712.00409; Kaplan et al. 2020,
// arXiv:2001.08361), fitted by least squares of log loss.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "stats/mean.h"

namespace lm {

struct LossAt {
  double x = 0;     // parameters, tokens or FLOPs; above 0
  double loss = 0;  // above 0
};

struct PowerLaw {
  double floor = 0;     // E
  double scale = 0;     // A
  double exponent = 0;  // a
  double at(double x) const;
};

struct PowerLawFit {
  PowerLaw law;
  std::vector<double> residuals;  // log(loss / law.at(x)) of each point
  double residual = 0;            // the root of their mean square
  // The least and greatest exponent and floor with any one point left out; nothing of three different x, which determine a law
  // exactly.
  std::optional<Interval> exponents, floors;
};

/// Minimises sum (log L_i - log(E + A x_i^-a))^2. For a given E, A and a are found by Gauss-Newton steps, damped (Marquardt
/// 1963), from the line through log(L - E); each step is a linear least-squares problem. E is found on a grid below the least
/// L and by golden sections around the grid's best, so that a poor start cannot mislead it and E never leaves its range.
/// Throws Error if fewer than three x differ or a value is not a positive number, or if OpenBLAS is missing
/// (stats/least_squares.h).
PowerLawFit fit_power_law(std::span<const LossAt> points);

}  // namespace lm
