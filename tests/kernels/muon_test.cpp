#include "kernels/muon.h"

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

constexpr double kReach = 0.28;     // how far from 1 a singular value may end
constexpr double kSmallest = 0.01;  // the least for which kReach holds, as a fraction of n
// A singular value of 0.01 loses all but three digits of the seven when it is squared in the Gram matrix.
constexpr double kGramTolerance = 1e-3;

Tensor<double> transposed(const Tensor<double>& x) {
  Tensor<double> y({x.shape[1], x.shape[0]});
  for (std::int64_t i = 0; i < x.shape[0]; ++i) {
    for (std::int64_t j = 0; j < x.shape[1]; ++j) y[j * x.shape[0] + i] = x[i * x.shape[1] + j];
  }
  return y;
}

Tensor<double> product(const Tensor<double>& a, const Tensor<double>& b) {
  const std::int64_t rows = a.shape[0], inner = a.shape[1], columns = b.shape[1];
  Tensor<double> c({rows, columns});
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t k = 0; k < inner; ++k) {
      for (std::int64_t j = 0; j < columns; ++j) c[i * columns + j] += a[i * inner + k] * b[k * columns + j];
    }
  }
  return c;
}

/// Returns a matrix with orthonormal columns: Gram-Schmidt on a random one, twice so that nothing is left. rows >= columns.
Tensor<double> orthonormal(std::int64_t rows, std::int64_t columns, std::uint64_t seed) {
  auto x = Tensor<double>::random({rows, columns}, seed);
  const auto dot = [&](std::int64_t a, std::int64_t b) {
    double sum = 0;
    for (std::int64_t i = 0; i < rows; ++i) sum += x[i * columns + a] * x[i * columns + b];
    return sum;
  };
  for (std::int64_t j = 0; j < columns; ++j) {
    for (std::int64_t k = 0; k < 2 * j; ++k) {
      const double part = dot(j, k % j);
      for (std::int64_t i = 0; i < rows; ++i) x[i * columns + j] -= part * x[i * columns + k % j];
    }
    const double norm = std::sqrt(dot(j, j));
    for (std::int64_t i = 0; i < rows; ++i) x[i * columns + j] /= norm;
  }
  return x;
}

/// A matrix of known singular vectors and values.
struct Decomposed {
  Decomposed(std::int64_t rows, std::int64_t columns, double smallest)
      : size(std::min(rows, columns)), left(orthonormal(rows, size, 1)), right(orthonormal(columns, size, 2)) {
    double fourth_powers = 0;
    for (std::int64_t i = 0; i < size; ++i) {
      values.push_back(
          std::pow(smallest, static_cast<double>(i) / static_cast<double>(std::max<std::int64_t>(1, size - 1))));
      fourth_powers += std::pow(values.back(), 4);
    }
    bound = std::pow(fourth_powers, 0.25);
    auto scaled = left;
    for (std::int64_t i = 0; i < rows * size; ++i) scaled[i] *= values[static_cast<std::size_t>(i % size)];
    matrix = product(scaled, transposed(right));
  }
  std::int64_t size;
  Tensor<double> left, right, matrix;
  std::vector<double> values;
  double bound;
};

template <class T>
Tensor<T> orthogonalised(Compute& compute, const Tensor<T>& x) {
  auto y = Tensor<T>::random(x.shape, 9);
  orthogonalise<T>(compute, y.view(), x.view());
  return y;
}

struct MatrixShape {
  std::int64_t rows, columns;
};
constexpr MatrixShape kShapes[] = {{1, 1},   {1, 7},    {7, 1},    {5, 5},     {12, 20},
                                   {20, 12}, {70, 150}, {150, 70}, {129, 131}, {200, 200}};

}  // namespace

TEST_CASE("orthogonalising keeps singular vectors and brings singular values near 1") {
  Compute compute(2, best_simd_tier());
  for (const MatrixShape shape : kShapes) {
    CAPTURE(shape.rows);
    CAPTURE(shape.columns);
    const Decomposed x(shape.rows, shape.columns, 0.01);
    const Tensor<double> y = orthogonalised(compute, x.matrix);
    const Tensor<double> inner = product(product(transposed(x.left), y), x.right);
    double stray = 0, farthest = 0;
    for (std::int64_t i = 0; i < x.size; ++i) {
      for (std::int64_t j = 0; j < x.size; ++j) {
        if (i != j) stray = std::max(stray, std::abs(inner[i * x.size + j]));
      }
      const double value = x.values[static_cast<std::size_t>(i)];
      if (value >= kSmallest * x.bound) farthest = std::max(farthest, std::abs(inner[i * x.size + i] - 1));
    }
    CHECK(stray < 1e-9);
    CHECK(farthest < kReach);
    // Nothing outside the singular vectors.
    const Tensor<double> again = product(product(x.left, inner), transposed(x.right));
    CHECK(lm::test::distance(y.values, again.values) < 1e-9);
  }
}

