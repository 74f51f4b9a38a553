#include "tasks/evaluate/evaluate_infilling.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/test_data.h"
#include "tasks/load_tokenizer.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

std::vector<TokenId> bytes(const std::string& text) {
  std::vector<TokenId> ids;
  for (const char c : text) ids.push_back(static_cast<TokenId>(static_cast<unsigned char>(c)) + 1);
  return ids;
}

void append(std::vector<TokenId>& to, const std::vector<TokenId>& ids) { to.insert(to.end(), ids.begin(), ids.end()); }

/// Nats of `middle` after `before`, one token after the other by the Transformer.
double by_hand(Compute& compute, const TextModel& model, std::vector<TokenId> before, const std::string& middle) {
  double sum = 0;
  for (const TokenId id : bytes(middle)) {
    sum += test::nats_at(compute, model, before, std::ssize(before) - 1, 0)[id];
    before.push_back(id);
  }
  return sum;
}

}  // namespace

TEST_CASE("a middle's nats are the Transformer's after both sides and after the prefix, cut around it to fit the context") {
  const TextModel model = test::special_model("fim", 25);  // trained on pieces of 17 tokens
  Compute compute(2, best_simd_tier());
  const SpecialIds special = special_ids(model.tokenizer);
  const TokenId pre = *special.fim_prefix;
  const TokenId suf = *special.fim_suffix;
  const TokenId mid = *special.fim_middle;
  const InfillingTask task{.prefix = "the prefix is long", .suffix = "so is the suffix", .middle = "xyz"};
  // Which leaves 14 for both sides.
  const std::string prefix = task.prefix.substr(task.prefix.size() - 7);
  const std::string suffix = task.suffix.substr(0, 7);
  for (const std::string layout : {"psm", "spm", "spm-llama.cpp"}) {
    CAPTURE(layout);
    std::vector<TokenId> before = {0};
    if (layout == "psm") {
      append(before, {pre});
      append(before, bytes(prefix));
      append(before, {suf});
      append(before, bytes(suffix));
      append(before, {mid});
    } else if (layout == "spm") {
      append(before, {pre, suf});
      append(before, bytes(suffix));
      append(before, {mid});
      append(before, bytes(prefix));
    } else {
      append(before, {suf});
      append(before, bytes(suffix));
      append(before, {pre});
      append(before, bytes(prefix));
      append(before, {mid});
    }
    InfillingEvaluator evaluator(compute, model, layout);
    evaluator.add(task);
    const InfillingScore& score = evaluator.total();
    CHECK(score.tasks == 1);
    CHECK(score.tokens == 3);
    CHECK(std::abs(score.nats - by_hand(compute, model, before, task.middle)) < 1e-4);
    std::vector<TokenId> alone = {0};
    append(alone, bytes(prefix));
    CHECK(std::abs(score.prefix_nats - by_hand(compute, model, alone, task.middle)) < 1e-4);
  }
  const TextModel causal = test::special_model("causal", 25);
  InfillingEvaluator evaluator(compute, causal, "none");
  evaluator.add(task);
  std::vector<TokenId> alone = {0};
  append(alone, bytes(task.prefix.substr(task.prefix.size() - 14)));
  CHECK(std::abs(evaluator.total().prefix_nats - by_hand(compute, causal, alone, task.middle)) < 1e-4);
}

TEST_CASE("what greedy generation writes is an exact match, and anything else is none") {
  Compute compute(1, best_simd_tier());
  for (const std::string layout : {"psm", "none"}) {
    for (const TokenId end : {TokenId{0}, static_cast<TokenId>('\n') + 1}) {
      CAPTURE(layout);
      CAPTURE(end);
      TextModel model = test::special_model("causal:0.5,fim:0.5", 60);
      const SpecialIds special = special_ids(model.tokenizer);
      std::vector<TokenId> sequence = {0};
      if (layout == "psm") sequence.push_back(*special.fim_prefix);
      append(sequence, bytes("head"));
      if (layout == "psm") {
        sequence.push_back(*special.fim_suffix);
        append(sequence, bytes("tail"));
        sequence.push_back(*special.fim_middle);
      }
      // What the random model writes until it first writes a token that it has not yet written, after two at least: from
      // then on, that token's likelihood is the end's.
      std::vector<TokenId> written;
      for (;;) {
        REQUIRE(sequence.size() < 60);
        const std::vector<double> nats = test::nats_at(compute, model, sequence, std::ssize(sequence) - 1, 0);
        TokenId best = 1;
        for (TokenId id = 1; id < nats.size(); ++id) {
          if (!model.tokenizer.is_special(id) && nats[id] < nats[best]) best = id;
        }
        REQUIRE(best != end);
        if (written.size() >= 2 && std::find(written.begin(), written.end(), best) == written.end()) {
          TensorView<float> head = model.model.parameters.head;
          for (std::int64_t c = 0; c < head.columns(); ++c) head(end, c) = 1.01f * head(best, c);
          break;
        }
        written.push_back(best);
        sequence.push_back(best);
      }
      const std::string text = model.tokenizer.decode(written);
      InfillingEvaluator evaluator(compute, model, layout);
      const auto add = [&](const std::string& middle) {
        const std::int64_t before = evaluator.total().exact;
        evaluator.add({.prefix = "head", .suffix = "tail", .middle = middle});
        return evaluator.total().exact - before;
      };
      CHECK(add(text + "\n") == 1);
      CHECK(add(text) == 1);
      CHECK(add(text.substr(0, text.size() - 1)) == 0);
      CHECK(add(text + "?") == 0);
      CHECK(add("?" + text.substr(1)) == 0);
      // A middle of several lines has to end with end-of-text.
      CHECK(add(text + "\n\n") == 0);
    }
  }
}

