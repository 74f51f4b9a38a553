#include "kernels/matmul.h"

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

struct ProductSizes {
  std::int64_t rows, inputs, outputs;
};

Tensor<double> reference_forward(const Tensor<double>& x, const Tensor<double>& weight, const Tensor<double>& bias) {
  const std::int64_t rows = x.shape[0], inputs = x.shape[1], outputs = weight.shape[0];
  Tensor<double> y({rows, outputs});
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t o = 0; o < outputs; ++o) {
      double sum = bias.values.empty() ? 0 : bias[o];
      for (std::int64_t i = 0; i < inputs; ++i) sum += x[r * inputs + i] * weight[o * inputs + i];
      y[r * outputs + o] = sum;
    }
  }
  return y;
}

/// Holds every product of one shape in T on one tier to naive sums in double.
template <class T>
void check_shape(Compute& compute, ProductSizes shape, double tolerance) {
  CAPTURE(shape.rows);
  CAPTURE(shape.inputs);
  CAPTURE(shape.outputs);
  CAPTURE(to_string(compute.simd()));
  // Operands are rounded to T first, so that only the product's own roundings count.
  const auto x = Tensor<T>::random({shape.rows, shape.inputs}, 1),
             weight = Tensor<T>::random({shape.outputs, shape.inputs}, 2);
  const auto bias = Tensor<T>::random({shape.outputs}, 3), dy = Tensor<T>::random({shape.rows, shape.outputs}, 4);
  const auto xd = x.template as<double>(), weightd = weight.template as<double>(), dyd = dy.template as<double>();
  const auto expected = reference_forward(xd, weightd, bias.template as<double>());

  auto y = Tensor<T>::random({shape.rows, shape.outputs}, 5);
  const auto before = y;
  linear_forward<T>(compute, y.view(), x.view(), weight.view(), bias.view());
  CHECK(lm::test::distance(y.values, expected.values) < tolerance);
  y = before;
  linear_forward<T>(compute, y.view(), x.view(), weight.view(), bias.view(), y.view());
  auto added = expected;
  for (std::size_t i = 0; i < added.values.size(); ++i) added.values[i] += static_cast<double>(before.values[i]);
  CHECK(lm::test::distance(y.values, added.values) < tolerance);
  linear_forward<T>(compute, y.view(), x.view(), weight.view(), bias.view(), before.view());
  CHECK(lm::test::distance(y.values, added.values) < tolerance);

  Tensor<double> dx({shape.rows, shape.inputs}), dweight({shape.outputs, shape.inputs}), dbias({shape.outputs});
  for (std::int64_t r = 0; r < shape.rows; ++r) {
    for (std::int64_t o = 0; o < shape.outputs; ++o) {
      const double d = dyd[r * shape.outputs + o];
      dbias[o] += d;
      for (std::int64_t i = 0; i < shape.inputs; ++i) {
        dx[r * shape.inputs + i] += d * weightd[o * shape.inputs + i];
        dweight[o * shape.inputs + i] += d * xd[r * shape.inputs + i];
      }
    }
  }
  Tensor<T> dx_out({shape.rows, shape.inputs}), dweight_out({shape.outputs, shape.inputs}), dbias_out({shape.outputs});
  std::fill(dx_out.values.begin(), dx_out.values.end(), T{7});
  linear_backward_input<T>(compute, dx_out.view(), dy.view(), weight.view(), Write::overwrite);
  CHECK(lm::test::distance(dx_out.values, dx.values) < tolerance);
  linear_backward_input<T>(compute, dx_out.view(), dy.view(), weight.view());
  for (double& value : dx.values) value *= 2;
  CHECK(lm::test::distance(dx_out.values, dx.values) < tolerance);
  linear_backward_weight<T>(compute, dweight_out.view(), dbias_out.view(), dy.view(), x.view());
  CHECK(lm::test::distance(dweight_out.values, dweight.values) < tolerance);
  CHECK(lm::test::distance(dbias_out.values, dbias.values) < tolerance);
  linear_backward_weight<T>(compute, dweight_out.view(), {}, dy.view(), x.view());
  for (double& value : dweight.values) value *= 2;
  CHECK(lm::test::distance(dweight_out.values, dweight.values) < tolerance);
}

}  // namespace

