// A linear classifier of rows of features, and how often it is right on rows that it was not fitted to.
//
// Each class is told from all others by ridge least squares on standardised features; the highest score decides. That has one
// solution, which anyone can compute again, and needs the rows only for sums: no iteration, no step size. (Logistic regression
// would be the same with more of both.)
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace lm {

/// The strengths of the ridge that are tried, weakest first.
inline constexpr std::array kRidges = {1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0};

struct CrossValidation {
  std::int64_t folds = 5;  // 3 at least
  std::uint64_t seed = 1;
};

/// Returns the fold of a record. Of each `folds` neighbouring records, the first of them a multiple of that, one is in each fold, in
/// an order drawn for (seed, RngPurpose::folds, record / folds) by Fisher and Yates's shuffle, from the last place on.
std::int64_t fold_of(std::int64_t record, const CrossValidation& validation);

/// Calls what it is given with each row of features, in order; as often as it is called itself.
using ForEachRow = std::function<void(const std::function<void(std::span<const float> row)>&)>;

struct LabelledRows {
  ForEachRow rows;                       // all finite
  std::int64_t columns = 0;              // C
  std::span<const std::int64_t> labels;  // (N) of each row its class, from 0
  std::int64_t classes = 0;              // K
};

struct Classification {
  std::vector<std::int64_t> predicted;  // (N)
  std::vector<double> ridges;           // (folds) what was chosen
};

/// Predicts the class of each row by a classifier fitted to the rows of all other folds.
///
/// Of n rows with features x_j, mean m_j and deviation s_j (division by n; a feature that does not vary is left out):
///   z_j = (x_j - m_j) / s_j    R = sum z z^T / n    t_k = 1 for the rows of class k, -1 for others
///   (R + ridge I) w_k = sum z t_k / n    b_k = sum t_k / n    class = argmax_k b_k + w_k . z, of several the first
/// The ridge of fold f is the one of kRidges, of several the strongest, by which a classifier fitted to all folds but f and f + 1
/// (mod folds) is right most often on f + 1.
///
/// Memory: 8 (folds (C + K) C + 4 C^2 + (|kRidges| + 1) K C) bytes, and none for the rows, which are read 2 folds + 1 times. N >= folds.
Classification cross_validate(const LabelledRows& data, const CrossValidation& validation = {});

}  // namespace lm
