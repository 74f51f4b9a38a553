// Systems of a symmetric positive definite matrix, by Cholesky's factors: ridge regression on normal equations.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lm {

/// Solves (A + ridge I) x = b for several b. a: (n, n) symmetric, positive semidefinite, of which one triangle is enough: row i is
/// read up to the diagonal; ridge > 0; b: (count, n), one right side a row; all finite. Returns x: (count, n). Memory: three times
/// that of A. Throws Error if OpenBLAS is missing. (xt::linalg::cholesky and solve_cholesky, LAPACK's dpotrf and dpotrs.)
std::vector<double> solve_ridge(std::span<const double> a, double ridge, std::span<const double> b, std::int64_t n);

}  // namespace lm
