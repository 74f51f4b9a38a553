#include "kernels/cross_entropy.h"

#include <xtensor/xadapt.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include "kernels/kernel_support.h"

using namespace lm;
using lm::test::Tensor;

namespace {

std::vector<TokenId> targets_of(std::int64_t rows, std::int64_t width) {
  std::vector<TokenId> targets;
  for (std::int64_t r = 0; r < rows; ++r) targets.push_back(static_cast<TokenId>((r * 37 + 5) % width));
  return targets;
}

struct Reference {
  std::vector<double> nats, probabilities, gradient;
};

/// Computes the formulas over whole arrays. Every reduction is materialised: a lazy one would be computed anew for each
/// element.
Reference reference(const Tensor<double>& logits, const std::vector<TokenId>& targets, const std::vector<float>& weights,
                    double scale) {
  const std::vector<std::size_t> shape = {targets.size(), logits.values.size() / targets.size()};
  const xt::xtensor<double, 2> x = xt::adapt(logits.values, shape);
  const xt::xtensor<double, 2> exponentials = xt::exp(x);
  const xt::xtensor<double, 2> sums = xt::sum(exponentials, {1}, xt::keep_dims);
  const xt::xtensor<double, 2> probabilities = exponentials / sums;
  xt::xtensor<double, 2> gradient = probabilities;
  Reference all;
  for (std::size_t r = 0; r < targets.size(); ++r) {
    all.nats.push_back(std::log(sums(r, 0)) - x(r, targets[r]));
    gradient(r, targets[r]) -= 1;
    xt::view(gradient, r) *= scale * static_cast<double>(weights[r]);
  }
  all.probabilities.assign(probabilities.begin(), probabilities.end());
  all.gradient.assign(gradient.begin(), gradient.end());
  return all;
}

template <class T>
void check_rows(Compute& compute, std::int64_t rows, std::int64_t width, double tolerance) {
  CAPTURE(rows);
  CAPTURE(width);
  CAPTURE(to_string(compute.simd()));
  const auto logits = Tensor<T>::random({rows, width}, 1, 3, 50);
  const std::vector<TokenId> targets = targets_of(rows, width);
  std::vector<float> weights;
  for (std::int64_t r = 0; r < rows; ++r) weights.push_back(static_cast<float>(r % 3));
  const Reference expected = reference(logits.template as<double>(), targets, weights, 0.25);
  std::vector<double> nats(static_cast<std::size_t>(rows));
  cross_entropy_forward<T>(compute, nats, logits.view(), targets);
  CHECK(lm::test::distance(nats, expected.nats) < tolerance + 1e-7);
  auto probabilities = logits;
  softmax_forward<T>(compute, probabilities.view(), TensorView<const T>(probabilities.view()));
  CHECK(lm::test::distance(probabilities.values, expected.probabilities) < tolerance);

  auto in_place = logits;
  std::fill(nats.begin(), nats.end(), 9.0);
  cross_entropy_backward<T>(compute, nats, in_place.view(), targets, weights, 0.25);
  auto weighted = expected.nats;
  for (std::size_t r = 0; r < nats.size(); ++r) weighted[r] *= weights[r] == 0 ? 0 : 1;
  CHECK(lm::test::distance(nats, weighted) < tolerance + 1e-7);
  if (rows > 1) CHECK(lm::test::distance(in_place.values, expected.gradient) < tolerance);
}

}  // namespace

TEST_CASE("cross-entropy and softmax agree with the formula for every width and tier") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(2, tier);
    for (std::int64_t width = 2; width <= 70; ++width) {
      check_rows<float>(compute, 1 + width * 7 % 40, width, lm::test::kFloatTolerance);
      check_rows<double>(compute, 5, width, lm::test::kDoubleTolerance);
    }
    check_rows<float>(compute, 9, 4096, lm::test::kFloatTolerance);
    check_rows<float>(compute, 3, 50257, lm::test::kFloatTolerance);
  }
}

TEST_CASE("cross-entropy's gradient agrees with central differences") {
  Compute compute(1, best_simd_tier());
  auto logits = Tensor<double>::random({4, 9}, 1, 2);
  const std::vector<TokenId> targets = targets_of(4, 9);
  const std::vector<float> weights = {1, 0, 0.5f, 2};
  auto gradient = logits;
  std::vector<double> nats(4);
  cross_entropy_backward<double>(compute, nats, gradient.view(), targets, weights, 0.7);
  lm::test::check_gradient("dlogits", logits, gradient.values, [&] {
    cross_entropy_forward<double>(compute, nats, logits.view(), targets);
    double loss = 0;
    for (std::size_t r = 0; r < 4; ++r) loss += 0.7 * static_cast<double>(weights[r]) * nats[r];
    return loss;
  });
}

TEST_CASE("a row of weight 0 has no loss and no gradient, even if its target is no token") {
  Compute compute(1, best_simd_tier());
  auto logits = Tensor<float>::random({2, 5}, 1);
  std::vector<double> nats(2, 3.0);
  cross_entropy_backward<float>(compute, nats, logits.view(), std::vector<TokenId>{1, 4000000}, std::vector<float>{1, 0}, 1);
  CHECK(nats[0] > 0);
  CHECK(nats[1] == 0);
  for (std::int64_t j = 5; j < 10; ++j) CHECK(logits[j] == 0);
}

TEST_CASE("a logit of minus infinity has probability zero") {
  for (const SimdTier tier : lm::test::tiers()) {
    Compute compute(1, tier);
    Tensor<float> logits({1, 3}), probabilities({1, 3});
    logits.values = {1, -INFINITY, 1};
    softmax_forward<float>(compute, probabilities.view(), logits.view());
    CHECK(probabilities.values == std::vector<float>{0.5f, 0.0f, 0.5f});
  }
}
