#include "stats/least_squares.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <xtensor-blas/xlinalg.hpp>
#include <xtensor/xadapt.hpp>
#include <xtensor/xtensor.hpp>

#include "base/error.h"
#include "stats/lapack.h"

namespace lm {

LeastSquares least_squares(std::span<const double> a, std::span<const double> y, std::int64_t columns) {
  const std::size_t rows = y.size();
  LM_CHECK(columns > 0 && rows > 0 && a.size() == rows * static_cast<std::size_t>(columns));
  // LAPACK may search without end for singular values of what is not finite.
  const auto finite = [](double value) { return std::isfinite(value); };
  LM_CHECK(std::all_of(a.begin(), a.end(), finite) && std::all_of(y.begin(), y.end(), finite));
  open_lapack();
  const std::array<std::size_t, 2> shape{rows, static_cast<std::size_t>(columns)};
  const std::array<std::size_t, 1> length{rows};
  const xt::xtensor<double, 2> matrix = xt::adapt(a.data(), a.size(), xt::no_ownership(), shape);
  const xt::xtensor<double, 1> right_side = xt::adapt(y.data(), rows, xt::no_ownership(), length);
  const auto solved = xt::linalg::lstsq(matrix, right_side);
  const xt::xarray<double> solution = std::get<0>(solved);
  return {.coefficients = std::vector<double>(solution.begin(), solution.end()), .rank = std::get<2>(solved)};
}

}  // namespace lm
