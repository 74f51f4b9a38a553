#include "tasks/evaluate/features.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/activations.h"
#include "model/transformer.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

std::vector<std::vector<float>> features_of(const TextModel& model, const std::vector<std::string>& texts,
                                            std::int64_t context = 0, int threads = 2) {
  Compute compute(threads, best_simd_tier());
  std::vector<std::vector<float>> rows;
  FeatureExtractor extractor(compute, model, context,
                             [&](std::span<const float> row) { rows.emplace_back(row.begin(), row.end()); });
  for (const std::string& text : texts) {
    // In pieces, which make no difference.
    const std::vector<TokenId> tokens = model.tokenizer.encode(text);
    const std::size_t middle = tokens.size() / 3;
    extractor.add(std::span(tokens).first(middle));
    extractor.add(std::span(tokens).subspan(middle));
    extractor.end_document("a text");
  }
  extractor.finish();
  return rows;
}

/// The sum of a window's hidden states without x_0's, by only the Transformer.
std::vector<double> sum_of_window(const TextModel& model, const std::vector<TokenId>& tokens, bool both_ways) {
  Compute compute(1, best_simd_tier());
  Batch batch;
  batch.sequences = 1;
  batch.length = std::ssize(tokens) + 1;
  batch.input = {model.tokenizer.end_of_text()};
  batch.input.insert(batch.input.end(), tokens.begin(), tokens.end());
  batch.target.resize(batch.input.size());
  batch.weight.resize(batch.input.size());
  if (both_ways) batch.prefix_length = {batch.length};
  Activations<float> activations(model.config(), 1, batch.length, Keep::scoring);
  Transformer<float>(compute, model.parameters()).forward(batch, activations);
  std::vector<double> sum(static_cast<std::size_t>(model.config().channels));
  for (std::int64_t row = 1; row < batch.length; ++row) {
    for (std::size_t c = 0; c < sum.size(); ++c) sum[c] += static_cast<double>(activations.final_norm.row(row)[c]);
  }
  return sum;
}

const std::vector<std::string> kTexts = {"a b", "it is ab", "x",
                                         "a text that is longer than the context of the model, twice"};

}  // namespace

TEST_CASE("features are the mean over windows side by side, each after x_0, seen as the objective sees") {
  for (const std::string objective : {"causal", "fim", "masked", "prefix", "span", "causal:0.5,masked:0.5"}) {
    CAPTURE(objective);
    const TextModel model = test::special_model(objective);
    const bool both_ways = objective != "causal" && objective != "fim";
    CHECK(sight_of(model) == (both_ways ? Sight::both_ways : Sight::left_to_right));
    for (const std::int64_t context : {0, 5}) {
      const std::vector<std::vector<float>> rows = features_of(model, kTexts, context);
      REQUIRE(rows.size() == kTexts.size());
      const auto room = static_cast<std::size_t>((context == 0 ? model.config().context_length : context) - 1);
      for (std::size_t i = 0; i < kTexts.size(); ++i) {
        const std::vector<TokenId> tokens = model.tokenizer.encode(kTexts[i]);
        std::vector<double> sum(rows[i].size());
        for (std::size_t first = 0; first < tokens.size(); first += room) {
          const auto begin = tokens.begin() + static_cast<std::ptrdiff_t>(first);
          const std::vector<double> part = sum_of_window(
              model, {begin, begin + static_cast<std::ptrdiff_t>(std::min(room, tokens.size() - first))}, both_ways);
          std::transform(sum.begin(), sum.end(), part.begin(), sum.begin(), std::plus<>());
        }
        for (std::size_t c = 0; c < sum.size(); ++c)
          CHECK(rows[i][c] == doctest::Approx(sum[c] / static_cast<double>(tokens.size())).epsilon(1e-6));
      }
    }
  }
}

TEST_CASE("a document's features do not depend on the others, nor on threads") {
  const TextModel model = test::special_model("prefix");
  std::vector<std::string> many;
  for (int i = 0; i < 300; ++i) many.push_back(std::string(static_cast<std::size_t>(1 + i % 70), 'a') + std::to_string(i));
  const std::vector<std::vector<float>> together = features_of(model, many);
  CHECK(features_of(model, many, 0, 1) == together);
  for (const std::size_t i : {std::size_t{0}, std::size_t{68}, std::size_t{299}})
    CHECK(features_of(model, {many[i]}).front() == together[i]);
}

TEST_CASE("what has no features is refused: an empty document, and a context without room") {
  const TextModel model = test::special_model("causal");
  CHECK_THROWS_WITH_AS(features_of(model, {"a", ""}), "cannot compute features of a text: it has no tokens; leave it out",
                       Error);
  CHECK_THROWS_AS(features_of(model, {"a"}, 1), Error);
  CHECK_THROWS_AS(features_of(model, {"a"}, 25), Error);
  CHECK(features_of(model, {}).empty());
  CHECK(features_of(model, {"abcdef"}, 2).size() == 1);
}

TEST_CASE("the protocol names the direction, the context, and what was given") {
  Compute compute(1, best_simd_tier());
  TextModel model = test::special_model("masked");
  model.end_of_text_given = "<|pad|>";
  CHECK(FeatureExtractor(compute, model, 9, [](std::span<const float>) {}).protocol() ==
        "both-ways context 9 end-of-text <|pad|>");
}
