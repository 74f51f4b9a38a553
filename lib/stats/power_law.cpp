#include "stats/power_law.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <set>

#include "base/error.h"
#include "base/number_text.h"
#include "stats/least_squares.h"

namespace lm {

double PowerLaw::at(double x) const { return floor + scale * std::pow(x, -exponent); }

namespace {

/// Points in logarithms: u = log x less a constant, y = log L.
struct LogPoints {
  std::vector<double> u, y;
};

/// E + exp(b - a u).
struct LogLaw {
  double floor = 0, b = 0, a = 0;
  double cost = 0;  // sum of squared residuals of log loss
};

double cost_of(const LogPoints& points, const LogLaw& law) {
  double sum = 0;
  for (std::size_t i = 0; i < points.u.size(); ++i) {
    const double residual = std::log(law.floor + std::exp(law.b - law.a * points.u[i])) - points.y[i];
    sum += residual * residual;
  }
  return sum;
}

/// Returns the line b - a u through log(L - E).
LogLaw line_through(const LogPoints& points, double floor) {
  std::vector<double> rows, right_side;
  for (std::size_t i = 0; i < points.u.size(); ++i) {
    rows.insert(rows.end(), {1, -points.u[i]});
    right_side.push_back(std::log(std::exp(points.y[i]) - floor));
  }
  const std::vector<double> found = least_squares(rows, right_side, 2).coefficients;
  return {.floor = floor, .b = found[0], .a = found[1]};
}

/// Returns Marquardt's step (db, da) = -(J'J + damping diag(J'J))^-1 J'r: least squares with a row more for each unknown. Nothing
/// if the matrix has no full rank.
std::optional<LogLaw> damped_step(const LogPoints& points, const LogLaw& law, double damping) {
  std::vector<double> rows, right_side;
  double bb = 0, aa = 0;
  for (std::size_t i = 0; i < points.u.size(); ++i) {
    const double power = std::exp(law.b - law.a * points.u[i]);
    const double total = law.floor + power;
    const double by_b = power / total, by_a = -points.u[i] * by_b;
    rows.insert(rows.end(), {by_b, by_a});
    right_side.push_back(points.y[i] - std::log(total));
    bb += by_b * by_b;
    aa += by_a * by_a;
  }
  rows.insert(rows.end(), {std::sqrt(damping * bb), 0, 0, std::sqrt(damping * aa)});
  right_side.insert(right_side.end(), {0, 0});
  const LeastSquares step = least_squares(rows, right_side, 2);
  if (step.rank < 2) return std::nullopt;
  return LogLaw{.b = step.coefficients[0], .a = step.coefficients[1]};
}

/// Returns the best law with that floor.
LogLaw fit_with_floor(const LogPoints& points, double floor) {
  constexpr int kSteps = 200;
  constexpr double kLargestDamping = 1e12;
  LogLaw law = line_through(points, floor);
  law.cost = cost_of(points, law);
  double damping = 1e-3;
  for (int k = 0; k < kSteps && damping < kLargestDamping; ++k) {
    const std::optional<LogLaw> step = damped_step(points, law, damping);
    LogLaw next = law;
    if (step) {
      next.b += step->b;
      next.a += step->a;
      next.cost = cost_of(points, next);
    }
    if (!(next.cost < law.cost)) {
      damping *= 10;
      continue;
    }
    const double gain = law.cost - next.cost;
    const bool done = gain <= 1e-15 * law.cost;
    law = next;
    damping /= 10;
    if (done) break;
  }
  return law;
}

/// Returns the best law: its floor from a grid, then by golden sections between the neighbours of the grid's best.
LogLaw fit(const LogPoints& points) {
  constexpr int kGrid = 64;
  constexpr int kSections = 60;
  const double least = std::exp(*std::min_element(points.y.begin(), points.y.end()));
  int at = 0;
  double best = 0;
  for (int i = 0; i < kGrid; ++i) {
    const double cost = fit_with_floor(points, least * i / kGrid).cost;
    if (i > 0 && cost >= best) continue;
    best = cost;
    at = i;
  }
  double low = least * std::max(at - 1, 0) / kGrid;
  double high = least * (at + 1) / kGrid * (at + 1 < kGrid ? 1 : 1 - 1e-9);
  const double ratio = (std::sqrt(5.0) - 1) / 2;
  LogLaw left = fit_with_floor(points, high - ratio * (high - low));
  LogLaw right = fit_with_floor(points, low + ratio * (high - low));
  for (int i = 0; i < kSections; ++i) {
    if (left.cost < right.cost) {
      high = right.floor;
      right = left;
      left = fit_with_floor(points, high - ratio * (high - low));
    } else {
      low = left.floor;
      left = right;
      right = fit_with_floor(points, low + ratio * (high - low));
    }
  }
  const LogLaw inside = fit_with_floor(points, (low + high) / 2);
  // Golden sections end beside a border, never on it.
  const LogLaw without = fit_with_floor(points, 0);
  return without.cost <= inside.cost * (1 + 1e-9) || inside.floor < 1e-9 * least ? without : inside;
}

LogPoints without_point(const LogPoints& points, std::size_t left_out) {
  LogPoints rest = points;
  rest.u.erase(rest.u.begin() + static_cast<std::ptrdiff_t>(left_out));
  rest.y.erase(rest.y.begin() + static_cast<std::ptrdiff_t>(left_out));
  return rest;
}

void leave_one_out(PowerLawFit& result, const LogPoints& points) {
  for (std::size_t i = 0; i < points.u.size(); ++i) {
    const LogLaw law = fit(without_point(points, i));
    if (i == 0) {
      result.exponents = Interval{law.a, law.a};
      result.floors = Interval{law.floor, law.floor};
    }
    result.exponents = Interval{std::min(result.exponents->low, law.a), std::max(result.exponents->high, law.a)};
    result.floors = Interval{std::min(result.floors->low, law.floor), std::max(result.floors->high, law.floor)};
  }
}

}  // namespace

PowerLawFit fit_power_law(std::span<const LossAt> points) {
  std::set<double> different;
  LogPoints logs;
  double mean_log = 0;
  for (const LossAt& point : points) {
    if (!(point.x > 0) || !(point.loss > 0) || !std::isfinite(point.x) || !std::isfinite(point.loss))
      throw Error("x " + short_text(point.x, 6) + " and loss " + short_text(point.loss, 6) +
                  " are not two positive numbers");
    different.insert(point.x);
    logs.u.push_back(std::log(point.x));
    logs.y.push_back(std::log(point.loss));
    mean_log += logs.u.back() / static_cast<double>(points.size());
  }
  if (different.size() < 3) throw Error(std::to_string(different.size()) + " different x; three or more determine a law");
  for (double& u : logs.u) u -= mean_log;

  PowerLawFit result;
  if (different.size() > 3) leave_one_out(result, logs);
  const LogLaw best = fit(logs);
  result.law = {.floor = best.floor, .scale = std::exp(best.b + best.a * mean_log), .exponent = best.a};
  result.residual = std::sqrt(best.cost / static_cast<double>(points.size()));
  for (std::size_t i = 0; i < logs.u.size(); ++i) {
    result.residuals.push_back(logs.y[i] - std::log(best.floor + std::exp(best.b - best.a * logs.u[i])));
  }
  return result;
}

}  // namespace lm
