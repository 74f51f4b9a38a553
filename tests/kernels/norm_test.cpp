#include "kernels/norm.h"

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

constexpr double kEps = 1e-5;

struct Normed {
  Tensor<double> y, dx, dgain, dbias;
};

/// Computes LayerNorm (centred) or RMSNorm and all gradients, row by row from the formulas.
Normed reference(const Tensor<double>& x, const Tensor<double>& gain, const Tensor<double>& bias, const Tensor<double>& dy,
                 bool centred) {
  const std::int64_t width = gain.shape[0], rows = static_cast<std::int64_t>(x.values.size()) / width;
  Normed n{Tensor<double>(x.shape), Tensor<double>(x.shape), Tensor<double>({width}), Tensor<double>({width})};
  for (std::int64_t r = 0; r < rows; ++r) {
    const double count = static_cast<double>(width);
    double mean = 0, squares = 0;
    for (std::int64_t i = 0; centred && i < width; ++i) mean += x[r * width + i] / count;
    for (std::int64_t i = 0; i < width; ++i) squares += (x[r * width + i] - mean) * (x[r * width + i] - mean) / count;
    const double rstd = 1 / std::sqrt(squares + kEps);
    double sum = 0, sum_normed = 0;
    for (std::int64_t i = 0; i < width; ++i) {
      const std::int64_t at = r * width + i;
      const double normed = (x[at] - mean) * rstd;
      n.y[at] = gain[i] * normed + (bias.values.empty() ? 0 : bias[i]);
      n.dgain[i] += dy[at] * normed;
      n.dbias[i] += dy[at];
      sum += dy[at] * gain[i] / count;
      sum_normed += dy[at] * gain[i] * normed / count;
    }
    for (std::int64_t i = 0; i < width; ++i) {
      const std::int64_t at = r * width + i;
      const double normed = (x[at] - mean) * rstd;
      n.dx[at] = rstd * (dy[at] * gain[i] - (centred ? sum : 0) - normed * sum_normed);
    }
  }
  return n;
}

