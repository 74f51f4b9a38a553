#include "kernels/rotary.h"

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

std::vector<double> frequencies(double theta, std::int64_t half) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < half; ++i)
    result.push_back(std::pow(theta, -static_cast<double>(i) / static_cast<double>(half)));
  return result;
}

}  // namespace

TEST_CASE("a rotation turns each pair by its position's angle, and no other channel, for every width and tier") {
  const std::int64_t rows = 12, heads = 3, period = 5, first = 4;
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (std::int64_t half = 1; half <= 40; ++half) {
      for (const RotaryPairs pairs : {RotaryPairs::halves, RotaryPairs::neighbours}) {
        const std::int64_t still = half % 3, width = 2 * half + still;
        Tensor<float> cosine({16, half}), sine({16, half});
        rotary_table<float>(cosine.view(), sine.view(), frequencies(10000, half), 1.25);
        auto x = Tensor<float>::random({rows, heads, width}, 1);
        Tensor<double> expected = x.as<double>();
        for (std::int64_t r = 0; r < rows; ++r) {
          for (std::int64_t h = 0; h < heads; ++h) {
            for (std::int64_t i = 0; i < half; ++i) {
              const double angle = static_cast<double>(first + r % period) *
                                   std::pow(10000.0, -static_cast<double>(i) / static_cast<double>(half));
              const std::int64_t head = (r * heads + h) * width;
              const std::int64_t one = head + (pairs == RotaryPairs::halves ? i : 2 * i);
              const std::int64_t two = pairs == RotaryPairs::halves ? one + half : one + 1;
              const double a = static_cast<double>(x[one]), b = static_cast<double>(x[two]);
              expected[one] = 1.25 * (a * std::cos(angle) - b * std::sin(angle));
              expected[two] = 1.25 * (b * std::cos(angle) + a * std::sin(angle));
            }
          }
        }
        rotary_forward<float>(compute, x.view(), cosine.view(), sine.view(), pairs, period, first);
        CHECK(lm::test::distance(x.values, expected.values) < 1e-6);
      }
    }
  }
}

TEST_CASE("rotating back is the transpose and the inverse") {
  const std::int64_t rows = 10, heads = 2, half = 6;
  Compute compute(1, best_simd_tier());
  Tensor<double> cosine({rows, half}), sine({rows, half});
  rotary_table<double>(cosine.view(), sine.view(), frequencies(500, half));
  for (const RotaryPairs pairs : {RotaryPairs::halves, RotaryPairs::neighbours}) {
    auto x = Tensor<double>::random({rows, heads, 2 * half}, 1);
    const auto start = x;
    rotary_forward<double>(compute, x.view(), cosine.view(), sine.view(), pairs, rows);
    CHECK(lm::test::distance(x.values, start.values) > 0.1);
    rotary_backward<double>(compute, x.view(), cosine.view(), sine.view(), pairs, rows);
    CHECK(lm::test::distance(x.values, start.values) < lm::test::kDoubleTolerance);
  }
}
