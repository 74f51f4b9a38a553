#include "infer/sampler.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "base/error.h"
#include "support/worst.h"

using namespace lm;

namespace {

TensorView<const float> view(const std::vector<float>& logits) {
  return {logits.data(), static_cast<std::int64_t>(logits.size())};
}

std::vector<std::uint8_t> all_allowed(const std::vector<float>& logits) {
  return std::vector<std::uint8_t>(logits.size(), 1);
}

std::vector<double> softmax(const std::vector<double>& logits) {
  std::vector<double> p;
  double sum = 0;
  for (const double logit : logits) sum += p.emplace_back(std::exp(logit));
  for (double& value : p) value /= sum;
  return p;
}

/// Ids, most probable first.
std::vector<std::size_t> ranked(const std::vector<double>& p) {
  std::vector<std::size_t> order(p.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return p[a] > p[b]; });
  return order;
}

/// Keeps the ids of `kept`, renormalised.
std::vector<double> only(const std::vector<double>& p, const std::vector<std::size_t>& kept) {
  std::vector<double> result(p.size(), 0.0);
  double sum = 0;
  for (const std::size_t id : kept) sum += p[id];
  for (const std::size_t id : kept) result[id] = p[id] / sum;
  return result;
}

/// The filters by their definitions, in double and without haste: a reference.
std::vector<double> reference(const std::vector<float>& logits, const SamplingOptions& options,
                              const std::vector<TokenId>& visible) {
  std::vector<double> scaled;
  for (std::size_t id = 0; id < logits.size(); ++id) {
    auto logit = static_cast<double>(logits[id]);
    const bool seen = std::find(visible.begin(), visible.end(), id) != visible.end();
    if (seen) logit = logit > 0 ? logit / options.repetition_penalty : logit * options.repetition_penalty;
    scaled.push_back(logit / options.temperature);
  }
  std::vector<double> p = softmax(scaled);
  if (options.top_k > 0) {
    std::vector<std::size_t> order = ranked(p);
    order.resize(std::min(order.size(), static_cast<std::size_t>(options.top_k)));
    p = only(p, order);
  }
  const auto take_mass = [&](const std::vector<std::size_t>& order, double mass) {
    std::vector<std::size_t> kept;
    double reached = 0;
    for (const std::size_t id : order) {
      if (p[id] == 0) continue;
      kept.push_back(id);
      reached += p[id];
      if (reached >= mass) break;
    }
    return only(p, kept);
  };
  if (options.typical < 1) {
    double entropy = 0;
    for (const double value : p) entropy -= value > 0 ? value * std::log(value) : 0;
    std::vector<double> nearness;
    for (const double value : p) nearness.push_back(value > 0 ? -std::abs(-std::log(value) - entropy) : -1e300);
    p = take_mass(ranked(nearness), options.typical);
  }
  if (options.top_p < 1) p = take_mass(ranked(p), options.top_p);
  const double largest = *std::max_element(p.begin(), p.end());
  std::vector<std::size_t> kept;
  for (std::size_t id = 0; id < p.size(); ++id) {
    if (p[id] > 0 && p[id] >= options.min_p * largest) kept.push_back(id);
  }
  return only(p, kept);
}

std::vector<float> random_logits(std::size_t count, std::uint64_t seed) {
  Rng rng(seed, RngPurpose::test);
  std::vector<float> logits;
  for (std::size_t i = 0; i < count; ++i) logits.push_back(static_cast<float>(2 * rng.normal()));
  return logits;
}

std::vector<SamplingOptions> many_options() {
  std::vector<SamplingOptions> all;
  for (const double penalty : {1.0, 1.7}) {
    for (const double temperature : {0.5, 1.0, 2.0}) {
      for (const std::int64_t top_k : {0, 1, 12, 1000}) {
        for (const double typical : {1.0, 0.6}) {
          for (const double top_p : {1.0, 0.9, 0.3}) {
            for (const double min_p : {0.0, 0.05, 1.0}) all.push_back({penalty, temperature, top_k, typical, top_p, min_p});
          }
        }
      }
    }
  }
  return all;
}

}  // namespace

TEST_CASE("every combination of filters leaves the distribution that their definitions give") {
  for (const std::size_t size : {1u, 7u, 300u}) {
    const std::vector<float> logits = random_logits(size, size);
    const std::vector<std::uint8_t> allowed = all_allowed(logits);
    const std::vector<TokenId> visible = {0, 0, static_cast<TokenId>(size / 2)};
    for (const SamplingOptions& options : many_options()) {
      const std::vector<double> expected = reference(logits, options, visible);
      Sampler sampler(options, allowed, {});
      std::vector<double> actual(size, 0.0);
      for (const Candidate& c : sampler.distribution(view(logits), visible)) actual[c.id] = c.probability;
      double worst = 0;
      for (std::size_t i = 0; i < size; ++i) worst = test::worse(worst, std::abs(actual[i] - expected[i]));
      CAPTURE(size);
      CAPTURE(options.top_k);
      CAPTURE(options.top_p);
      CAPTURE(options.typical);
      CHECK(worst < 1e-12);  // both in double; sums of 300 terms in another order
    }
  }
}