TEST_CASE("products agree with naive sums over all remainders of the tiles, on every tier") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (std::int64_t width = 1; width <= 70; ++width) {
      check_shape<float>(compute, {1 + width * 7 % 41, width, 1 + width * 11 % 70}, lm::test::kFloatTolerance);
      check_shape<float>(compute, {1 + width * 5 % 33, 1 + width * 13 % 70, width}, lm::test::kFloatTolerance);
    }
    for (std::int64_t rows = 1; rows <= 40; ++rows) check_shape<float>(compute, {rows, 37, 50}, lm::test::kFloatTolerance);
    for (const ProductSizes shape : {ProductSizes{300, 130, 410},
                                     {200, 600, 33},
                                     {517, 65, 257},
                                     {1, 300, 1000},
                                     {3, 777, 128},
                                     {390, 48, 700},
                                     {1111, 40, 70}}) {
      check_shape<float>(compute, shape, lm::test::kFloatTolerance);
    }
    check_shape<double>(compute, {70, 33, 51}, lm::test::kDoubleTolerance);
    check_shape<double>(compute, {230, 270, 400}, lm::test::kDoubleTolerance);
  }
}

TEST_CASE("products read and write column ranges of wider matrices and touch nothing else") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(1, tier);
    auto wide_x = Tensor<float>::random({50, 90}, 1), weight = Tensor<float>::random({40, 30}, 2);
    Tensor<float> wide_y({50, 100});
    const auto x = wide_x.view().columns(17, 30);
    const auto y = wide_y.view().columns(29, 40);
    linear_forward<float>(compute, y, x, weight.view(), {});
    double worst = 0;
    for (std::int64_t r = 0; r < 50; ++r) {
      for (std::int64_t c = 0; c < 100; ++c) {
        double expected = 0;
        for (std::int64_t i = 0; c >= 29 && c < 69 && i < 30; ++i) {
          expected += static_cast<double>(wide_x[r * 90 + 17 + i]) * static_cast<double>(weight[(c - 29) * 30 + i]);
        }
        worst = lm::test::worse(worst, std::abs(expected - static_cast<double>(wide_y[r * 100 + c])));
      }
    }
    CHECK(worst < 1e-4);
    Tensor<float> wide_dw({40, 64});
    linear_backward_weight<float>(compute, wide_dw.view().columns(3, 30), {}, TensorView<const float>(y),
                                  TensorView<const float>(x));
    for (std::int64_t o = 0; o < 40; ++o) {
      for (const std::int64_t c : {0, 1, 2, 33, 34, 63}) CHECK(wide_dw[o * 64 + c] == 0);
    }
  }
}

TEST_CASE("products have the same bits for any number of threads") {
  const auto x = Tensor<float>::random({1111, 203}, 1), weight = Tensor<float>::random({517, 203}, 2);
  const auto dy = Tensor<float>::random({1111, 517}, 3);
  for (const SimdTier tier : lm::test::tiers()) {
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 2, 3}) {
      Compute compute(threads, tier);
      Tensor<float> y({1111, 517}), dx({1111, 203}), dweight({517, 203}), dbias({517});
      linear_forward<float>(compute, y.view(), x.view(), weight.view(), {});
      linear_backward_input<float>(compute, dx.view(), dy.view(), weight.view());
      linear_backward_weight<float>(compute, dweight.view(), dbias.view(), dy.view(), x.view());
      std::vector<float> all = y.values;
      for (const auto* part : {&dx.values, &dweight.values, &dbias.values})
        all.insert(all.end(), part->begin(), part->end());
      results.push_back(all);
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
}

TEST_CASE(
    "if our own kernels serve it, a row of a product with bias and addend has the same bits among many and among few") {
  const auto x = Tensor<float>::random({1300, 700}, 1), weight = Tensor<float>::random({70, 700}, 2);
  const auto bias = Tensor<float>::random({70}, 3), addend = Tensor<float>::random({1300, 70}, 4);
  for (const SimdTier tier : lm::test::tiers()) {
    if (tier == SimdTier::portable) continue;
    Compute compute(2, tier);
    Tensor<float> many({1300, 70}), few({99, 70});
    linear_forward<float>(compute, many.view(), x.view(), weight.view(), bias.view(), addend.view());
    linear_forward<float>(compute, few.view(), x.view().rows(0, 99), weight.view(), bias.view(), addend.view().rows(0, 99));
    CHECK(std::equal(few.values.begin(), few.values.end(), many.values.begin()));
  }
}
