#include "tasks/evaluate/cloze.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/decode.h"
#include "model/kv_cache.h"
#include "support/test_data.h"
#include "tasks/byte_model.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

/// The logits after each of the tokens, one decoded after the other, as -log p of the whole vocabulary.
std::vector<std::vector<double>> nats_after_each(const TextModel& model, const std::vector<TokenId>& tokens) {
  Compute compute(1, best_simd_tier());
  Decoder decoder(compute, model.parameters());
  KVCache cache(model.config(), model.config().context_length);
  std::vector<std::vector<double>> nats;
  for (const TokenId token : tokens) {
    const TensorView<const float> logits = decoder.step(cache, token);
    double sum = 0;
    for (std::int64_t v = 0; v < logits.size(); ++v) sum += std::exp(static_cast<double>(logits[v]));
    std::vector<double>& of_place = nats.emplace_back();
    for (std::int64_t v = 0; v < logits.size(); ++v) of_place.push_back(std::log(sum) - static_cast<double>(logits[v]));
  }
  return nats;
}

/// log p of the tokens from `first` on, all of which fit the context.
double log_p_by_decoder(const TextModel& model, const std::vector<TokenId>& tokens, std::size_t first) {
  const std::vector<std::vector<double>> nats = nats_after_each(model, {tokens.begin(), tokens.end() - 1});
  double sum = 0;
  for (std::size_t i = first; i < tokens.size(); ++i) sum -= nats[i - 1][tokens[i]];
  return sum;
}

std::vector<TokenId> after_x0(const TextModel& model, const std::string& text) {
  std::vector<TokenId> tokens = model.tokenizer.encode(text);
  tokens.insert(tokens.begin(), model.tokenizer.end_of_text());
  return tokens;
}

struct ClozeRun {
  WindowPlan plan = {};
  Normalize normalize = Normalize::none;
  int threads = 2;
};

std::vector<Judgement> judged(const TextModel& model, const std::vector<ClozeItem>& items, const ClozeRun& run = {}) {
  Compute compute(run.threads, best_simd_tier());
  std::vector<Judgement> judgements;
  ClozeEvaluator evaluator(compute, model, run.plan, run.normalize,
                           [&](const Judgement& judgement) { judgements.push_back(judgement); });
  for (const ClozeItem& item : items) evaluator.add(item, "an item");
  evaluator.finish();
  return judgements;
}

// Float logits in two orders of summing.
constexpr double kClozeTolerance = 1e-4;

}  // namespace

TEST_CASE("an ending's score is the sum of log p of its tokens after the context, by the decoder") {
  const TextModel model = test::byte_model(24, 5);
  const ClozeItem item{.context = "The cab", .endings = {" is red", "cd", " efgh"}, .answer = 2};
  const std::vector<TokenId> context = after_x0(model, item.context);
  const Judgement judgement = judged(model, {item}).front();
  REQUIRE(judgement.scores.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::vector<TokenId> whole = after_x0(model, item.context + item.endings[i]);
    REQUIRE(std::equal(context.begin(), context.end(), whole.begin()));
    CHECK(std::abs(judgement.scores[i] - log_p_by_decoder(model, whole, context.size())) < kClozeTolerance);
  }
  CHECK(judgement.margin == judgement.scores[2] - std::max(judgement.scores[0], judgement.scores[1]));
  CHECK(judgement.right == (judgement.margin > 0 ? 1 : 0));
  CHECK_FALSE(judgement.cut);
  // By bytes, the same divided by these; with the end, that too.
  const Judgement by_bytes = judged(model, {item}, {.normalize = Normalize::bytes}).front();
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(by_bytes.scores[i] == judgement.scores[i] / static_cast<double>(item.endings[i].size()));
  const Judgement ended = judged(model, {item}, {.plan = {.score_end = true}}).front();
  std::vector<TokenId> whole = after_x0(model, item.context + item.endings[1]);
  whole.push_back(model.tokenizer.end_of_text());
  CHECK(std::abs(ended.scores[1] - log_p_by_decoder(model, whole, context.size())) < kClozeTolerance);
}