template <class T>
void check_norms(Compute& compute, std::int64_t rows, std::int64_t width, double tolerance) {
  CAPTURE(rows);
  CAPTURE(width);
  CAPTURE(to_string(compute.simd()));
  const auto x = Tensor<T>::random({rows, width}, 1, 2, 0.5), gain = Tensor<T>::random({width}, 2, 0.5, 1);
  const auto bias = Tensor<T>::random({width}, 3), dy = Tensor<T>::random({rows, width}, 4);
  const auto xd = x.template as<double>(), gaind = gain.template as<double>(), dyd = dy.template as<double>();
  Tensor<T> y({rows, width}), mean({rows}), rstd({rows}), dx({rows, width}), dgain({width}), dbias({width});
  // One element has no spread: LayerNorm's gradient there is nothing but rounding.
  if (width > 1) {
    const Normed expected = reference(xd, gaind, bias.template as<double>(), dyd, true);
    layernorm_forward<T>(compute, y.view(), {mean.view(), rstd.view()}, x.view(), gain.view(), bias.view(), kEps);
    CHECK(lm::test::distance(y.values, expected.y.values) < tolerance);
    layernorm_backward<T>(compute, dx.view(), dgain.view(), dbias.view(), dy.view(), x.view(), gain.view(),
                          {mean.view(), rstd.view()});
    // Two elements normalise to +-1 whatever they are: their gradient is a difference that nearly vanishes.
    if (width > 2) CHECK(lm::test::distance(dx.values, expected.dx.values) < tolerance);
    CHECK(lm::test::distance(dgain.values, expected.dgain.values) < tolerance);
    CHECK(lm::test::distance(dbias.values, expected.dbias.values) < tolerance);
    auto in_place = dy;
    layernorm_backward<T>(compute, in_place.view(), dgain.view(), dbias.view(), TensorView<const T>(in_place.view()),
                          x.view(), gain.view(), {mean.view(), rstd.view()}, Write::overwrite);
    if (width > 2) CHECK(lm::test::distance(in_place.values, expected.dx.values) < tolerance);
    y = x;
    layernorm_forward<T>(compute, y.view(), {mean.view(), rstd.view()}, TensorView<const T>(y.view()), gain.view(), {},
                         kEps);
    CHECK(lm::test::distance(y.values, reference(xd, gaind, {}, dyd, true).y.values) < tolerance);
  }
  const Normed expected = reference(xd, gaind, {}, dyd, false);
  rmsnorm_forward<T>(compute, y.view(), rstd.view(), x.view(), gain.view(), kEps);
  CHECK(lm::test::distance(y.values, expected.y.values) < tolerance);
  if (width == 1) return;
  dx = Tensor<T>::random({rows, width}, 5);
  auto summed = dx.template as<double>();
  for (std::size_t i = 0; i < summed.values.size(); ++i) summed.values[i] += expected.dx.values[i];
  dgain = Tensor<T>({width});
  rmsnorm_backward<T>(compute, dx.view(), dgain.view(), dy.view(), x.view(), gain.view(), rstd.view());
  CHECK(lm::test::distance(dx.values, summed.values) < tolerance);
  CHECK(lm::test::distance(dgain.values, expected.dgain.values) < tolerance);
  auto in_place = dy;
  dgain = Tensor<T>({width});
  rmsnorm_backward<T>(compute, in_place.view(), dgain.view(), TensorView<const T>(in_place.view()), x.view(), gain.view(),
                      rstd.view(), 0, Write::overwrite);
  CHECK(lm::test::distance(in_place.values, expected.dx.values) < tolerance);
  CHECK(lm::test::distance(dgain.values, expected.dgain.values) < tolerance);
  // Gains that are 1 plus the weight.
  auto less = gain;
  for (T& value : less.values) value -= T{1};
  rmsnorm_forward<T>(compute, y.view(), rstd.view(), x.view(), less.view(), kEps, 1);
  CHECK(lm::test::distance(y.values, expected.y.values) < tolerance);
  in_place = dy;
  dgain = Tensor<T>({width});
  rmsnorm_backward<T>(compute, in_place.view(), dgain.view(), TensorView<const T>(in_place.view()), x.view(), less.view(),
                      rstd.view(), 1, Write::overwrite);
  CHECK(lm::test::distance(in_place.values, expected.dx.values) < tolerance);
  CHECK(lm::test::distance(dgain.values, expected.dgain.values) < tolerance);
}

}  // namespace

TEST_CASE("norms and their gradients agree with the formulas for every width and tier") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (std::int64_t width = 1; width <= 70; ++width) {
      check_norms<float>(compute, 1 + width * 7 % 40, width, lm::test::kFloatTolerance);
      check_norms<double>(compute, 1 + width * 7 % 40, width, 1e-10);
    }
    check_norms<float>(compute, 1000, 33, lm::test::kFloatTolerance);
    check_norms<float>(compute, 40, 768, lm::test::kFloatTolerance);
  }
}

TEST_CASE("norms' gradients agree with central differences") {
  Compute compute(1, best_simd_tier());
  const std::int64_t rows = 3, width = 7;
  auto x = Tensor<double>::random({rows, width}, 1), gain = Tensor<double>::random({width}, 2),
       bias = Tensor<double>::random({width}, 3);
  const auto dy = Tensor<double>::random({rows, width}, 4);
  Tensor<double> y({rows, width}), mean({rows}), rstd({rows}), dx({rows, width}), dgain({width}), dbias({width});
  const auto layernorm = [&] {
    layernorm_forward<double>(compute, y.view(), {mean.view(), rstd.view()}, x.view(), gain.view(), bias.view(), kEps);
    return lm::test::project(y.values, dy.values);
  };
  layernorm();
  layernorm_backward<double>(compute, dx.view(), dgain.view(), dbias.view(), dy.view(), x.view(), gain.view(),
                             {mean.view(), rstd.view()});
  lm::test::check_gradient("layernorm dx", x, dx.values, layernorm);
  lm::test::check_gradient("layernorm dgain", gain, dgain.values, layernorm);
  lm::test::check_gradient("layernorm dbias", bias, dbias.values, layernorm);

  const auto rmsnorm = [&] {
    rmsnorm_forward<double>(compute, y.view(), rstd.view(), x.view(), gain.view(), kEps);
    return lm::test::project(y.values, dy.values);
  };
  rmsnorm();
  dx = Tensor<double>({rows, width});
  dgain = Tensor<double>({width});
  rmsnorm_backward<double>(compute, dx.view(), dgain.view(), dy.view(), x.view(), gain.view(), rstd.view());
  lm::test::check_gradient("rmsnorm dx", x, dx.values, rmsnorm);
  lm::test::check_gradient("rmsnorm dgain", gain, dgain.values, rmsnorm);
}

