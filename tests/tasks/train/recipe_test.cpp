#include "tasks/train/recipe.h"

#include <doctest/doctest.h>

#include "tasks/train/resolve.h"

using namespace lm;

namespace {

constexpr double kPeak = 5e11;

Recipe recipe(std::int64_t tokens, double seconds, double peak = kPeak, std::int64_t vocab_size = 257) {
  return choose_recipe({.tokens = tokens, .vocab_size = vocab_size, .seconds = seconds, .peak_flops = peak});
}

std::int64_t weights(const Recipe& r) { return 12 * r.layers * r.channels * r.channels; }

}  // namespace

TEST_CASE("a longer time is for a larger model, up to what the text is for") {
  std::int64_t before = 0;
  for (const double seconds : {1.0, 10.0, 60.0, 300.0, 3600.0, 36000.0, 360000.0}) {
    const Recipe r = recipe(1'000'000'000, seconds);
    CHECK(weights(r) >= before);
    CHECK(r.dropout == 0.0);
    before = weights(r);
  }
  CHECK(weights(recipe(1'000'000'000, 360000)) > 100 * weights(recipe(1'000'000'000, 10)));
  CHECK(weights(recipe(100'000, 36000)) < weights(recipe(1'000'000, 36000)));
  CHECK(weights(recipe(1'000'000, 36000)) == weights(recipe(1'000'000, 360000)));
}

TEST_CASE("a faster machine is as a longer time") {
  const Recipe fast = recipe(10'000'000, 60, 10 * kPeak);
  const Recipe slow = recipe(10'000'000, 600, kPeak);
  CHECK(fast.channels == slow.channels);
  CHECK(fast.dropout == slow.dropout);
  CHECK(fast.epochs == doctest::Approx(slow.epochs));
}

TEST_CASE("16-bit factors are as a longer time") {
  const RecipeFacts facts{.tokens = 1L << 40, .vocab_size = 257, .seconds = 60, .peak_flops = kPeak};
  RecipeFacts half = facts;
  half.precision = Precision::bf16;
  CHECK(choose_recipe(half).epochs * static_cast<double>(weights(choose_recipe(half))) >
        1.2 * choose_recipe(facts).epochs * static_cast<double>(weights(choose_recipe(facts))));
}

TEST_CASE("dropout comes with many epochs of many weights, and stays below a half; weight decay grows too") {
  CHECK(recipe(10'000'000, 60).dropout == 0.0);
  CHECK(recipe(10'000'000, 60).weight_decay == 0.1);
  double before = 0, decay_before = 0;
  for (const double seconds : {1.0, 60.0, 600.0, 6000.0, 600000.0}) {
    const Recipe r = recipe(100'000, seconds);
    CHECK(r.dropout >= before);
    CHECK(r.dropout < 0.5);
    CHECK(r.weight_decay >= decay_before);
    before = r.dropout;
    decay_before = r.weight_decay;
  }
  CHECK(before > 0.1);
  CHECK(decay_before > 0.5);
  // The same epochs of as many weights for each token.
  const Recipe small = recipe(100'000, 60), large = recipe(1'000'000, 6000);
  CHECK(small.dropout > 0);
  CHECK(large.dropout == doctest::Approx(small.dropout).epsilon(0.3));
}

TEST_CASE("a small text is read no more often than is of use") {
  CHECK_FALSE(recipe(1'000'000, 300).most_epochs);
  CHECK_FALSE(recipe(1'000'000'000, 36000).most_epochs);
  const Recipe r = recipe(90'000, 3000);
  REQUIRE(r.most_epochs);
  CHECK(static_cast<double>(*r.most_epochs) < 0.5 * r.epochs);
  CHECK(*r.most_epochs > 20);
  // All of the dropout that it may have, and no more with more time.
  CHECK(r.dropout == recipe(90'000, 30000).dropout);
  CHECK(r.most_epochs == recipe(90'000, 30000).most_epochs);
  CHECK(describe_recipe({}, {}, r, 90'000).find("--epochs " + std::to_string(*r.most_epochs)) != std::string::npos);
  // Ten lines are learned by heart rather than not at all.
  const Recipe lines = recipe(500, 3000);
  REQUIRE(lines.most_epochs);
  CHECK(static_cast<double>(*lines.most_epochs) * 500 >= 1e6);
}

TEST_CASE("if memory is short, the largest model that fits is chosen; the smallest if none does") {
  const auto chosen = [](std::int64_t most) {
    return weights(choose_recipe(
        {.tokens = 1L << 40, .vocab_size = 257, .seconds = 1e6, .peak_flops = kPeak, .fits = [&](const Recipe& r) {
           return weights(r) <= most;
         }}));
  };
  CHECK(chosen(1L << 40) > 10'000'000);
  CHECK(chosen(10'000'000) <= 10'000'000);
  CHECK(chosen(10'000'000) > 2'000'000);
  CHECK(chosen(0) == weights(recipe(1, 1e-3)));
}

TEST_CASE("any facts give a model that is one") {
  for (const std::int64_t tokens : {0L, 1L, 1000L, 1L << 40}) {
    for (const double seconds : {1e-3, 1.0, 1e9}) {
      const Recipe r = recipe(tokens, seconds, 1e9, 1000);
      TrainSettings settings;
      set_recipe(settings, {}, r);
      CHECK_NOTHROW(resolve_model(settings.model, 1000, nullptr, {}));
      CHECK(r.batch >= 1);
    }
  }
}

TEST_CASE("what the user names is left alone, and the rest is said") {
  const RecipeFacts facts{.tokens = 1'000'000, .vocab_size = 257, .seconds = 300, .peak_flops = kPeak};
  TrainSettings settings;
  settings.model.dropout = 0.3;
  const SettingSet named{Setting::dropout, Setting::learning_rate};
  const Recipe chosen = choose_recipe(facts);
  set_recipe(settings, named, chosen);
  const std::string said = describe_recipe(settings, named, chosen, facts.tokens);
  CHECK(settings.model.layers);
  CHECK(settings.model.channels);
  CHECK(settings.model.dropout == 0.3);
  CHECK(said.find("--layers " + std::to_string(*settings.model.layers)) != std::string::npos);
  CHECK(said.find("--batch") != std::string::npos);
  CHECK(said.find("--dropout") == std::string::npos);
  CHECK(said.find("--precision fp32") != std::string::npos);
  CHECK(names_model_size({Setting::learning_rate, Setting::channels}));
  CHECK_FALSE(names_model_size({Setting::learning_rate, Setting::context}));
}
