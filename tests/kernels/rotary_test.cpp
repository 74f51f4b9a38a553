#include "kernels/rotary.h"

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

TEST_CASE("a rotation turns each pair by its position's angle, for every width and tier") {
  const std::int64_t rows = 12, heads = 3, period = 5, first = 4;
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (std::int64_t half = 1; half <= 40; ++half) {
      const std::int64_t width = 2 * half;
      Tensor<float> cosine({16, half}), sine({16, half});
      rotary_table<float>(cosine.view(), sine.view(), 10000);
      auto x = Tensor<float>::random({rows, heads, width}, 1);
      const auto start = x;
      Tensor<double> expected({rows, heads, width});
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t h = 0; h < heads; ++h) {
          for (std::int64_t i = 0; i < half; ++i) {
            const double angle = static_cast<double>(first + r % period) *
                                 std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(width));
            const std::int64_t at = (r * heads + h) * width + i;
            const double a = static_cast<double>(x[at]), b = static_cast<double>(x[at + half]);
            expected[at] = a * std::cos(angle) - b * std::sin(angle);
            expected[at + half] = b * std::cos(angle) + a * std::sin(angle);
          }
        }
      }
      rotary_forward<float>(compute, x.view(), cosine.view(), sine.view(), period, first);
      CHECK(lm::test::distance(x.values, expected.values) < 1e-6);
    }
  }
}

TEST_CASE("rotating back is the transpose and the inverse") {
  const std::int64_t rows = 10, heads = 2, half = 6;
  Compute compute(1, best_simd_tier());
  Tensor<double> cosine({rows, half}), sine({rows, half});
  rotary_table<double>(cosine.view(), sine.view(), 500);
  auto x = Tensor<double>::random({rows, heads, 2 * half}, 1);
  const auto start = x;
  rotary_forward<double>(compute, x.view(), cosine.view(), sine.view(), rows);
  CHECK(lm::test::distance(x.values, start.values) > 0.1);
  rotary_backward<double>(compute, x.view(), cosine.view(), sine.view(), rows);
  CHECK(lm::test::distance(x.values, start.values) < lm::test::kDoubleTolerance);
}
