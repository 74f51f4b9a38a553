#include "tasks/evaluate/evaluate_spans.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "objectives/span.h"
#include "tasks/load_tokenizer.h"
#include "tasks/special_model.h"

using namespace lm;

TEST_CASE("the span loss is that of the objective's examples, with the settings that the model was trained with") {
  const TextModel model = test::special_model("span", 24);
  Compute compute(2, best_simd_tier());
  SpanEvaluator evaluator(compute, model);
  const std::vector<TokenId> tokens = model.tokenizer.encode("a text of fifty-one tokens, which is several windows");
  evaluator.add(tokens);
  evaluator.end_document();
  evaluator.finish();

  const ObjectiveOptions options{.context_length = 24,
                                 .end_of_text = 0,
                                 .table = &model.tokenizer,
                                 .codec = &model.tokenizer,
                                 .special = special_ids(model.tokenizer),
                                 .span_density = 0.2,
                                 .span_length = 2};
  const std::unique_ptr<Objective> objective = make_span(options);
  const std::int64_t window = objective->window_length();
  std::vector<TokenId> all = {0};
  all.insert(all.end(), tokens.begin(), tokens.end());
  double nats = 0;
  std::int64_t targets = 0;
  std::int64_t windows = 0;
  for (std::int64_t first = 0; first < std::ssize(all); first += window) {
    const std::int64_t valid = std::min(window, std::ssize(all) - first);
    std::vector<TokenId> raw(all.begin() + first, all.begin() + first + valid);
    raw.resize(static_cast<std::size_t>(window), 0);
    Rng rng(0x7370616e, RngPurpose::objective, static_cast<std::uint64_t>(windows++));
    const Example example = objective->make({.tokens = raw, .first_valid = 0, .end_valid = valid}, rng);
    for (std::size_t i = 0; i < example.weight.size(); ++i) {
      if (example.weight[i] == 0) continue;
      nats += test::nats_at(compute, model, example.input, static_cast<std::int64_t>(i),
                            example.prefix_length)[example.target[i]];
      ++targets;
    }
  }
  const SpanScore& score = evaluator.total();
  CHECK(score.windows == windows);
  CHECK(windows > 2);
  CHECK(score.targets == targets);
  CHECK(score.hidden_tokens < targets);
  CHECK(std::abs(score.nats / nats - 1) < 1e-5);
  CHECK(evaluator.protocol().find("density 0.2 length 2 window " + std::to_string(window)) != std::string::npos);
}

TEST_CASE("documents do not share windows, empty ones have none, and what holds a sentinel is left out") {
  const TextModel model = test::special_model("span", 24);
  Compute compute(1, best_simd_tier());
  SpanEvaluator evaluator(compute, model);
  evaluator.end_document();
  evaluator.add(model.tokenizer.encode("some text"));
  evaluator.end_document();
  evaluator.add(std::vector<TokenId>{5, special_ids(model.tokenizer).sentinels[3], 6});
  evaluator.end_document();
  evaluator.finish();
  CHECK(evaluator.total().documents == 3);
  CHECK(evaluator.total().windows == 2);
  CHECK(evaluator.total().left_out == 1);
  CHECK(evaluator.total().targets > 0);
}

TEST_CASE("a document whose last window has one token is scored without that window") {
  const TextModel model = test::special_model("span", 24);
  Compute compute(1, best_simd_tier());
  const std::int64_t window = make_span({.context_length = 24,
                                         .end_of_text = 0,
                                         .table = &model.tokenizer,
                                         .codec = &model.tokenizer,
                                         .special = special_ids(model.tokenizer),
                                         .span_density = 0.2,
                                         .span_length = 2})
                                  ->window_length();
  SpanEvaluator evaluator(compute, model);
  // With the end-of-text before it, one token more than a window.
  evaluator.add(std::vector<TokenId>(static_cast<std::size_t>(window), 98));
  evaluator.end_document();
  evaluator.finish();
  CHECK(evaluator.total().windows == 2);
  CHECK(evaluator.total().left_out == 1);
  CHECK(evaluator.total().targets > 0);
}

TEST_CASE("other models are refused") {
  Compute compute(1, best_simd_tier());
  CHECK_THROWS_WITH_AS(SpanEvaluator(compute, test::special_model("masked")), doctest::Contains("--objective span"), Error);
}
