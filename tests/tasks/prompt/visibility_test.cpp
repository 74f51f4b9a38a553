// What each kind of model sees: one token is changed on either side of a prediction.
#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "tasks/prompt/fill_mask.h"
#include "tasks/prompt/prompt.h"
#include "tasks/prompt/prompt_tokens.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

constexpr std::int64_t kLength = 12;

std::vector<TokenId> text_of(std::int64_t length) {
  std::vector<TokenId> ids = {0};
  for (std::int64_t i = 1; i < length; ++i) ids.push_back(static_cast<TokenId>(60 + 3 * i));
  return ids;
}

bool differs(const std::vector<double>& a, const std::vector<double>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::abs(a[i] - b[i]) > 1e-3) return true;
  }
  return false;
}

/// changed[query][key]: whether changing the input at `key` moves the prediction at `query`.
std::vector<std::vector<bool>> dependence(std::int64_t prefix_length) {
  const TextModel model = test::special_model("causal");
  Compute compute(1, best_simd_tier());
  std::vector<std::vector<bool>> changed;
  for (std::int64_t query = 0; query < kLength; ++query) {
    const std::vector<double> before = test::nats_at(compute, model, text_of(kLength), query, prefix_length);
    std::vector<bool>& row = changed.emplace_back();
    for (std::size_t key = 0; key < static_cast<std::size_t>(kLength); ++key) {
      std::vector<TokenId> other = text_of(kLength);
      other[key] += 100;
      row.push_back(differs(before, test::nats_at(compute, model, other, query, prefix_length)));
    }
  }
  return changed;
}

void check(std::int64_t prefix_length) {
  CAPTURE(prefix_length);
  const std::vector<std::vector<bool>> changed = dependence(prefix_length);
  for (std::int64_t query = 0; query < kLength; ++query) {
    for (std::int64_t key = 0; key < kLength; ++key) {
      CAPTURE(query);
      CAPTURE(key);
      CHECK(changed[static_cast<std::size_t>(query)][static_cast<std::size_t>(key)] ==
            (key <= query || key < prefix_length));
    }
  }
}

}  // namespace

TEST_CASE("a masked model's prediction depends on every token of both sides") { check(kLength); }

TEST_CASE("a causal model's prediction never depends on what is to its right") { check(0); }

TEST_CASE("a prefix model's prediction depends on its right inside the prefix, and only there") {
  check(1);
  check(5);
  check(kLength - 1);
}

TEST_CASE("filling a mask depends on the words before and after it") {
  for (const std::string objective : {"masked", "causal:0.5,masked:0.5"}) {
    CAPTURE(objective);
    const TextModel model = test::special_model(objective);
    Compute compute(1, best_simd_tier());
    const auto probability = [&](const std::string& prompt) {
      const PromptTokens tokens = encode_prompt(model, prompt, SpecialTokens::plain);
      REQUIRE(tokens.kind == PromptKind::masks);
      const std::vector<NextTokens> masks = fill_masks(compute, model, tokens.ids, 10000);
      for (const Candidate& candidate : masks.front().likeliest) {
        if (candidate.id == 100) return candidate.probability;
      }
      return -1.0;
    };
    const double before = probability("xy<|mask|>zw");
    CHECK(before > 0);
    CHECK(std::abs(probability("xY<|mask|>zw") / before - 1) > 1e-3);
    CHECK(std::abs(probability("xy<|mask|>zW") / before - 1) > 1e-3);
  }
}

TEST_CASE("a prefix model reads its prompt both ways, a causal one does not") {
  for (const std::string objective : {"prefix", "causal"}) {
    CAPTURE(objective);
    const TextModel model = test::special_model(objective);
    Compute compute(1, best_simd_tier());
    Prompter prompter(compute, model, {});
    prompter.read(encode_prompt(model, "some text", SpecialTokens::plain));
    std::vector<TokenId> ids = {0};
    ids.insert(ids.end(), prompter.prompt_ids().begin(), prompter.prompt_ids().end());
    const auto count = std::ssize(ids);
    const std::vector<double> both = test::nats_at(compute, model, ids, count - 1, count);
    const std::vector<double> left = test::nats_at(compute, model, ids, count - 1, 0);
    const Candidate best = prompter.next_tokens().front();
    CHECK(std::abs(-std::log(best.probability) - (objective == "prefix" ? both : left)[best.id]) < 1e-4);
    CHECK(differs(both, left));
  }
}
