// InputSquares: how large what each matrix of a model is multiplied by is, column by column, over the tokens of a text.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/compute.h"
#include "model/config.h"
#include "model/transformer.h"

namespace lm {

class InputSquares {
 public:
  explicit InputSquares(const ModelConfig& config);
  /// Adds the squares of those rows whose weight is not 0, in their order, whatever the number of threads.
  /// inputs: (rows, columns)  weights: (rows)
  void add(Compute& compute, std::int64_t layer, LayerMatrix matrix, TensorView<const float> inputs,
           std::span<const float> weights);
  /// Returns the sums of squares of a matrix's columns.
  std::span<const double> sums(std::int64_t layer, LayerMatrix matrix) const;
  /// Returns the number of rows that were added to each.
  std::int64_t rows() const { return rows_; }

 private:
  struct Layer {
    std::array<std::vector<double>, 4> sums;  // by LayerMatrix
  };
  std::vector<Layer> layers_;
  std::int64_t rows_ = 0;
};

}  // namespace lm
