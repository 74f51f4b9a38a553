#include "tasks/prompt/span_fill.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "tasks/load_tokenizer.h"
#include "tasks/prompt/prompt_tokens.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

std::vector<TokenId> ids_of(const TextModel& model, const std::string& text) {
  return encode_prompt(model, text, SpecialTokens::plain).ids;
}

}  // namespace

TEST_CASE("greedy spans are what the Transformer says after the text, its ends and the sentinels in turn") {
  const TextModel model = test::special_model("span", 40);
  Compute compute(1, best_simd_tier());
  const SpecialIds special = special_ids(model.tokenizer);
  SpanFiller filler(compute, model, {.max_tokens = 12, .sampling = {.temperature = 0}});
  const std::vector<TokenId> ids = ids_of(model, "xy<|extra_0|>z<|extra_1|>");
  filler.read(ids);
  const SpanSample sample = filler.sample(0);
  REQUIRE(sample.spans.size() == 2);

  std::vector<TokenId> sequence = {0};
  sequence.insert(sequence.end(), ids.begin(), ids.end());
  sequence.push_back(0);
  const std::int64_t prefix_length = std::ssize(sequence);
  sequence.push_back(special.sentinels[0]);
  std::vector<std::vector<TokenId>> spans(2);
  std::size_t turn = 0;
  for (int i = 0; i < 12; ++i) {
    const std::vector<double> nats = test::nats_at(compute, model, sequence, std::ssize(sequence) - 1, prefix_length);
    const auto allowed = [&](TokenId id) {
      if (id == 0) return turn == 1;
      return !model.tokenizer.is_special(id) || (turn == 0 && id == special.sentinels[1]);
    };
    TokenId best = 1;
    for (TokenId id = 0; id < nats.size(); ++id) {
      if (allowed(id) && nats[id] < nats[best]) best = id;
    }
    if (best == 0) break;
    if (best == special.sentinels[1]) {
      turn = 1;
    } else {
      spans[turn].push_back(best);
    }
    sequence.push_back(best);
  }
  CHECK(sample.spans == spans);
}

TEST_CASE("only the next sentinel in turn is sampled, end-of-text only after the last, and the filled text holds neither") {
  const TextModel model = test::special_model("span", 64);
  Compute compute(1, best_simd_tier());
  // At this temperature all allowed tokens are about equally likely.
  SpanFiller filler(compute, model, {.max_tokens = 40, .sampling = {.temperature = 1000}, .seed = 3});
  const std::vector<TokenId> ids = ids_of(model, "x<|extra_0|>y<|extra_1|>z");
  filler.read(ids);
  int moved_on = 0;
  for (std::int64_t number = 0; number < 300; ++number) {
    const SpanSample sample = filler.sample(number);
    if (!sample.spans[1].empty()) ++moved_on;
    for (const TokenId id : filler.filled(sample)) REQUIRE_FALSE(model.tokenizer.is_special(id));
    for (const TokenId id : sample.spans[0]) REQUIRE_FALSE(model.tokenizer.is_special(id));
    CHECK(sample.tokens <= 40);
  }
  CHECK(moved_on > 0);
  // The first token may end the text if there is one gap, never if there are two.
  SpanFiller first(compute, model, {.max_tokens = 1, .sampling = {.temperature = 1000}, .seed = 3});
  for (const std::string text : {"x<|extra_0|>y", "x<|extra_0|>y<|extra_1|>z"}) {
    first.read(ids_of(model, text));
    int ended = 0;
    for (std::int64_t number = 0; number < 2000; ++number) ended += first.sample(number).end == TextEnd::end_of_text ? 1 : 0;
    CHECK((ended > 0) == (text.find("extra_1") == std::string::npos));
  }
}

TEST_CASE("a text that ends with no sentinel is read with one more, which closes its last span") {
  const TextModel model = test::special_model("span", 40);
  Compute compute(1, best_simd_tier());
  const SpecialIds special = special_ids(model.tokenizer);
  SpanFiller filler(compute, model, {.max_tokens = 1, .sampling = {.temperature = 0}});
  for (const std::string text : {"x<|extra_0|>yz", "x<|extra_0|>"}) {
    CAPTURE(text);
    const std::vector<TokenId> ids = ids_of(model, text);
    filler.read(ids);
    std::vector<TokenId> sequence = {0};
    sequence.insert(sequence.end(), ids.begin(), ids.end());
    const bool added = !text.ends_with(">");
    if (added) sequence.push_back(special.sentinels[1]);
    sequence.push_back(0);
    const std::int64_t prefix_length = std::ssize(sequence);
    sequence.push_back(special.sentinels[0]);
    const std::vector<double> nats = test::nats_at(compute, model, sequence, prefix_length, prefix_length);
    const TokenId closing = added ? special.sentinels[1] : 0;
    TokenId best = closing;
    for (TokenId id = 1; id < nats.size(); ++id) {
      if (!model.tokenizer.is_special(id) && nats[id] < nats[best]) best = id;
    }
    const SpanSample sample = filler.sample(0);
    CHECK((sample.end == TextEnd::end_of_text) == (best == closing));
    if (best != closing) CHECK(sample.spans[0] == std::vector<TokenId>{best});
  }
}

TEST_CASE("a sample does not depend on what else is sampled, and its JSON has the manual's keys") {
  const TextModel model = test::special_model("span", 40);
  Compute compute(1, best_simd_tier());
  SpanFiller filler(compute, model, {.max_tokens = 9, .sampling = {.temperature = 1}, .seed = 3});
  filler.read(ids_of(model, "x<|extra_0|>y"));
  const std::vector<std::vector<TokenId>> third = filler.sample(2).spans;
  filler.sample(0);
  const SpanSample again = filler.sample(2);
  CHECK(again.spans == third);
  CHECK(filler.sample(1).spans != third);
  const JsonValue json = JsonValue::parse(span_sample_json(again, filler, model, "p", 2), "test");
  CHECK(json.string_at("prompt", "") == "p");
  CHECK(json.integer_at("sample", "") == 2);
  CHECK(json.find("spans")->if_array()->size() == 1);
  CHECK(json.integer_at("tokens", "") == again.tokens);
  CHECK(json.string_at("text", "") == readable_text(model, filler.filled(again)));
}

TEST_CASE("sentinels out of turn, none at all, no room, and models of other objectives are refused") {
  const TextModel model = test::special_model("span", 12);
  Compute compute(1, best_simd_tier());
  SpanFiller filler(compute, model, {.max_tokens = 100});
  CHECK_THROWS_WITH_AS(filler.read(ids_of(model, "x<|extra_1|>")), doctest::Contains("out of turn"), Error);
  CHECK_THROWS_WITH_AS(filler.read(ids_of(model, "<|extra_0|>x<|extra_0|>")), doctest::Contains("out of turn"), Error);
  CHECK_THROWS_WITH_AS(filler.read(std::vector<TokenId>{5}), doctest::Contains("no <|extra_0|>"), Error);
  CHECK_THROWS_WITH_AS(filler.read(ids_of(model, "123456789<|extra_0|>")), doctest::Contains("too long"), Error);
  CHECK_NOTHROW(filler.read(ids_of(model, "12345678<|extra_0|>")));
  CHECK(filler.sample(0).tokens <= 1);  // the context is full
  CHECK_THROWS_WITH_AS(SpanFiller(compute, test::special_model("masked"), {}), doctest::Contains("--objective span"), Error);
}
