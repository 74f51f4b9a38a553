#include "kernels/activation.h"

#include <numbers>

#include "kernels/cpu/tiers.h"
#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

/// The formulas of kernels/activation.h.
double value(Activation activation, double x) {
  switch (activation) {
    case Activation::gelu_tanh:
      return 0.5 * x * (1 + std::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x * x * x)));
    case Activation::gelu:
      return 0.5 * x * (1 + std::erf(x / std::numbers::sqrt2));
    case Activation::silu:
      return x / (1 + std::exp(-x));
    case Activation::relu:
      return std::max(x, 0.0);
  }
  return 0;
}

constexpr Activation kAll[] = {Activation::gelu_tanh, Activation::gelu, Activation::silu, Activation::relu};

/// Derivative by central differences: exact to 1e-12 here, and independent of the kernels' formula.
template <class Function>
double slope(Function f, double x) {
  return lm::test::central_difference(x, [&] { return f(x); });
}

}  // namespace

TEST_CASE("the float exponential is within two units in the last place, zero far below and NaN for NaN") {
  for (const SimdTier tier : lm::test::tiers()) {
    CAPTURE(to_string(tier));
    const ActivationKernels<float>& kernels = simd_kernels<float>(tier).activation;
    double worst = 0;
    for (float start = -87.3f; start < 88.0f; start += 0.37f) {
      float x[37], y[37];
      for (int i = 0; i < 37; ++i) x[i] = std::min(start + static_cast<float>(i) * 0.01f, 88.0f);
      kernels.exponential(y, x, 37);
      for (int i = 0; i < 37; ++i) {
        const double exact = std::exp(static_cast<double>(x[i]));
        const double unit = static_cast<double>(std::nextafter(static_cast<float>(exact), INFINITY)) -
                            static_cast<double>(static_cast<float>(exact));
        worst = lm::test::worse(worst, std::abs(static_cast<double>(y[i]) - exact) / unit);
      }
    }
    CHECK(worst <= 2);
    const float special[5] = {-INFINITY, -1000.0f, 0.0f, NAN, 1000.0f};
    float y[5];
    kernels.exponential(y, special, 5);
    CHECK(y[0] == 0);
    CHECK(y[1] == 0);
    CHECK(y[2] == 1);
    CHECK(std::isnan(y[3]));
    CHECK(y[4] > 1e38f);
  }
}

TEST_CASE("activations and their gradients agree with the formulas for every width and tier") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (const Activation activation : kAll) {
      CAPTURE(static_cast<int>(activation));
      const auto f = [&](double x) { return value(activation, x); };
      for (std::int64_t width = 1; width <= 70; ++width) {
        const auto x = Tensor<float>::random({7, width}, 1, 3), dy = Tensor<float>::random({7, width}, 2);
        Tensor<float> y({7, width});
        auto dx = Tensor<float>::random({7, width}, 3);
        Tensor<double> expected({7, width}), dexpected = dx.as<double>();
        for (std::int64_t i = 0; i < 7 * width; ++i) {
          expected[i] = f(static_cast<double>(x[i]));
          dexpected[i] += static_cast<double>(dy[i]) * slope(f, static_cast<double>(x[i]));
        }
        activation_forward<float>(compute, activation, y.view(), x.view());
        CHECK(lm::test::distance(y.values, expected.values) < lm::test::kFloatTolerance);
        activation_backward<float>(compute, activation, dx.view(), dy.view(), x.view());
        CHECK(lm::test::distance(dx.values, dexpected.values) < lm::test::kFloatTolerance);
        y = x;
        activation_forward<float>(compute, activation, y.view(), TensorView<const float>(y.view()));
        CHECK(lm::test::distance(y.values, expected.values) < lm::test::kFloatTolerance);
      }
    }
  }
}

TEST_CASE("gated activations and their gradients agree with the formulas for every width and tier") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (const Activation activation : kAll) {
      CAPTURE(static_cast<int>(activation));
      const auto f = [&](double x) { return value(activation, x); };
      for (std::int64_t width = 1; width <= 70; ++width) {
        const auto x = Tensor<float>::random({5, 2 * width}, 1, 2), dy = Tensor<float>::random({5, width}, 2);
        Tensor<float> y({5, width});
        auto dx = Tensor<float>::random({5, 2 * width}, 3);
        Tensor<double> expected({5, width}), dexpected = dx.as<double>();
        for (std::int64_t i = 0; i < 5 * width; ++i) {
          const std::int64_t gate_at = i / width * 2 * width + i % width;
          const double gate = static_cast<double>(x[gate_at]), up = static_cast<double>(x[gate_at + width]);
          expected[i] = f(gate) * up;
          dexpected[gate_at] += static_cast<double>(dy[i]) * up * slope(f, gate);
          dexpected[gate_at + width] += static_cast<double>(dy[i]) * f(gate);
        }
        gated_forward<float>(compute, activation, y.view(), x.view());
        CHECK(lm::test::distance(y.values, expected.values) < lm::test::kFloatTolerance);
        gated_backward<float>(compute, activation, dx.view(), dy.view(), x.view());
        CHECK(lm::test::distance(dx.values, dexpected.values) < lm::test::kFloatTolerance);
      }
    }
  }
}

