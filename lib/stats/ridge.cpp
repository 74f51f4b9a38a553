#include "stats/ridge.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <xtensor-blas/xlinalg.hpp>
#include <xtensor/xtensor.hpp>

#include "base/error.h"
#include "stats/lapack.h"

namespace lm {

std::vector<double> solve_ridge(std::span<const double> a, double ridge, std::span<const double> b, std::int64_t n) {
  const auto size = static_cast<std::size_t>(n);
  LM_CHECK(n > 0 && ridge > 0 && a.size() == size * size && b.size() % size == 0);
  const auto finite = [](double value) { return std::isfinite(value); };
  LM_CHECK(std::all_of(a.begin(), a.end(), finite) && std::all_of(b.begin(), b.end(), finite));
  std::vector<double> solutions(b.size());
  if (n == 1) {  // for which xtensor's strides are 0
    std::transform(b.begin(), b.end(), solutions.begin(), [&](double right) { return right / (a[0] + ridge); });
    return solutions;
  }
  open_lapack();
  const std::array<std::size_t, 2> shape{size, size};
  const std::array<std::size_t, 1> length{size};
  xt::xtensor<double, 2, xt::layout_type::column_major> matrix(shape);
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j <= i; ++j) matrix(i, j) = a[i * size + j] + (i == j ? ridge : 0);
    for (std::size_t j = i + 1; j < size; ++j) matrix(i, j) = 0;
  }
  matrix = xt::linalg::cholesky(matrix);
  for (std::size_t first = 0; first < b.size(); first += size) {
    xt::xtensor<double, 1, xt::layout_type::column_major> right(length);
    std::copy_n(b.begin() + static_cast<std::ptrdiff_t>(first), size, right.begin());
    const xt::xtensor<double, 1, xt::layout_type::column_major> solution = xt::linalg::solve_cholesky(matrix, right);
    std::copy(solution.begin(), solution.end(), solutions.begin() + static_cast<std::ptrdiff_t>(first));
  }
  return solutions;
}

}  // namespace lm
