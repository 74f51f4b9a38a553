// Products with 16-bit factors against double, within what rounding the factors costs.
#include <cstdlib>

#include "kernels/cpu/products/half_kernels.h"
#include "kernels/kernel_support.h"
#include "kernels/matmul.h"

using namespace lm;
using lm::test::Tensor;

#if defined(LM_TEST_FP16)
namespace lm::fp16_emulated {
HalfKernels kernels_of_format();
}
#endif

namespace {

// Two factors rounded to 8 bits differ by 2^-9 / sqrt(3) each if errors are uniform: 1.6e-3 together, in norm. Sums of 64
// in 11 bits add to that of fp16.
constexpr double kBf16Tolerance = 5e-3;
constexpr double kFp16Tolerance = 2e-3;

struct Shape {
  std::int64_t rows, inputs, outputs;
};

double tolerance_of(Precision precision) { return precision == Precision::bf16 ? kBf16Tolerance : kFp16Tolerance; }

/// A weight with its copies.
struct Rounded {
  Rounded(Compute& compute, const Tensor<float>& weight, Precision precision) : linear(weight.view()) {
    const auto size = static_cast<std::size_t>(half_weight_size(precision, weight.shape[0], weight.shape[1]));
    across.resize(size);
    along.resize(size);
    linear.half = {.precision = precision, .across = across.data(), .along = along.data()};
    round_weight(compute, linear);
  }
  std::vector<std::uint16_t> across, along;
  LinearWeight<float> linear;
};

Tensor<double> product(const Tensor<double>& a, bool a_transposed, const Tensor<double>& b, bool b_transposed) {
  const std::int64_t m = a.shape[a_transposed ? 1 : 0], depth = a.shape[a_transposed ? 0 : 1];
  const std::int64_t n = b.shape[b_transposed ? 0 : 1];
  Tensor<double> c({m, n});
  for (std::int64_t i = 0; i < m; ++i) {
    for (std::int64_t j = 0; j < n; ++j) {
      double sum = 0;
      for (std::int64_t k = 0; k < depth; ++k) {
        sum += (a_transposed ? a[k * m + i] : a[i * depth + k]) * (b_transposed ? b[j * depth + k] : b[k * n + j]);
      }
      c[i * n + j] = sum;
    }
  }
  return c;
}

void check_shape(Compute& compute, Precision precision, Shape shape) {
  CAPTURE(shape.rows);
  CAPTURE(shape.inputs);
  CAPTURE(shape.outputs);
  CAPTURE(std::string(to_string(precision)));
  const double tolerance = tolerance_of(precision);
  const auto x = Tensor<float>::random({shape.rows, shape.inputs}, 1);
  const auto weight = Tensor<float>::random({shape.outputs, shape.inputs}, 2);
  const auto bias = Tensor<float>::random({shape.outputs}, 3);
  // Gradients are small numbers: fp16 must not lose them.
  const auto dy = Tensor<float>::random({shape.rows, shape.outputs}, 4, 1e-7);
  const auto xd = x.as<double>(), weightd = weight.as<double>(), dyd = dy.as<double>();
  const Rounded rounded(compute, weight, precision);

  auto expected = product(xd, false, weightd, true);
  for (std::int64_t i = 0; i < shape.rows * shape.outputs; ++i) expected[i] += static_cast<double>(bias[i % shape.outputs]);
  auto y = Tensor<float>::random({shape.rows, shape.outputs}, 5);
  linear_forward<float>(compute, y.view(), x.view(), rounded.linear, bias.view());
  CHECK(lm::test::distance(y.values, expected.values) < tolerance);
  linear_forward<float>(compute, y.view(), x.view(), rounded.linear, bias.view(), y.view());
  for (double& value : expected.values) value *= 2;
  CHECK(lm::test::distance(y.values, expected.values) < tolerance);

  auto dx_expected = product(dyd, false, weightd, false);
  Tensor<float> dx({shape.rows, shape.inputs});
  std::fill(dx.values.begin(), dx.values.end(), 7.0f);
  linear_backward_input<float>(compute, dx.view(), dy.view(), rounded.linear, Write::overwrite);
  CHECK(lm::test::distance(dx.values, dx_expected.values) < tolerance);
  linear_backward_input<float>(compute, dx.view(), dy.view(), rounded.linear);
  for (double& value : dx_expected.values) value *= 2;
  CHECK(lm::test::distance(dx.values, dx_expected.values) < tolerance);

  auto dweight_expected = product(dyd, true, xd, false);
  Tensor<float> dweight({shape.outputs, shape.inputs}), dbias({shape.outputs});
  linear_backward_weight<float>(compute, dweight.view(), dbias.view(), dy.view(), x.view(), precision);
  CHECK(lm::test::distance(dweight.values, dweight_expected.values) < tolerance);
  linear_backward_weight<float>(compute, dweight.view(), {}, dy.view(), x.view(), precision);
  for (double& value : dweight_expected.values) value *= 2;
  CHECK(lm::test::distance(dweight.values, dweight_expected.values) < tolerance);
}

}  // namespace

TEST_CASE("products with 16-bit factors agree with double over all remainders of the tiles") {
  Compute compute(2, best_simd_tier());
  for (const Precision precision : lm::test::half_precisions()) {
    for (std::int64_t width = 1; width <= 70; ++width) {
      check_shape(compute, precision, {1 + width * 7 % 41, width, 1 + width * 11 % 70});
      check_shape(compute, precision, {1 + width * 5 % 33, 1 + width * 13 % 70, width});
    }
    for (std::int64_t rows = 1; rows <= 40; ++rows) check_shape(compute, precision, {rows, 37, 50});
    for (const Shape shape :
         {Shape{300, 130, 410}, {200, 600, 33}, {517, 65, 257}, {1, 300, 1000}, {3, 1777, 128}, {29, 2100, 400}}) {
      check_shape(compute, precision, shape);
    }
  }
}