TEST_CASE("small singular values grow by the stated factor, and nothing comes of nothing") {
  Compute compute(1, best_simd_tier());
  Tensor<double> x({3, 4});
  x[0] = 1;
  x[5] = 1e-5;
  const Tensor<double> y = orthogonalised(compute, x);
  CHECK(y[5] == doctest::Approx(77.6e-5).epsilon(0.002));
  CHECK(y[10] == 0);
  const Tensor<double> zero = orthogonalised(compute, Tensor<double>({8, 5}));
  CHECK(zero.values == std::vector<double>(40, 0.0));
}

TEST_CASE("orthogonalising in float agrees with double on every tier, whatever the scale") {
  for (const SimdTier tier : lm::test::tiers()) {
    CAPTURE(to_string(tier));
    Compute compute(1, tier);
    for (const MatrixShape shape : kShapes) {
      for (const double scale : {1e-4, 1e4}) {
        const Decomposed decomposed(shape.rows, shape.columns, 0.01);
        Tensor<double> x = decomposed.matrix;
        for (double& value : x.values) value *= scale;
        const auto rounded = x.as<float>();
        const auto expected = orthogonalised(compute, rounded.as<double>());
        CHECK(lm::test::distance(orthogonalised(compute, rounded).values, expected.values) < kGramTolerance);
      }
    }
  }
}

TEST_CASE("Muon agrees with its formula over several steps, on every tier") {
  const MuonStep step{.learning_rate = 0.02, .momentum = 0.95, .weight_decay = 0.1, .gradient_scale = 0.5};
  for (const SimdTier tier : lm::test::tiers()) {
    CAPTURE(to_string(tier));
    Compute compute(2, tier);
    for (const MatrixShape shape : kShapes) {
      const std::int64_t size = shape.rows * shape.columns;
      auto weight = Tensor<float>::random({shape.rows, shape.columns}, 1);
      Tensor<float> moment({shape.rows, shape.columns});
      auto w = weight.as<double>();
      Tensor<double> m({shape.rows, shape.columns}), u = m;
      for (std::uint64_t t = 1; t <= 3; ++t) {
        const auto gradient = Tensor<float>::random({shape.rows, shape.columns}, 10 + t);
        const MuonMatrix<float> matrix{weight.view(), moment.view(), gradient.view()};
        muon<float>(compute, std::span(&matrix, 1), step);
        for (std::int64_t i = 0; i < size; ++i) {
          const double g = 0.5 * static_cast<double>(gradient[i]);
          m[i] = 0.95 * m[i] + 0.05 * g;
          u[i] = 0.95 * m[i] + 0.05 * g;
        }
        const auto direction = orthogonalised(compute, u);
        const double reach = 0.2 * std::sqrt(static_cast<double>(std::max(shape.rows, shape.columns)));
        for (std::int64_t i = 0; i < size; ++i) w[i] -= 0.02 * (reach * direction[i] + 0.1 * w[i]);
      }
      CHECK(lm::test::distance(weight.values, w.values) < 1e-4);  // kGramTolerance of updates a tenth of the weights
      CHECK(lm::test::distance(moment.values, m.values) < 1e-6);
    }
  }
}

TEST_CASE("Muon has the same bits for any number of threads") {
  for (const SimdTier tier : lm::test::tiers()) {
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 2, 3}) {
      Compute compute(threads, tier);
      std::vector<Tensor<float>> weights, moments, gradients;
      for (const MatrixShape shape : kShapes) {
        weights.push_back(Tensor<float>::random({shape.rows, shape.columns}, 1));
        moments.push_back(Tensor<float>::random({shape.rows, shape.columns}, 2));
        gradients.push_back(Tensor<float>::random({shape.rows, shape.columns}, 3));
      }
      std::vector<MuonMatrix<float>> matrices;
      for (std::size_t i = 0; i < weights.size(); ++i) {
        matrices.push_back({weights[i].view(), moments[i].view(), std::as_const(gradients[i]).view()});
      }
      muon<float>(compute, matrices, {.learning_rate = 0.1, .momentum = 0.9, .weight_decay = 0, .gradient_scale = 1});
      std::vector<float> all;
      for (const auto* tensors : {&weights, &moments}) {
        for (const Tensor<float>& tensor : *tensors) all.insert(all.end(), tensor.values.begin(), tensor.values.end());
      }
      results.push_back(all);
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
}
