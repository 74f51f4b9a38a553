#include "infer/input_squares.h"

#include <algorithm>

#include "base/error.h"
#include "base/round.h"

namespace lm {

InputSquares::InputSquares(const ModelConfig& config) : layers_(static_cast<std::size_t>(config.n_layers)) {
  const std::array<std::int64_t, 4> columns = {config.channels, config.q_width(), config.channels, config.ffn_dim};
  for (Layer& layer : layers_) {
    for (std::size_t i = 0; i < columns.size(); ++i) layer.sums[i].resize(static_cast<std::size_t>(columns[i]));
  }
}

void InputSquares::add(Compute& compute, std::int64_t layer, LayerMatrix matrix, TensorView<const float> inputs,
                       std::span<const float> weights) {
  constexpr std::int64_t kTile = 64;  // columns
  LM_CHECK(std::ssize(weights) == inputs.rows());
  std::vector<double>& sums = layers_[static_cast<std::size_t>(layer)].sums[static_cast<std::size_t>(matrix)];
  LM_CHECK(std::ssize(sums) == inputs.columns());
  compute.pool().run(divide_up(inputs.columns(), kTile), [&](std::int64_t tile, int) {
    const std::int64_t end = std::min(inputs.columns(), (tile + 1) * kTile);
    for (std::int64_t row = 0; row < inputs.rows(); ++row) {
      if (weights[static_cast<std::size_t>(row)] == 0) continue;
      const float* values = inputs.row(row);
      for (std::int64_t i = tile * kTile; i < end; ++i)
        sums[static_cast<std::size_t>(i)] += static_cast<double>(values[i]) * static_cast<double>(values[i]);
    }
  });
  if (layer != 0 || matrix != LayerMatrix::qkv) return;
  rows_ += std::count_if(weights.begin(), weights.end(), [](float weight) { return weight != 0; });
}

std::span<const double> InputSquares::sums(std::int64_t layer, LayerMatrix matrix) const {
  return layers_[static_cast<std::size_t>(layer)].sums[static_cast<std::size_t>(matrix)];
}

}  // namespace lm
