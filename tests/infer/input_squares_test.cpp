// What importance is measured by. tests/conformance compares it with transformers.
#include "infer/input_squares.h"

#include <doctest/doctest.h>

#include <numeric>
#include <vector>

#include "infer/score.h"
#include "support/tiny_model.h"

using namespace lm;

namespace {

constexpr LayerMatrix kMatrices[] = {LayerMatrix::qkv, LayerMatrix::projection, LayerMatrix::up, LayerMatrix::down};

/// Scores two windows, of 9 and 4 targets.
InputSquares squares_of(const ModelConfig& config, int threads, std::int64_t batch_rows) {
  Compute compute(threads, best_simd_tier());
  Parameters<float> parameters(config);
  initialise(compute, parameters, 5);
  // Branches begin at zero; what the second layer reads should differ from the embeddings.
  for (LayerParameters<float>& layer : parameters.layers) {
    for (std::int64_t i = 0; i < layer.projection.size(); ++i)
      layer.projection.data()[i] = 0.01F * static_cast<float>(i % 7);
  }
  InputSquares squares(config);
  WindowScorer scorer(compute, parameters, config.context_length, [](const ScoredWindow&, std::span<const TargetScore>) {},
                      batch_rows, ask_left_to_right, {.inputs = &squares});
  scorer.add({.tokens = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, .first_scored = 1});
  scorer.add({.tokens = {3, 1, 4, 1, 5, 9, 2}, .first_scored = 3});
  scorer.flush();
  return squares;
}

}  // namespace

TEST_CASE("squares are added up over the places of targets only") {
  for (const test::NamedConfig& each : test::tiny_configs()) {
    CAPTURE(each.name);
    const InputSquares squares = squares_of(each.config, 1, 64);
    CHECK(squares.rows() == 9 + 4);
    if (each.config.norm != Norm::rmsnorm) continue;
    // A row after RMSNorm, whose gains are 1, has the mean square 1.
    for (const LayerMatrix matrix : {LayerMatrix::qkv, LayerMatrix::up}) {
      const std::span<const double> sums = squares.sums(1, matrix);
      const double whole = std::accumulate(sums.begin(), sums.end(), 0.0);
      CHECK(whole == doctest::Approx(13.0 * static_cast<double>(each.config.channels)).epsilon(0.01));
    }
  }
}

TEST_CASE("squares do not depend on threads, nor beyond rounding on batches") {
  const ModelConfig config = test::tiny_configs().back().config;
  const InputSquares one = squares_of(config, 1, 64), three = squares_of(config, 3, 64), alone = squares_of(config, 1, 1);
  for (std::int64_t layer = 0; layer < config.n_layers; ++layer) {
    for (const LayerMatrix matrix : kMatrices) {
      const std::span<const double> a = one.sums(layer, matrix), b = three.sums(layer, matrix),
                                    c = alone.sums(layer, matrix);
      CHECK(std::vector(a.begin(), a.end()) == std::vector(b.begin(), b.end()));
      for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i] == doctest::Approx(c[i]).epsilon(1e-5));
    }
  }
}