TEST_CASE("where an ending joins the context's last token, all of the item's endings are scored from that token on") {
  const TextModel model = test::byte_model(24, 5);
  const ClozeItem item{.context = "xa", .endings = {"b", "c"}};
  const std::vector<TokenId> joined = after_x0(model, "xab"), apart = after_x0(model, "xac");
  REQUIRE(joined.size() == 3);  // x_0, "x", "ab"
  REQUIRE(apart.size() == 4);
  const Judgement judgement = judged(model, {item}).front();
  CHECK(std::abs(judgement.scores[0] - log_p_by_decoder(model, joined, 2)) < kClozeTolerance);
  CHECK(std::abs(judgement.scores[1] - log_p_by_decoder(model, apart, 2)) < kClozeTolerance);
}

TEST_CASE("endings that are equally likely are half a success") {
  const TextModel model = test::byte_model(24);
  const Judgement judgement = judged(model, {{.context = "x", .endings = {"ab", "ab"}, .answer = 1}}).front();
  CHECK(judgement.margin == 0);
  CHECK(judgement.right == 0.5);
}

TEST_CASE("a context that is too long loses the same tokens for all endings, and an ending that does not fit is refused") {
  const TextModel model = test::byte_model(24);
  const ClozeItem item{.context = "0123456789abcdefghijklmn", .endings = {"xyz", "x"}};
  const Judgement judgement = judged(model, {item}).front();
  CHECK(judgement.cut);
  // Of x_0 and 27 tokens, 24 are inputs of the last: x_0 and the first two are lost, of both endings.
  for (std::size_t i = 0; i < 2; ++i) {
    std::vector<TokenId> tokens = after_x0(model, item.context + item.endings[i]);
    tokens.erase(tokens.begin(), tokens.begin() + 3);
    CHECK(std::abs(judgement.scores[i] - log_p_by_decoder(model, tokens, 22)) < kClozeTolerance);
  }
  ClozeItem fits = item;
  fits.endings[0] = std::string(24, 'x');
  CHECK_NOTHROW(judged(model, {fits}));
  fits.endings[0] += 'x';
  CHECK_THROWS_WITH_AS(judged(model, {fits}), doctest::Contains("an item: an ending of 25 tokens"), Error);
  CHECK_THROWS_AS(judged(model, {item}, {.plan = {.context = 2}}), Error);
}

TEST_CASE("scores depend neither on what else is scored nor on threads") {
  const TextModel model = test::byte_model(24, 5);
  std::vector<ClozeItem> items;
  for (int i = 0; i < 900; ++i) {
    const std::string number = std::to_string(i * i);
    items.push_back({.context = std::string(static_cast<std::size_t>(i % 17), 'c') + number,
                     .endings = {"ab" + number, std::string(static_cast<std::size_t>(i % 4 + 1), 'd')},
                     .answer = i % 2});
  }
  const std::vector<Judgement> together = judged(model, items, {.threads = 1});
  const std::vector<Judgement> by_three = judged(model, items, {.threads = 3});
  REQUIRE(together.size() == items.size());
  for (std::size_t i = 0; i < items.size(); ++i) {
    REQUIRE(together[i].number == static_cast<std::int64_t>(i));
    REQUIRE(together[i].scores == by_three[i].scores);
    if (i % 30 == 0) REQUIRE(together[i].scores == judged(model, {items[i]}).front().scores);
  }
}

TEST_CASE("a last word is right if the decoder's likeliest tokens are its own") {
  const TextModel model = test::byte_model(24);
  const std::vector<TokenId> context = after_x0(model, "the last ");
  std::vector<TokenId> tokens = context;
  for (int i = 0; i < 2; ++i) {
    const std::vector<double> nats = nats_after_each(model, tokens).back();
    tokens.push_back(static_cast<TokenId>(std::min_element(nats.begin(), nats.end()) - nats.begin()));
    REQUIRE(tokens.back() != model.tokenizer.end_of_text());
  }
  const std::vector<TokenId> word(tokens.begin() + std::ssize(context), tokens.end());
  const std::string written = model.tokenizer.decode(word);
  std::string other = written;
  other.back() = static_cast<char>(other.back() ^ 1);
  std::vector<ClozeItem> items;
  for (const std::string& each : {written, other}) items.push_back({.context = "the last ", .endings = {each}});
  const std::vector<Judgement> judgements = judged(model, items);
  CHECK(judgements[0].right == 1);
  CHECK(judgements[1].right == 0);
  CHECK(judgements[0].tokens == 2);
  CHECK(std::abs(judgements[0].scores.front() - log_p_by_decoder(model, tokens, context.size())) < kClozeTolerance);
  Tally tally;
  for (const Judgement& judgement : judgements) tally.add(judgement);
  CHECK(tally.tokens() == 4);
  CHECK(std::abs(tally.nats() + judgements[0].scores.front() + judgements[1].scores.front()) < 1e-12);
  items.push_back({.context = "a", .endings = {"b", "c"}});
  CHECK_THROWS_WITH_AS(judged(model, items), doctest::Contains("apart"), Error);
}

