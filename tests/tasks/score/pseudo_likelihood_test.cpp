#include "tasks/score/pseudo_likelihood.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/evaluate_report.h"
#include "tasks/load_tokenizer.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

/// Nats of a text's tokens that fit one window, each hidden by itself or with the rest of its word, one after the other.
double naive(Compute& compute, const TextModel& model, const std::string& text, Pseudo pseudo) {
  const TokenId mask = *special_ids(model.tokenizer).mask;
  const std::int64_t shift = model.model.record.objective == "masked" ? 0 : 1;
  std::vector<TokenId> tokens = {0};
  for (const char c : text) tokens.push_back(static_cast<TokenId>(c) + 1);
  double sum = 0;
  for (std::size_t i = 1; i < tokens.size(); ++i) {
    std::vector<TokenId> hidden = tokens;
    hidden[i] = mask;
    if (pseudo == Pseudo::within_word) {
      // text[i] is the byte after token i; a space ends the word, unless token i is one itself.
      for (std::size_t later = i + 1; later < tokens.size() && (text[later - 1] != ' ' || text[later - 2] == ' '); ++later)
        hidden[later] = mask;
    }
    sum += test::nats_at(compute, model, hidden, static_cast<std::int64_t>(i) - shift, std::ssize(tokens))[tokens[i]];
  }
  return sum;
}

CorpusScore evaluate(Compute& compute, const TextModel& model, const std::vector<std::string>& texts,
                     const WindowPlan& plan) {
  Evaluator evaluator(compute, model, plan);
  for (const std::string& text : texts) {
    evaluator.add(model.tokenizer.encode(text));
    evaluator.end_document();
  }
  evaluator.finish();
  return evaluator.total();
}

}  // namespace

TEST_CASE("the pseudo-log-likelihood is a naive loop's, of both variants, for masked models and mixtures") {
  for (const std::string objective : {"masked", "causal:0.5,masked:0.5"}) {
    for (const Pseudo pseudo : {Pseudo::token, Pseudo::within_word}) {
      CAPTURE(objective);
      const TextModel model = test::special_model(objective, 24);
      Compute compute(2, best_simd_tier());
      const std::vector<std::string> texts = {"one two  three", "x", "four"};
      double expected = 0;
      for (const std::string& text : texts) expected += naive(compute, model, text, pseudo);
      const CorpusScore total = evaluate(compute, model, texts, {.pseudo = pseudo});
      CHECK(total.score.tokens == 19);
      CHECK(total.documents == 3);
      CHECK(std::abs(total.score.nats.value() / expected - 1) < 1e-5);
    }
  }
}

TEST_CASE("special tokens of a stream are seen but not scored") {
  for (const std::string objective : {"masked", "causal:0.5,masked:0.5"}) {
    CAPTURE(objective);
    const TextModel model = test::special_model(objective, 24);
    Compute compute(1, best_simd_tier());
    const TokenId mask = *special_ids(model.tokenizer).mask;
    const auto of = [&](std::vector<TokenId> tokens) {
      Evaluator evaluator(compute, model, {.pseudo = Pseudo::token});
      evaluator.add(tokens);
      evaluator.end_document();
      evaluator.finish();
      return evaluator.total();
    };
    std::vector<TokenId> tokens = model.tokenizer.encode("xy");
    tokens.insert(tokens.begin() + 1, mask);
    const CorpusScore total = of(tokens);
    CHECK(total.score.tokens == 2);
    CHECK(total.score.bytes == 2);
    CHECK(total.score.nats == total.score.text_nats);
    CHECK(of({mask}).score.tokens == 0);
    CHECK(!of({mask}).score.perplexity());
  }
}

TEST_CASE("hiding the rest of the word changes the words of several pieces, and no others") {
  const TextModel model = test::special_model("masked", 24);
  Compute compute(1, best_simd_tier());
  const auto nats = [&](const std::string& text, Pseudo pseudo) {
    return evaluate(compute, model, {text}, {.pseudo = pseudo}).score.nats.value();
  };
  CHECK(nats("x", Pseudo::token) == nats("x", Pseudo::within_word));
  CHECK(std::abs(nats("xyz", Pseudo::token) - nats("xyz", Pseudo::within_word)) > 1e-3);
}

TEST_CASE("every token of a document longer than the context is scored once, the last window reaching back") {
  for (const std::string objective : {"masked", "causal:0.5,masked:0.5"}) {
    CAPTURE(objective);
    const TextModel model = test::special_model(objective, 8);
    const TokenId mask = *special_ids(model.tokenizer).mask;
    Compute compute(2, best_simd_tier());
    std::string text;
    for (int i = 0; i < 17; ++i) text += static_cast<char>('b' + i);
    const CorpusScore total = evaluate(compute, model, {text}, {.pseudo = Pseudo::token});
    CHECK(total.score.tokens == 17);
    // x_0 .. x_7, x_7 .. x_14, and of x_10 .. x_17 what is left.
    std::vector<TokenId> tokens = {0};
    for (const char c : text) tokens.push_back(static_cast<TokenId>(c) + 1);
    const std::int64_t shift = objective == "masked" ? 0 : 1;
    double expected = 0;
    for (const auto& [first, scored] : {std::pair<std::size_t, std::size_t>{0, 1}, {7, 8}, {10, 15}}) {
      const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(first);
      for (std::size_t i = scored; i < first + 8; ++i) {
        std::vector<TokenId> window(begin, begin + 8);
        window[i - first] = mask;
        expected += test::nats_at(compute, model, window, static_cast<std::int64_t>(i - first) - shift, 8)[tokens[i]];
      }
    }
    CHECK(std::abs(total.score.nats.value() / expected - 1) < 1e-5);
  }
}

TEST_CASE("nothing of it is called perplexity without saying pseudo") {
  const TextModel model = test::special_model("masked", 8);
  Compute compute(1, best_simd_tier());
  const WindowPlan plan = complete_plan({.pseudo = Pseudo::within_word}, model);
  const CorpusScore total = evaluate(compute, model, {"text"}, plan);
  const ReportFrame frame{.protocol = describe(plan), .pseudo = true};
  for (const std::string& report : {to_json(total, frame, Macro::yes).dump(), to_text(total, frame, Macro::yes),
                                    tsv_header(tsv_columns(Level::document), frame)}) {
    CAPTURE(report);
    for (std::size_t at = report.find("perplexity"); at != std::string::npos; at = report.find("perplexity", at + 1)) {
      const std::string before = report.substr(report.rfind('\n', at) + 1, at);
      CHECK(before.find("pseudo") != std::string::npos);
    }
  }
  CHECK(describe(plan) == "pseudo-log-likelihood within-word context 8");
}

TEST_CASE("a model is only scored as it was trained") {
  CHECK_THROWS_WITH_AS(complete_plan({}, test::special_model("masked")), doctest::Contains("from left to right"), Error);
  CHECK_THROWS_WITH_AS(complete_plan({.pseudo = Pseudo::token}, test::special_model("causal")),
                       doctest::Contains("--objective masked"), Error);
  CHECK_NOTHROW(complete_plan({}, test::special_model("causal:0.5,masked:0.5")));
}