TEST_CASE("heads inside a wider matrix are normalised in place and nothing else changes") {
  const std::int64_t rows = 21, heads = 3, width = 20, columns = 100, first = 13;
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    const auto matrix = Tensor<float>::random({rows, columns}, 1), gain = Tensor<float>::random({width}, 2);
    const auto dmatrix = Tensor<float>::random({rows, columns}, 3);
    auto normed = matrix;
    auto gradient = dmatrix;
    Tensor<float> rstd({rows, heads}), dgain({width});
    const auto range = [&](Tensor<float>& m) { return m.view().columns(first, heads * width).split_columns(heads); };
    rmsnorm_forward<float>(compute, range(normed), rstd.view(), TensorView<const float>(range(normed)), gain.view(), kEps);
    auto input = matrix;
    rmsnorm_backward<float>(compute, range(gradient), dgain.view(), TensorView<const float>(range(gradient)),
                            TensorView<const float>(range(input)), gain.view(), rstd.view(), 0, Write::overwrite);
    Tensor<double> x({rows * heads, width}), dy({rows * heads, width});
    for (std::int64_t i = 0; i < rows * heads * width; ++i) {
      x[i] = static_cast<double>(matrix[i / (heads * width) * columns + first + i % (heads * width)]);
      dy[i] = static_cast<double>(dmatrix[i / (heads * width) * columns + first + i % (heads * width)]);
    }
    const Normed expected = reference(x, gain.as<double>(), {}, dy, false);
    std::vector<float> y_range, dx_range;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t i = 0; i < columns; ++i) {
        if (i >= first && i < first + heads * width) {
          y_range.push_back(normed[r * columns + i]);
          dx_range.push_back(gradient[r * columns + i]);
        } else {
          CHECK(normed[r * columns + i] == matrix[r * columns + i]);
          CHECK(gradient[r * columns + i] == dmatrix[r * columns + i]);
        }
      }
    }
    CHECK(lm::test::distance(y_range, expected.y.values) < lm::test::kFloatTolerance);
    CHECK(lm::test::distance(dx_range, expected.dx.values) < lm::test::kFloatTolerance);
    CHECK(lm::test::distance(dgain.values, expected.dgain.values) < lm::test::kFloatTolerance);
  }
}

TEST_CASE("norms' gradients have the same bits for any number of threads") {
  const std::int64_t rows = 700, width = 45;
  const auto x = Tensor<float>::random({rows, width}, 1), gain = Tensor<float>::random({width}, 2);
  const auto dy = Tensor<float>::random({rows, width}, 3);
  std::vector<std::vector<float>> results;
  for (const int threads : {1, 2, 3}) {
    Compute compute(threads, best_simd_tier());
    Tensor<float> y({rows, width}), mean({rows}), rstd({rows}), dx({rows, width}), dgain({width}), dbias({width});
    layernorm_forward<float>(compute, y.view(), {mean.view(), rstd.view()}, x.view(), gain.view(), {}, kEps);
    layernorm_backward<float>(compute, dx.view(), dgain.view(), dbias.view(), dy.view(), x.view(), gain.view(),
                              {mean.view(), rstd.view()});
    rmsnorm_backward<float>(compute, dx.view(), dgain.view(), dy.view(), x.view(), gain.view(), rstd.view());
    std::vector<float> all = dx.values;
    all.insert(all.end(), dgain.values.begin(), dgain.values.end());
    all.insert(all.end(), dbias.values.begin(), dbias.values.end());
    results.push_back(all);
  }
  CHECK(results[0] == results[1]);
  CHECK(results[0] == results[2]);
}
