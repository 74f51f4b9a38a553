#include "kernels/elementwise.h"

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

TEST_CASE("plain vector work is exact for every size and tier") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (const std::int64_t n : {1, 3, 15, 16, 17, 63, 64, 70, 16384, 40001}) {
      const auto x = Tensor<float>::random({n}, 1);
      auto y = Tensor<float>::random({n}, 2);
      const auto before = y;
      add<float>(compute, y.view(), x.view());
      bool equal = true;
      for (std::int64_t i = 0; i < n; ++i) equal = equal && y[i] == before[i] + x[i];
      CHECK(equal);
      copy<float>(compute, y.view(), x.view());
      CHECK(y.values == x.values);
      scale<float>(compute, y.view(), 0.5);
      for (std::int64_t i = 0; i < n; ++i) equal = equal && y[i] == 0.5f * x[i];
      CHECK(equal);
      fill<float>(compute, y.view(), 3.0f);
      CHECK(std::all_of(y.values.begin(), y.values.end(), [](float value) { return value == 3.0f; }));
      fill<float>(compute, y.view(), 0.0f);
      CHECK(std::all_of(y.values.begin(), y.values.end(), [](float value) { return value == 0.0f; }));
    }
  }
}

TEST_CASE("a sum of squares of parts is exact to double, in a fixed tree whatever the threads") {
  const auto x = Tensor<float>::random({200'003}, 1);
  std::vector<std::span<const float>> parts;
  for (std::size_t first = 0; first < x.values.size(); first += 16'384)
    parts.push_back(std::span(x.values).subspan(first, std::min<std::size_t>(16'384, x.values.size() - first)));
  double expected = 0;
  for (const float value : x.values) expected += static_cast<double>(value) * static_cast<double>(value);
  for (const SimdTier tier : lm::test::tiers()) {
    std::vector<double> sums;
    for (const int threads : {1, 2, 3}) {
      Compute compute(threads, tier);
      std::vector<double> partial(parts.size());
      sums_of_squares<float>(compute, partial, parts);
      sums.push_back(tree_sum(partial));
    }
    CHECK(sums[0] == doctest::Approx(expected).epsilon(1e-13));
    CHECK(sums[0] == sums[1]);
    CHECK(sums[0] == sums[2]);
  }
}

TEST_CASE("one infinity or NaN anywhere is seen") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    auto x = Tensor<float>::random({20'000}, 1, 1e37);
    CHECK(all_finite<float>(compute, x.view()));
    for (const std::int64_t at : {0, 77, 16384, 19'999}) {
      for (const float bad : {INFINITY, -INFINITY, NAN}) {
        const float before = x[at];
        x[at] = bad;
        CHECK_FALSE(all_finite<float>(compute, x.view()));
        x[at] = before;
      }
    }
  }
}

TEST_CASE("dropout's mask is Philox's at the element's place, on every tier and for every size") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (const std::int64_t n : {1, 2, 3, 4, 5, 31, 33, 70, 16385, 50'000}) {
      const Dropout dropout{.rate = 0.3, .key = 0x123456789abcdef0u, .stream = (std::uint64_t{7} << 33) + 5};
      auto y = Tensor<float>::random({n}, 1, 1, 10);
      const auto before = y;
      dropout_forward<float>(compute, y.view(), dropout);
      bool equal = true;
      for (std::int64_t i = 0; i < n; ++i) {
        const auto words = philox(dropout.key, static_cast<std::uint64_t>(i) / 4, dropout.stream);
        const bool kept = static_cast<double>(words[static_cast<std::size_t>(i % 4)]) >= 0.3 * 4294967296.0;
        equal = equal && y[i] == (kept ? before[i] * static_cast<float>(1 / 0.7) : 0.0f);
      }
      CHECK(equal);
      auto dy = before;
      dropout_backward<float>(compute, dy.view(), dropout);
      CHECK(dy.values == y.values);
    }
  }
}

TEST_CASE("dropout drops the fraction that it is asked to, differently in each stream") {
  Compute compute(2, best_simd_tier());
  const std::int64_t n = 1'000'000;
  for (const double rate : {0.1, 0.5}) {
    Tensor<float> a({n}), b({n});
    for (auto* tensor : {&a, &b}) {
      fill<float>(compute, tensor->view(), 1.0f);
      dropout_forward<float>(compute, tensor->view(), {.rate = rate, .key = 42, .stream = tensor == &a ? 1u : 2u});
    }
    std::int64_t dropped = 0, both = 0;
    for (std::int64_t i = 0; i < n; ++i) {
      dropped += a[i] == 0;
      both += a[i] == 0 && b[i] == 0;
    }
    // Six standard deviations of a binomial count.
    const double count = static_cast<double>(n);
    CHECK(std::abs(static_cast<double>(dropped) - count * rate) < 6 * std::sqrt(count * rate * (1 - rate)));
    CHECK(std::abs(static_cast<double>(both) - count * rate * rate) <
          6 * std::sqrt(count * rate * rate * (1 - rate * rate)));
  }
}

TEST_CASE("dropout of rate 0 changes nothing") {
  Compute compute(1, best_simd_tier());
  auto y = Tensor<float>::random({100}, 1);
  const auto before = y;
  dropout_forward<float>(compute, y.view(), {});
  CHECK(y.values == before.values);
}
