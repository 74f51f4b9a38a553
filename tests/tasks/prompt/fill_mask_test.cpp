#include "tasks/prompt/fill_mask.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <string>
#include <vector>

#include "base/error.h"
#include "tasks/load_tokenizer.h"
#include "tasks/prompt/prompt_tokens.h"
#include "tasks/special_model.h"

using namespace lm;

TEST_CASE("each mask's distribution is the output at its place, in a mixture at the place before, all masks hidden") {
  for (const std::string objective : {"masked", "causal:0.5,masked:0.5"}) {
    CAPTURE(objective);
    const TextModel model = test::special_model(objective);
    Compute compute(1, best_simd_tier());
    const TokenId mask = *special_ids(model.tokenizer).mask;
    const PromptTokens prompt = encode_prompt(model, "xy<|mask|>zw<|mask|>", SpecialTokens::plain);
    REQUIRE(prompt.kind == PromptKind::masks);
    const std::vector<NextTokens> masks = fill_masks(compute, model, prompt.ids, 3);
    REQUIRE(masks.size() == 2);
    std::vector<TokenId> input = {0};
    for (const char c : std::string("xy?zw?")) input.push_back(c == '?' ? mask : static_cast<TokenId>(c) + 1);
    const std::int64_t shift = objective == "masked" ? 0 : 1;
    for (std::size_t i = 0; i < 2; ++i) {
      const std::vector<double> nats = test::nats_at(compute, model, input, (i == 0 ? 3 : 6) - shift, 7);
      REQUIRE(masks[i].likeliest.size() == 3);
      for (const Candidate& candidate : masks[i].likeliest)
        CHECK(std::abs(-std::log(candidate.probability) - nats[candidate.id]) < 1e-4);
      double entropy = 0;
      for (const double each : nats) entropy += std::exp(-each) * each / std::numbers::ln2;
      CHECK(std::abs(masks[i].entropy - entropy) < 1e-4);
      for (const double other : nats) CHECK(-std::log(masks[i].likeliest[0].probability) <= other + 1e-6);
    }
  }
}

TEST_CASE("the report names each mask, in order, with as many candidates as asked for") {
  const TextModel model = test::special_model("masked");
  Compute compute(1, best_simd_tier());
  const PromptTokens prompt = encode_prompt(model, "<|mask|>b<|mask|>", SpecialTokens::plain);
  const std::vector<NextTokens> masks = fill_masks(compute, model, prompt.ids, 2);
  const std::string json = fill_masks_report(masks, model, "a prompt", NextTokensForm::json);
  const std::string first = json.substr(0, json.find('\n'));
  const JsonValue line = JsonValue::parse(json.substr(first.size() + 1), "test");
  CHECK(JsonValue::parse(first, "test").integer_at("mask", "") == 0);
  CHECK(line.integer_at("mask", "") == 1);
  CHECK(line.string_at("prompt", "") == "a prompt");
  CHECK(line.find("best")->if_array()->size() == 2);
  CHECK(line.find("best")->if_array()->front().number_at("p", "") == masks[1].likeliest[0].probability);
  const std::string text = fill_masks_report(masks, model, "", NextTokensForm::text);
  CHECK(std::count(text.begin(), text.end(), '\n') == 9);  // two lists of a heading of two lines and two, and a blank line
  CHECK(line.number_at("entropy", "") == masks[1].entropy);
  CHECK(line.find("best")->if_array()->front().number_at("surprisal", "") == surprisal(masks[1].likeliest[0]));
  CHECK(text.find("\n\n") != std::string::npos);
}

TEST_CASE("a text longer than the context, and a model that never saw masks, are refused") {
  const TextModel model = test::special_model("masked", 8);
  Compute compute(1, best_simd_tier());
  const std::vector<TokenId> fits(7, 100);
  const std::vector<TokenId> longer(8, 100);
  CHECK_NOTHROW(fill_masks(compute, model, fits, 1));
  CHECK_THROWS_WITH_AS(fill_masks(compute, model, longer, 1), doctest::Contains("9 tokens"), Error);
  CHECK_THROWS_WITH_AS(fill_masks(compute, test::special_model("causal"), fits, 1), doctest::Contains("--objective masked"),
                       Error);
}
