#include "stats/linear_classifier.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"
#include "base/rng.h"
#include "stats/ridge.h"

namespace lm {
namespace {

constexpr double kNoVariance = 1e-12;  // of what is the square of a feature: what rounding may leave

/// Sums over rows, of features less those of the first row of all: so that little is lost where a mean is far from 0.
struct Sums {
  static constexpr std::size_t kRows = 8;  // whose squares are added at once: each read of a sum serves all

  Sums(std::int64_t columns_of_rows, std::int64_t classes)
      : columns(static_cast<std::size_t>(columns_of_rows)),
        counts(static_cast<std::size_t>(classes)),
        by_class(static_cast<std::size_t>(classes) * columns),
        squares(columns * columns) {}

  void add(std::span<const double> row, std::int64_t label) {
    counts[static_cast<std::size_t>(label)] += 1;
    double* sum = by_class.data() + static_cast<std::size_t>(label) * columns;
    for (std::size_t j = 0; j < columns; ++j) sum[j] += row[j];
    waiting.insert(waiting.end(), row.begin(), row.end());
    if (waiting.size() == kRows * columns) add_squares();
  }
  /// Adds the squares of the rows that wait.
  void add_squares() {
    if (waiting.empty()) return;
    waiting.resize(kRows * columns);  // zeros add nothing
    std::array<double, kRows> x{};
    for (std::size_t i = 0; i < columns; ++i) {
      for (std::size_t r = 0; r < kRows; ++r) x[r] = waiting[r * columns + i];
      double* const squares_of = squares.data() + i * columns;
      const double* const rows = waiting.data();
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = 0;
        for (std::size_t r = 0; r < kRows; ++r) sum += x[r] * rows[r * columns + j];
        squares_of[j] += sum;
      }
    }
    waiting.clear();
  }
  void add(const Sums& other) {
    const auto into = [](std::vector<double>& sum, const std::vector<double>& more) {
      std::transform(sum.begin(), sum.end(), more.begin(), sum.begin(), std::plus<>());
    };
    into(counts, other.counts);
    into(by_class, other.by_class);
    into(squares, other.squares);
  }

  std::size_t columns;
  std::vector<double> counts;    // (K)
  std::vector<double> by_class;  // (K, C)
  std::vector<double> squares;   // (C, C) the lower triangle
  std::vector<double> waiting;   // (up to kRows, C)
};

/// The scores of K classes: offsets + weights . x, of features less those of the first row of all.
struct Scores {
  std::vector<double> weights;  // (K, C)
  std::vector<double> offsets;  // (K)

  std::int64_t best(std::span<const double> row) const {
    std::size_t best = 0;
    double highest = 0;
    for (std::size_t k = 0; k < offsets.size(); ++k) {
      const auto first = weights.begin() + static_cast<std::ptrdiff_t>(k * row.size());
      const double score = std::inner_product(row.begin(), row.end(), first, offsets[k]);
      if (k > 0 && score <= highest) continue;
      best = k;
      highest = score;
    }
    return static_cast<std::int64_t>(best);
  }
};

/// The normal equations of the standardised features of some rows.
class Equations {
 public:
  explicit Equations(const Sums& sums)
      : classes_(sums.counts.size()), columns_(sums.by_class.size() / classes_), counts_(sums.counts) {
    count_ = std::accumulate(counts_.begin(), counts_.end(), 0.0);
    means_.resize(columns_);
    for (std::size_t k = 0; k < classes_; ++k) {
      for (std::size_t j = 0; j < columns_; ++j) means_[j] += sums.by_class[k * columns_ + j];
    }
    for (double& mean : means_) mean /= count_;
    scale(sums);
    matrix_.resize(columns_ * columns_);
    for (std::size_t i = 0; i < columns_; ++i) {
      for (std::size_t j = 0; j <= i; ++j) {
        const std::size_t place = i * columns_ + j;
        matrix_[place] = (sums.squares[place] / count_ - means_[i] * means_[j]) * scales_[i] * scales_[j];
      }
    }
    // sum z t_k = 2 (sum of z over the class), since the sum of z over all rows is 0.
    right_.resize(classes_ * columns_);
    for (std::size_t k = 0; k < classes_; ++k) {
      for (std::size_t j = 0; j < columns_; ++j) {
        const std::size_t place = k * columns_ + j;
        right_[place] = 2 * (sums.by_class[place] - counts_[k] * means_[j]) * scales_[j] / count_;
      }
    }
  }

  Scores solve(double ridge) const {
    Scores scores{.weights = solve_ridge(matrix_, ridge, right_, static_cast<std::int64_t>(columns_)), .offsets = {}};
    for (std::size_t k = 0; k < classes_; ++k) {
      double offset = 2 * counts_[k] / count_ - 1;
      for (std::size_t j = 0; j < columns_; ++j) {
        double& weight = scores.weights[k * columns_ + j];
        weight *= scales_[j];
        offset -= weight * means_[j];
      }
      scores.offsets.push_back(offset);
    }
    return scores;
  }