TEST_CASE("tokens are drawn as often as the filtered distribution says") {
  const std::vector<float> logits = random_logits(40, 5);
  const std::vector<std::uint8_t> allowed = all_allowed(logits);
  constexpr int kDraws = 20000;
  for (const SamplingOptions& options :
       {SamplingOptions{.temperature = 1.0}, SamplingOptions{.temperature = 0.7, .top_k = 9},
        SamplingOptions{.temperature = 1.3, .top_p = 0.8}, SamplingOptions{.temperature = 1.0, .min_p = 0.1}}) {
    Sampler sampler(options, allowed, {.seed = 11, .text = 3});
    std::map<TokenId, int> counts;
    for (int i = 0; i < kDraws; ++i) ++counts[sampler.choose(view(logits), {})];
    double chi_square = 0;
    int cells = 0;
    int drawn = 0;
    for (const Candidate& c : sampler.distribution(view(logits), {})) {
      const double expected = c.probability * kDraws;
      drawn += counts[c.id];
      if (expected < 5) continue;
      chi_square += (counts[c.id] - expected) * (counts[c.id] - expected) / expected;
      ++cells;
    }
    CHECK(drawn == kDraws);  // nothing else was drawn
    // Mean and deviation of chi-square are n and sqrt(2n): five deviations, with a fixed seed.
    CHECK(chi_square < cells + 5 * std::sqrt(2.0 * cells));
  }
}

TEST_CASE("greedy takes the likeliest token, of equals the smaller id, with any filters") {
  const std::vector<float> logits = {1, 5, -2, 5, 0};
  const std::vector<std::uint8_t> allowed = all_allowed(logits);
  Sampler sampler({.temperature = 0, .top_k = 3, .typical = 0.2}, allowed, {});
  for (int i = 0; i < 10; ++i) CHECK(sampler.choose(view(logits), {}) == 1);
  Sampler penalised({.repetition_penalty = 2, .temperature = 0}, allowed, {});
  CHECK(penalised.choose(view(logits), std::vector<TokenId>{1}) == 3);
}

TEST_CASE("a very low temperature is greedy, without overflow") {
  const std::vector<float> logits = {3e38f, -3e38f, 2e38f};
  const std::vector<std::uint8_t> allowed = all_allowed(logits);
  Sampler sampler({.temperature = 1e-300}, allowed, {});
  for (int i = 0; i < 10; ++i) CHECK(sampler.choose(view(logits), {}) == 0);
}

TEST_CASE("ids that are not allowed are never chosen, however likely") {
  const std::vector<float> logits = {100, 1, 2, 100};
  const std::vector<std::uint8_t> allowed = {0, 1, 1, 0};
  for (const double temperature : {0.0, 1.0, 100.0}) {
    Sampler sampler({.temperature = temperature}, allowed, {});
    for (int i = 0; i < 100; ++i) {
      const TokenId id = sampler.choose(view(logits), {});
      CHECK((id == 1 || id == 2));
    }
  }
  const std::vector<std::uint8_t> none = {0, 0, 0, 0};
  Sampler sampler({}, none, {});
  CHECK_THROWS_AS(sampler.choose(view(logits), {}), Error);
}

TEST_CASE("the n-th token depends only on seed, text and n") {
  const std::vector<float> logits = random_logits(50, 6);
  const std::vector<float> other = random_logits(50, 7);
  const std::vector<std::uint8_t> allowed = all_allowed(logits);
  const auto draw = [&](SampleSeed seed, const std::vector<float>& first) {
    Sampler sampler({.temperature = 1}, allowed, seed);
    sampler.choose(view(first), {});
    std::vector<TokenId> ids;
    for (int i = 0; i < 20; ++i) ids.push_back(sampler.choose(view(logits), {}));
    return ids;
  };
  CHECK(draw({1, 0}, logits) == draw({1, 0}, other));
  CHECK(draw({1, 0}, logits) != draw({1, 1}, logits));
  CHECK(draw({1, 0}, logits) != draw({2, 0}, logits));
}

TEST_CASE("options out of range and logits that are not finite are refused") {
  const std::vector<std::uint8_t> allowed = {1, 1};
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const SamplingOptions& options :
       {SamplingOptions{.repetition_penalty = 0}, SamplingOptions{.temperature = -1}, SamplingOptions{.temperature = nan},
        SamplingOptions{.top_k = -1}, SamplingOptions{.typical = 0}, SamplingOptions{.top_p = 0},
        SamplingOptions{.top_p = 1.1}, SamplingOptions{.min_p = -0.1}, SamplingOptions{.min_p = nan}}) {
    CHECK_THROWS_AS(Sampler(options, allowed, {}), Error);
  }
  for (const double temperature : {0.0, 1.0}) {
    Sampler sampler({.temperature = temperature}, allowed, {});
    const std::vector<float> logits = {0.0f, std::numeric_limits<float>::quiet_NaN()};
    CHECK_THROWS_AS(sampler.choose(view(logits), {}), Error);
    CHECK_THROWS_AS(model_distribution(view(logits)), Error);
  }
}

TEST_CASE("the model's own distribution sums to 1 and is in order") {
  const std::vector<Candidate> all = model_distribution(view(random_logits(1000, 8)));
  double sum = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    sum += all[i].probability;
    if (i > 0) CHECK(all[i].probability <= all[i - 1].probability);
  }
  CHECK(all.size() == 1000);
  CHECK(std::abs(sum - 1) < 1e-12);
}