TEST_CASE("products with 16-bit factors have the same bits for any number of threads") {
  const auto x = Tensor<float>::random({611, 203}, 1), weight = Tensor<float>::random({517, 203}, 2);
  const auto dy = Tensor<float>::random({611, 517}, 3);
  for (const Precision precision : lm::test::half_precisions()) {
    std::vector<std::vector<float>> results;
    for (const int threads : {1, 2, 3}) {
      Compute compute(threads, best_simd_tier());
      const Rounded rounded(compute, weight, precision);
      Tensor<float> y({611, 517}), dx({611, 203}), dweight({517, 203});
      linear_forward<float>(compute, y.view(), x.view(), rounded.linear, {});
      linear_backward_input<float>(compute, dx.view(), dy.view(), rounded.linear);
      linear_backward_weight<float>(compute, dweight.view(), {}, dy.view(), x.view(), precision);
      std::vector<float> all = y.values;
      for (const auto* part : {&dx.values, &dweight.values}) all.insert(all.end(), part->begin(), part->end());
      results.push_back(all);
    }
    CHECK(results[0] == results[1]);
    CHECK(results[0] == results[2]);
  }
}

TEST_CASE("bf16 factors are rounded to nearest, ties to even") {
  if (!missing_for(Precision::bf16, best_simd_tier()).empty()) return;
  Compute compute(1, best_simd_tier());
  // 1 + 2^-8 lies half way between 1 and 1 + 2^-7, 1 + 3 * 2^-8 between that and 1 + 2^-6.
  const std::vector<std::pair<float, float>> rounded = {
      {1.0f + 0.00390625f, 1.0f}, {1.0f + 0.01171875f, 1.015625f}, {1.0f + 0.0039064f, 1.0078125f}, {-3.0f, -3.0f}};
  for (const auto& [value, expected] : rounded) {
    Tensor<float> weight({1, 1}), x({1, 1}), y({1, 1});
    weight[0] = value;
    x[0] = 1;
    const Rounded one(compute, weight, Precision::bf16);
    linear_forward<float>(compute, y.view(), x.view(), one.linear, {});
    CHECK(y[0] == expected);
    x[0] = value;
    weight[0] = 1;
    const Rounded other(compute, weight, Precision::bf16);
    linear_forward<float>(compute, y.view(), x.view(), other.linear, {});
    CHECK(y[0] == expected);
  }
}

#if defined(LM_TEST_FP16)
TEST_CASE("the fp16 kernels, computed without their instructions, agree with double and keep small gradients") {
  if (best_simd_tier() != SimdTier::avx512) return;
  const HalfKernels half = fp16_emulated::kernels_of_format();
  for (const Shape shape : {Shape{1, 1, 1}, {15, 37, 33}, {29, 64, 64}, {85, 129, 97}, {14, 200, 160}}) {
    CAPTURE(shape.rows);
    const std::int64_t m = shape.rows, depth = shape.inputs, n = shape.outputs;
    const auto a = Tensor<float>::random({m, depth}, 1, 1e-7), b = Tensor<float>::random({depth, n}, 2, 100);
    Tensor<float> a_lines({depth, m}), b_lines({n, depth});
    for (std::int64_t k = 0; k < depth; ++k) {
      for (std::int64_t i = 0; i < m; ++i) a_lines[k * m + i] = a[i * depth + k];
      for (std::int64_t j = 0; j < n; ++j) b_lines[j * depth + k] = b[k * n + j];
    }
    auto expected = product(a.as<double>(), false, b.as<double>(), false);
    const std::int64_t panel_stride = depth * half.panel;
    std::vector<std::uint16_t> panels(static_cast<std::size_t>((n + half.panel - 1) / half.panel * panel_stride));
    std::vector<std::uint16_t> same_panels = panels;
    const float a_scale = half.scale_of({a.values.data(), depth}, m, depth);
    const float b_scale = half.scale_of({b.values.data(), n}, depth, n);
    CHECK(a_scale > 1e5f);
    CHECK(b_scale < 0.1f);
    half.pack_panels(panels.data(), {b.values.data(), n}, depth, n, b_scale);
    half.pack_panels(same_panels.data(), {b_lines.values.data(), depth, true}, depth, n, b_scale);
    CHECK(panels == same_panels);
    const std::int64_t units = depth + 3;
    std::vector<HalfUnit> rows(static_cast<std::size_t>(m * units));
    std::vector<HalfUnit> blocks(static_cast<std::size_t>(half.block_units(m, depth)));
    half.pack_rows({rows.data(), units}, {a.values.data(), depth}, m, depth, a_scale);
    half.pack_blocks(blocks.data(), {a_lines.values.data(), m}, m, depth, a_scale);
    Tensor<float> c({m, n}), same({m, n});
    const Strided<const std::uint16_t> packed{panels.data(), panel_stride};
    half.multiply({c.values.data(), n}, {rows.data(), units}, packed, {m, n, depth}, {}, 1 / (a_scale * b_scale), {});
    half.multiply({same.values.data(), n}, {blocks.data(), 0}, packed, {m, n, depth}, {}, 1 / (a_scale * b_scale), {});
    CHECK(c.values == same.values);
    CHECK(lm::test::distance(c.values, expected.values) < kFp16Tolerance);
    half.multiply({c.values.data(), n}, {rows.data(), units}, packed, {m, n, depth}, {c.values.data(), n},
                  1 / (a_scale * b_scale), {});
    for (double& value : expected.values) value *= 2;
    CHECK(lm::test::distance(c.values, expected.values) < kFp16Tolerance);
  }
}
#endif
