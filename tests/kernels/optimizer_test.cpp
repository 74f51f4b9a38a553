#include "kernels/optimizer.h"

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

TEST_CASE("AdamW agrees with its formula over several steps, on every tier") {
  const std::int64_t n = 20'011;
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    auto weight = Tensor<float>::random({n}, 1);
    Tensor<float> first({n}), second({n});
    auto w = weight.as<double>();
    Tensor<double> m({n}), v({n});
    for (std::int64_t t = 1; t <= 5; ++t) {
      const auto gradient = Tensor<float>::random({n}, 10 + static_cast<std::uint64_t>(t), 0.01);
      const AdamWStep step{.learning_rate = 1e-2,
                           .beta1 = 0.9,
                           .beta2 = 0.95,
                           .eps = 1e-8,
                           .weight_decay = 0.1,
                           .gradient_scale = 0.5,
                           .step = t};
      adamw<float>(compute, weight.view(), first.view(), second.view(), gradient.view(), step);
      for (std::int64_t i = 0; i < n; ++i) {
        const double g = 0.5 * static_cast<double>(gradient[i]);
        m[i] = 0.9 * m[i] + 0.1 * g;
        v[i] = 0.95 * v[i] + 0.05 * g * g;
        const double m_hat = m[i] / (1 - std::pow(0.9, t)), v_hat = v[i] / (1 - std::pow(0.95, t));
        w[i] -= 1e-2 * (m_hat / (std::sqrt(v_hat) + 1e-8) + 0.1 * w[i]);
      }
    }
    CHECK(lm::test::distance(weight.values, w.values) < 1e-6);
    CHECK(lm::test::distance(first.values, m.values) < 1e-6);
    CHECK(lm::test::distance(second.values, v.values) < 1e-6);
  }
}

TEST_CASE("a moving average moves by its fraction") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(1, tier);
    const auto weight = Tensor<float>::random({1003}, 1);
    auto average = Tensor<float>::random({1003}, 2);
    auto expected = average.as<double>();
    for (std::int64_t i = 0; i < 1003; ++i) expected[i] = 0.75 * expected[i] + 0.25 * static_cast<double>(weight[i]);
    moving_average<float>(compute, average.view(), weight.view(), 0.75);
    CHECK(lm::test::distance(average.values, expected.values) < 1e-6);
  }
}