TEST_CASE("the gain is the difference of the losses, its interval that of a ratio, and tasks without room are left out") {
  InfillingScore score;
  score.tokens = 10;
  score.tasks = 3;
  score.nats = 10;
  score.prefix_nats = 16;
  score.gains = {1, 2, 3};
  score.counts = {2, 4, 4};
  const InfillingScore::Gain gain = *score.gain();
  CHECK(std::abs(gain.mean - 0.6) < 1e-12);
  // Residuals -0.2, -0.4, 0.6: sqrt(0.56 * 3/2) / 10.
  CHECK(std::abs(gain.high - gain.mean - 1.959963984540054 * std::sqrt(0.84) / 10) < 1e-12);
  CHECK(std::abs(gain.high + gain.low - 2 * gain.mean) < 1e-12);
  const TextModel model = test::special_model("fim", 25);  // trained on pieces of 17 tokens
  Compute compute(1, best_simd_tier());
  InfillingEvaluator evaluator(compute, model, "psm");
  evaluator.add({.prefix = "a", .suffix = "b", .middle = ""});
  evaluator.add({.prefix = "a", .suffix = "b", .middle = std::string(18, 'x')});
  evaluator.add({.prefix = "a", .suffix = "b", .middle = std::string(17, 'x')});
  CHECK(evaluator.total().left_out == 2);
  CHECK(evaluator.total().tasks == 1);
  CHECK(to_json(evaluator.total(), "psm").find("gain")->is_null());
}

TEST_CASE("losses that are no number are words, large ones have an exponent, and nothing scored is null") {
  InfillingScore score;
  CHECK(to_json(score, "psm").find("loss")->is_null());
  CHECK(to_text(score, "psm").find("both sides       undefined\n") != std::string::npos);
  score.tokens = 1;
  score.nats = 1e300;
  score.prefix_nats = std::numeric_limits<double>::infinity();
  CHECK(to_json(score, "psm").number_at("loss", "") == 1e300);
  CHECK(to_json(score, "psm").string_at("prefix_loss", "") == "inf");
  CHECK(to_text(score, "psm").find("both sides       1e+300 nats a token\n") != std::string::npos);
  CHECK(to_text(score, "psm").find("prefix alone     inf nats a token\n") != std::string::npos);
}

TEST_CASE("models that cannot infill say why, and for the prefix only any that predicts from left to right will do") {
  Compute compute(1, best_simd_tier());
  CHECK_THROWS_WITH_AS(InfillingEvaluator(compute, test::special_model("causal"), "psm"), doctest::Contains("causal"),
                       Error);
  CHECK_THROWS_WITH_AS(InfillingEvaluator(compute, test::special_model("fim"), "starcoder"),
                       doctest::Contains("<fim_prefix>"), Error);
  CHECK_THROWS_WITH_AS(InfillingEvaluator(compute, test::special_model("fim"), "??"), doctest::Contains("psm"), Error);
  const TextModel causal = test::special_model("causal");
  CHECK_NOTHROW(InfillingEvaluator(compute, causal, "none"));
  CHECK_THROWS_AS(InfillingEvaluator(compute, test::special_model("masked"), "none"), Error);
}

TEST_CASE("tasks come from lines of JSON, and a broken line is named") {
  test::TemporaryFolder folder;
  const std::string path = folder.path("tasks.jsonl");
  std::ofstream(path) << R"({"prompt":"a","suffix":"c","canonical_solution":"b\n","other":1})"
                      << "\n\n"
                      << R"({"prompt":"a","suffix":"c"})"
                      << "\n";
  std::vector<std::string> middles;
  CHECK_THROWS_WITH_AS(for_each_infilling_task({path}, [&](const InfillingTask& task) { middles.push_back(task.middle); }),
                       doctest::Contains("line 3"), Error);
  CHECK(middles == std::vector<std::string>{"b\n"});
}

TEST_CASE("published infilling tasks are read whole") {
  const std::optional<std::string> path = test::data_path("fim/humaneval-single-line.jsonl");
  if (!path) return;
  std::int64_t tasks = 0;
  for_each_infilling_task({*path}, [&](const InfillingTask& task) {
    ++tasks;
    CHECK_FALSE(task.middle.empty());
  });
  CHECK(tasks == 1033);
}
