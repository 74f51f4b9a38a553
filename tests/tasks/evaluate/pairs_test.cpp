#include "tasks/evaluate/pairs.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "base/error.h"
#include "tasks/load_tokenizer.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

std::vector<Judgement> judged_pairs(const TextModel& model, const std::vector<SentencePair>& pairs,
                                    const WindowPlan& plan = {}, int threads = 2) {
  Compute compute(threads, best_simd_tier());
  std::vector<Judgement> judgements;
  PairsEvaluator evaluator(compute, model, plan, [&](const Judgement& judgement) { judgements.push_back(judgement); });
  for (const SentencePair& pair : pairs) evaluator.add(pair, "a pair");
  evaluator.finish();
  return judgements;
}

/// log p of a sentence that fits the context, one token after the other by the Transformer.
double log_p_of_sentence(const TextModel& model, const std::string& sentence) {
  Compute compute(1, best_simd_tier());
  std::vector<TokenId> before = {model.tokenizer.end_of_text()};
  double sum = 0;
  for (const TokenId id : model.tokenizer.encode(sentence)) {
    sum -= test::nats_at(compute, model, before, std::ssize(before) - 1, 0)[id];
    before.push_back(id);
  }
  return sum;
}

/// The same, each token hidden by itself among all the others.
double pseudo_log_p_of_sentence(const TextModel& model, const std::string& sentence) {
  Compute compute(1, best_simd_tier());
  std::vector<TokenId> tokens = model.tokenizer.encode(sentence);
  tokens.insert(tokens.begin(), model.tokenizer.end_of_text());
  double sum = 0;
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    std::vector<TokenId> hidden = tokens;
    hidden[i] = *special_ids(model.tokenizer).mask;
    sum -= test::nats_at(compute, model, hidden, static_cast<std::int64_t>(i), std::ssize(hidden))[tokens[i]];
  }
  return sum;
}

const std::vector<SentencePair> kPairs = {{.good = "The cat sleeps.", .bad = "The cat sleep."},
                                          {.good = "x", .bad = "a longer one"},
                                          {.good = "the same", .bad = "the same"}};
// Float logits in two orders of summing.
constexpr double kPairsTolerance = 1e-4;

}  // namespace

TEST_CASE("a pair's scores are the log p of its sentences by the Transformer, and a tie is half a success") {
  const TextModel model = test::special_model("causal");
  const std::vector<Judgement> judgements = judged_pairs(model, kPairs);
  REQUIRE(judgements.size() == kPairs.size());
  for (std::size_t i = 0; i < kPairs.size(); ++i) {
    const Judgement& judgement = judgements[i];
    REQUIRE(judgement.scores.size() == 2);
    CHECK(judgement.number == static_cast<std::int64_t>(i));
    CHECK(std::abs(judgement.scores[0] - log_p_of_sentence(model, kPairs[i].good)) < kPairsTolerance);
    CHECK(std::abs(judgement.scores[1] - log_p_of_sentence(model, kPairs[i].bad)) < kPairsTolerance);
    CHECK(judgement.margin == judgement.scores[0] - judgement.scores[1]);
    CHECK(judgement.right == (judgement.scores[0] > judgement.scores[1]   ? 1
                              : judgement.scores[0] < judgement.scores[1] ? 0
                                                                          : 0.5));
  }
  CHECK(judgements[2].right == 0.5);
}

TEST_CASE("a masked model judges by pseudo-log-likelihood, and its protocol says so") {
  const TextModel model = test::special_model("masked");
  const WindowPlan plan{.pseudo = Pseudo::token};
  const std::vector<Judgement> judgements = judged_pairs(model, kPairs, plan);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(std::abs(judgements[i].scores[0] - pseudo_log_p_of_sentence(model, kPairs[i].good)) < kPairsTolerance);
    CHECK(std::abs(judgements[i].scores[1] - pseudo_log_p_of_sentence(model, kPairs[i].bad)) < kPairsTolerance);
  }
  Compute compute(1, best_simd_tier());
  CHECK(PairsEvaluator(compute, model, plan, [](const Judgement&) {}).protocol() ==
        "pairs pseudo-log-likelihood context 24");
  CHECK_THROWS_AS(judged_pairs(model, kPairs), Error);
}

TEST_CASE("sentences longer than the context are scored whole, in windows, whatever else is scored and on any threads") {
  const TextModel model = test::special_model("causal");
  std::vector<SentencePair> pairs;
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i * i);
    pairs.push_back({.good = std::string(static_cast<std::size_t>(i % 60), 'g') + number, .bad = number + " is bad"});
  }
  const std::vector<Judgement> together = judged_pairs(model, pairs, {}, 1), by_three = judged_pairs(model, pairs, {}, 3);
  REQUIRE(together.size() == pairs.size());
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    REQUIRE(together[i].text == pairs[i].good);
    REQUIRE(together[i].scores == by_three[i].scores);
    if (i % 20 == 0) REQUIRE(together[i].scores == judged_pairs(model, {pairs[i]}).front().scores);
  }
}

TEST_CASE("pairs are read as BLiMP has them or by shorter names, and what is missing is named with its line") {
  const auto read = [](const std::string& text) { return pair_of(JsonValue::parse(text, "line 1"), "line 1"); };
  const SentencePair blimp = read(R"({"sentence_good":"g","sentence_bad":"b","field":"syntax","linguistics_term":"island",)"
                                  R"("UID":"wh_island","simple_LM_method":true,"pairID":"0"})");
  CHECK(blimp.good == "g");
  CHECK(blimp.bad == "b");
  CHECK(blimp.labels.kind == "syntax/island");
  CHECK(blimp.labels.phenomenon == "wh_island");
  CHECK_FALSE(blimp.labels.group);
  const SentencePair plain = read(R"({"good":"g","bad":"b","kind":"k"})");
  CHECK(plain.good == "g");
  CHECK(plain.labels.kind == "k");
  CHECK(plain.labels.phenomenon.empty());
  for (const char* text : {R"({"good":"g"})", R"({"good":"g","bad":""})", R"({"good":"g","bad":3})", "7"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(read(text), doctest::Contains("line 1"), Error);
  }
}