 private:
  /// Sets 1 / s_j, or 0 for a feature that does not vary.
  void scale(const Sums& sums) {
    scales_.resize(columns_);
    for (std::size_t j = 0; j < columns_; ++j) {
      const double square = sums.squares[j * columns_ + j] / count_;
      const double variance = square - means_[j] * means_[j];
      scales_[j] = variance > kNoVariance * square ? 1 / std::sqrt(variance) : 0;
    }
  }

  std::size_t classes_, columns_;
  std::vector<double> counts_;  // (K)
  double count_ = 0;
  std::vector<double> means_, scales_;  // (C)
  std::vector<double> matrix_;          // (C, C) the lower triangle of R
  std::vector<double> right_;           // (K, C)
};

/// Cross-validation, step by step.
class Validator {
 public:
  Validator(const LabelledRows& data, const CrossValidation& validation) : data_(data), validation_(validation) {
    for (std::int64_t f = 0; f < validation.folds; ++f) sums_.emplace_back(data.columns, data.classes);
    visit([&](std::int64_t row, std::int64_t fold, std::span<const double> features) {
      sums_[static_cast<std::size_t>(fold)].add(features, label(row));
    });
    for (Sums& sums : sums_) sums.add_squares();
  }

  Classification run() {
    Classification result{.predicted = std::vector<std::int64_t>(data_.labels.size()), .ridges = {}};
    for (std::int64_t f = 0; f < validation_.folds; ++f) {
      result.ridges.push_back(choose_ridge(f));
      const Scores scores = Equations(without({f})).solve(result.ridges.back());
      visit([&](std::int64_t row, std::int64_t fold, std::span<const double> features) {
        if (fold == f) result.predicted[static_cast<std::size_t>(row)] = scores.best(features);
      });
    }
    return result;
  }

 private:
  using Visit = std::function<void(std::int64_t row, std::int64_t fold, std::span<const double> features)>;
  std::int64_t label(std::int64_t row) const { return data_.labels[static_cast<std::size_t>(row)]; }

  void visit(const Visit& visit) {
    std::int64_t row = 0;
    std::vector<double> features(static_cast<std::size_t>(data_.columns));
    data_.rows([&](std::span<const float> values) {
      LM_CHECK(std::ssize(values) == data_.columns && row < std::ssize(data_.labels));
      if (first_.empty()) first_.assign(values.begin(), values.end());
      for (std::size_t j = 0; j < features.size(); ++j) features[j] = static_cast<double>(values[j]) - first_[j];
      visit(row, fold_of(row, validation_), features);
      ++row;
    });
    LM_CHECK(row == std::ssize(data_.labels));
  }

  /// Returns the sums over all folds but those.
  Sums without(const std::vector<std::int64_t>& left_out) const {
    Sums sums(data_.columns, data_.classes);
    for (std::int64_t f = 0; f < validation_.folds; ++f) {
      if (std::find(left_out.begin(), left_out.end(), f) == left_out.end()) sums.add(sums_[static_cast<std::size_t>(f)]);
    }
    return sums;
  }

  double choose_ridge(std::int64_t fold) {
    const std::int64_t held_out = (fold + 1) % validation_.folds;
    std::vector<Scores> tried;
    {
      const Equations equations(without({fold, held_out}));
      for (const double ridge : kRidges) tried.push_back(equations.solve(ridge));
    }
    std::array<std::int64_t, kRidges.size()> right{};
    visit([&](std::int64_t row, std::int64_t its_fold, std::span<const double> features) {
      if (its_fold != held_out) return;
      for (std::size_t i = 0; i < tried.size(); ++i) right[i] += tried[i].best(features) == label(row) ? 1 : 0;
    });
    std::size_t best = 0;
    for (std::size_t i = 1; i < right.size(); ++i) best = right[i] >= right[best] ? i : best;
    return kRidges[best];
  }

  const LabelledRows& data_;
  CrossValidation validation_;
  std::vector<double> first_;  // (C) features of the first row
  std::vector<Sums> sums_;     // (folds)
};

}  // namespace

std::int64_t fold_of(std::int64_t record, const CrossValidation& validation) {
  const auto folds = static_cast<std::size_t>(validation.folds);
  std::vector<std::int64_t> order(folds);
  std::iota(order.begin(), order.end(), std::int64_t{0});
  Rng rng(validation.seed, RngPurpose::folds, static_cast<std::uint64_t>(record) / folds);
  for (std::size_t last = folds - 1; last > 0; --last) std::swap(order[last], order[rng.below(last + 1)]);
  return order[static_cast<std::size_t>(record) % folds];
}

Classification cross_validate(const LabelledRows& data, const CrossValidation& validation) {
  LM_CHECK(validation.folds >= 3 && data.columns > 0 && data.classes > 0);
  LM_CHECK(std::ssize(data.labels) >= validation.folds);
  return Validator(data, validation).run();
}

}  // namespace lm
