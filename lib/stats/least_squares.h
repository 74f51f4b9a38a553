// Linear least squares, by xtensor-blas over the LAPACK inside OpenBLAS (base/openblas.h), which is opened when it is first asked
// for.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace lm {

struct LeastSquares {
  std::vector<double> coefficients;  // (columns)
  std::int64_t rank = 0;             // of the matrix; if less than columns, the solution is the one of least norm
};

/// Minimises |A c - y|^2 over c, by singular values below the largest times the machine epsilon taken as 0 (xt::linalg::lstsq,
/// LAPACK's dgelsd). a: (rows, columns) row by row; y: (rows); all finite. Safe from any thread. Throws Error if OpenBLAS is
/// missing.
LeastSquares least_squares(std::span<const double> a, std::span<const double> y, std::int64_t columns);

}  // namespace lm
