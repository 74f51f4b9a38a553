#include <doctest/doctest.h>

#include <vector>

#include "base/error.h"
#include "objectives/objective.h"
#include "support/byte_tokenizer.h"

using namespace lm;

namespace {

Example make(const std::vector<TokenId>& tokens, std::int64_t first_valid, std::int64_t end_valid, Attend attend) {
  const auto objective = find_objective("causal").make(
      {.context_length = static_cast<std::int64_t>(tokens.size()) - 1, .end_of_text = 0, .attend = attend});
  Rng rng(1, RngPurpose::objective);
  return objective->make({.tokens = tokens, .first_valid = first_valid, .end_valid = end_valid}, rng);
}

}  // namespace

TEST_CASE("every token of a window predicts the next one") {
  const Example example = make({0, 5, 6, 7, 0}, 0, 5, Attend::window);
  CHECK(example.input == std::vector<TokenId>{0, 5, 6, 7});
  CHECK(example.target == std::vector<TokenId>{5, 6, 7, 0});
  CHECK(example.weight == std::vector<float>{1, 1, 1, 1});
  CHECK(example.prefix_length == 0);
  CHECK(example.document.empty());
}

TEST_CASE("padding is never a target, and padding in front is never seen") {
  const Example end = make({0, 5, 6, 0, 0}, 0, 3, Attend::window);
  CHECK(end.weight == std::vector<float>{1, 1, 0, 0});
  CHECK(end.document.empty());  // a causal query never looks to the right
  const Example front = make({0, 0, 0, 5, 6}, 2, 5, Attend::window);
  CHECK(front.weight == std::vector<float>{0, 0, 1, 1});
  REQUIRE(front.document.size() == 4);
  CHECK(front.document[1] != front.document[2]);
  CHECK(front.document[2] == front.document[3]);
}

TEST_CASE("with --attend document an end-of-text belongs to the document that it opens") {
  const Example example = make({0, 5, 0, 6, 7, 0}, 0, 6, Attend::document);
  CHECK(example.document == std::vector<std::int32_t>{0, 0, 1, 1, 1});
  CHECK(example.weight == std::vector<float>{1, 1, 1, 1, 1});
}

TEST_CASE("the table knows its objectives by name and says so for others") {
  CHECK(find_objective("causal").left_to_right);
  CHECK_THROWS_WITH_AS(find_objective("casual"),
                       doctest::Contains("unknown objective 'casual'; known: causal, masked, prefix, span, fim"), Error);
  for (const ObjectiveEntry& entry : objective_table()) {
    const test::ByteTokenizer tokenizer;
    const auto objective = entry.make(tokenizer.options(32));
    CHECK(objective->name() == entry.name);
  }
}
