#include "tasks/prompt/prompt_tokens.h"

#include <doctest/doctest.h>

#include <string>

#include "base/error.h"
#include "tasks/load_tokenizer.h"
#include "tasks/special_model.h"

using namespace lm;

TEST_CASE("a mask is the token for models that know it, and text for others") {
  const TextModel masked = test::special_model("masked");
  const TextModel causal = test::special_model("causal");
  const TokenId mask = *special_ids(masked.tokenizer).mask;
  const PromptTokens gap = encode_prompt(masked, "x<|mask|>y<|extra_0|>", SpecialTokens::plain);
  CHECK(gap.kind == PromptKind::masks);
  REQUIRE(gap.ids.size() == 3 + std::string("<|extra_0|>").size());
  CHECK(gap.ids[1] == mask);
  const PromptTokens text = encode_prompt(causal, "x<|mask|>y", SpecialTokens::plain);
  CHECK(text.kind == PromptKind::continuation);
  CHECK(text.ids == causal.tokenizer.encode("x<|mask|>y"));
  CHECK(encode_prompt(causal, "x<|mask|>y", SpecialTokens::allow).ids.size() == 3);
}

TEST_CASE("what looks like a gap is noticed if the model does not fill it") {
  const TextModel causal = test::special_model("causal");
  CHECK(gap_without_meaning(causal, "x<|mask|>y<|extra_3|>") == "<|mask|>");
  CHECK(gap_without_meaning(causal, "<|extra_|> and <|extra_12|>") == "<|extra_12|>");
  for (const char* text : {"", "mask", "<|mask", "<|extra_|>", "<|extra_1", "<|extra_x|>", "<|endoftext|>"}) {
    CAPTURE(text);
    CHECK(gap_without_meaning(causal, text).empty());
  }
  CHECK(gap_without_meaning(test::special_model("masked"), "x<|mask|>").empty());
  CHECK(gap_without_meaning(test::special_model("masked"), "x<|mask|><|extra_0|>") == "<|extra_0|>");
  CHECK(gap_without_meaning(test::special_model("causal:0.5,masked:0.5"), "x<|mask|>").empty());
  CHECK(gap_without_meaning(test::special_model("span"), "<|extra_0|>").empty());
}

TEST_CASE("a space before a gap belongs to what is hidden if the vocabulary joins spaces to letters") {
  const TextModel joins = test::special_model("masked");  // it has a token " a"
  CHECK(encode_prompt(joins, "x <|mask|> y", SpecialTokens::plain).ids.size() == 4);
  CHECK(encode_prompt(joins, "x  <|mask|> y", SpecialTokens::plain).ids.size() == 5);
  CHECK(encode_prompt(joins, "x <|mask|>", SpecialTokens::allow).ids.size() == 2);
}

TEST_CASE("sentinels are tokens for span models only, the longer name not taken for the shorter") {
  const TextModel span = test::special_model("span");
  const SpecialIds special = special_ids(span.tokenizer);
  const PromptTokens prompt = encode_prompt(span, "<|extra_1|><|extra_10|>", SpecialTokens::plain);
  CHECK(prompt.kind == PromptKind::spans);
  CHECK(prompt.ids == std::vector<TokenId>{special.sentinels[1], special.sentinels[10]});
}

TEST_CASE("a model that cannot continue text says which token it needs") {
  CHECK_THROWS_WITH_AS(encode_prompt(test::special_model("masked"), "x", SpecialTokens::plain),
                       doctest::Contains("<|mask|>"), Error);
  CHECK_THROWS_WITH_AS(encode_prompt(test::special_model("span"), "x", SpecialTokens::plain),
                       doctest::Contains("<|extra_0|>"), Error);
  const PromptTokens mixed = encode_prompt(test::special_model("causal:0.5,masked:0.5"), "x", SpecialTokens::plain);
  CHECK(mixed.kind == PromptKind::continuation);
}