TEST_CASE("exact GELU and capped scores are as exact as float allows, near 0 and far from it") {
  for (const SimdTier tier : lm::test::tiers()) {
    CAPTURE(to_string(tier));
    Compute compute(1, tier);
    double worst_gelu = 0, worst_cap = 0;
    for (double start = -12; start < 12; start += 0.019) {
      Tensor<float> x({1, 19}), y({1, 19});
      for (int i = 0; i < 19; ++i) x[i] = static_cast<float>(start + 0.001 * i);
      activation_forward<float>(compute, Activation::gelu, y.view(), x.view());
      for (int i = 0; i < 19; ++i) {
        const auto z = static_cast<double>(x[i]);
        worst_gelu = lm::test::worse(
            worst_gelu, std::abs(static_cast<double>(y[i]) - value(Activation::gelu, z)) / std::max(1.0, std::abs(z)));
      }
      y.values = x.values;
      simd_kernels<float>(tier).softmax.cap_scores(y.values.data(), 19, {1.0f, 5.0f});
      for (int i = 0; i < 19; ++i) {
        const auto exact = 5 * std::tanh(static_cast<double>(x[i]) / 5);
        worst_cap =
            lm::test::worse(worst_cap, std::abs(static_cast<double>(y[i]) - exact) / std::max(1e-3, std::abs(exact)));
      }
    }
    CHECK(worst_gelu < 2e-7);
    CHECK(worst_cap < 3e-7);
  }
}

TEST_CASE("activations' gradients agree with central differences") {
  Compute compute(1, best_simd_tier());
  auto x = Tensor<double>::random({3, 10}, 1, 2);
  const auto dy = Tensor<double>::random({3, 10}, 2), dy_half = Tensor<double>::random({3, 5}, 3);
  for (const Activation activation : kAll) {
    CAPTURE(static_cast<int>(activation));
    Tensor<double> y({3, 10}), y_half({3, 5}), dx({3, 10}), dx_gated({3, 10});
    activation_backward<double>(compute, activation, dx.view(), dy.view(), x.view());
    lm::test::check_gradient("plain", x, dx.values, [&] {
      activation_forward<double>(compute, activation, y.view(), x.view());
      return lm::test::project(y.values, dy.values);
    });
    gated_backward<double>(compute, activation, dx_gated.view(), dy_half.view(), x.view());
    lm::test::check_gradient("gated", x, dx_gated.values, [&] {
      gated_forward<double>(compute, activation, y_half.view(), x.view());
      return lm::test::project(y_half.values, dy_half.values);
    });
  }
}

TEST_CASE("activations stay finite far from zero") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(1, tier);
    for (const Activation activation : kAll) {
      CAPTURE(static_cast<int>(activation));
      Tensor<float> x({1, 4}), y({1, 4}), dx({1, 4}), dy({1, 4});
      x.values = {-1e4f, 1e4f, -60.0f, 60.0f};
      dy.values = {1, 1, 1, 1};
      activation_forward<float>(compute, activation, y.view(), x.view());
      CHECK(lm::test::distance(y.values, std::vector<double>{0, 1e4, 0, 60}) < 1e-7);
      activation_backward<float>(compute, activation, dx.view(), dy.view(), x.view());
      CHECK(lm::test::distance(dx.values, std::vector<double>{0, 1, 0, 1}) < 1e-7);
    }
  }
}

TEST_CASE("activations' gradients overwrite what is there, or add to it") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    const auto x = Tensor<float>::random({9, 38}, 1), dy = Tensor<float>::random({9, 38}, 2);
    const auto dy_half = Tensor<float>::random({9, 19}, 3);
    Tensor<float> zeroed({9, 38});
    auto used = Tensor<float>::random({9, 38}, 4);
    activation_backward<float>(compute, Activation::gelu_tanh, zeroed.view(), dy.view(), x.view());
    activation_backward<float>(compute, Activation::gelu_tanh, used.view(), dy.view(), x.view(), Write::overwrite);
    CHECK(used.values == zeroed.values);
    std::fill(zeroed.values.begin(), zeroed.values.end(), 0.0f);
    gated_backward<float>(compute, Activation::silu, zeroed.view(), dy_half.view(), x.view());
    gated_backward<float>(compute, Activation::silu, used.view(), dy_half.view(), x.view(), Write::overwrite);
    CHECK(used.values == zeroed.values);
  }
}