TEST_CASE("what has nothing to be predicted from, or models that do not predict the next token, are refused") {
  CHECK_THROWS_AS(judged(test::special_model("masked"), {}), Error);
  TextModel model = test::byte_model(24);
  const ClozeItem item{.context = "", .endings = {"a", "b"}};
  CHECK_NOTHROW(judged(model, {item}));
  const std::string json = model.tokenizer.to_json();
  model.tokenizer = Tokenizer::from_json(json, "test", {.begin = "none"});
  CHECK_THROWS_WITH_AS(judged(model, {item}), doctest::Contains("--begin"), Error);
}

TEST_CASE("items have the names that others give them, and what is missing is named with its line") {
  const auto read = [](const std::string& text) { return cloze_item_of(JsonValue::parse(text, "line 1"), "line 1"); };
  for (const char* text :
       {R"({"context":"c","endings":["a","b"],"answer":1,"kind":"k","phenomenon":"p","group":7})",
        R"({"ctx":"c","candidates":["a","b"],"label":"1","kind":"k","phenomenon":"p","group":"7"})",
        R"({"query":"c","choices":["a","b"],"gold":1,"kind":"k","phenomenon":"p","group":7,"more":[]})"}) {
    CAPTURE(text);
    const ClozeItem item = read(text);
    CHECK(item.context == "c");
    CHECK(item.endings == std::vector<std::string>{"a", "b"});
    CHECK(item.answer == 1);
    CHECK(item.labels.kind == "k");
    CHECK(item.labels.phenomenon == "p");
    CHECK(item.labels.group == "7");
    CHECK_FALSE(item.is_last_word());
  }
  const ClozeItem word = read(R"({"text":"the last\n word \n"})");
  CHECK(word.context == "the last\n ");
  CHECK(word.endings == std::vector<std::string>{"word"});
  for (const char* text :
       {R"({"endings":["a","b"],"answer":1})", R"({"context":"c","endings":["a"],"answer":0})", R"({"text":" \n"})",
        R"({"context":"c","endings":["a",""],"answer":0})", R"({"context":"c","endings":"ab","answer":0})",
        R"({"context":"c","endings":["a","b"],"answer":2})", R"({"context":"c","endings":["a","b"],"answer":-1})",
        R"({"context":"c","endings":["a","b"],"answer":"1x"})", R"({"context":"c","endings":["a","b"],"label":""})",
        R"({"context":"c","endings":["a","b"]})", R"({"context":"c","endings":["a",3],"answer":0})", R"({"kind":"k"})",
        R"([1])", R"({"context":"c","endings":["a","b"],"answer":0,"kind":1})",
        R"({"context":"c","endings":["a","b"],"answer":0,"group":1.5})"}) {
    CAPTURE(text);
    CHECK_THROWS_WITH_AS(read(text), doctest::Contains("line 1"), Error);
  }
}

TEST_CASE("a broken line is named with its file") {
  test::TemporaryFolder folder;
  const std::string path = folder.path("items.jsonl");
  std::ofstream(path) << R"({"context":"c","endings":["a","b"],"answer":1})"
                      << "\n\n{\"context\":\n";
  int count = 0;
  CHECK_THROWS_WITH_AS(for_each_cloze_item({path}, [&](const ClozeItem&, const std::string&) { ++count; }),
                       doctest::Contains(("line 3 of " + path).c_str()), Error);
  CHECK(count == 1);
}
