#include "objectives/masked.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "support/byte_tokenizer.h"

using namespace lm;
using lm::test::ByteTokenizer;

namespace {

std::vector<TokenId> some_tokens(std::size_t count) {
  std::vector<TokenId> tokens;
  for (std::size_t i = 0; i < count; ++i) tokens.push_back(ByteTokenizer::kByte + static_cast<TokenId>(i % 250));
  return tokens;
}

}  // namespace

TEST_CASE("masked: rates over 100,000 draws are 15 % chosen, of them 80 % masked, 10 % random, 10 % kept") {
  const ByteTokenizer tokenizer;
  const auto objective = make_masked(tokenizer.options(40));
  std::vector<TokenId> tokens = some_tokens(40);
  tokens[0] = tokens[20] = 0;  // special tokens are never chosen nor counted: L = 38, n = round(5.7) = 6
  double masked = 0, random = 0, kept = 0, total = 0;
  std::vector<double> by_place(40);
  const int draws = 100000;
  for (int draw = 0; draw < draws; ++draw) {
    Rng rng(1, RngPurpose::objective, static_cast<std::uint64_t>(draw));
    const Example example = objective->make({.tokens = tokens, .first_valid = 0, .end_valid = 40}, rng);
    int chosen = 0;
    for (std::size_t i = 0; i < 40; ++i) {
      if (example.weight[i] == 0) {
        REQUIRE(example.input[i] == tokens[i]);
        continue;
      }
      ++chosen;
      by_place[i] += 1;
      REQUIRE(example.target[i] == tokens[i]);
      REQUIRE(i != 0);
      REQUIRE(i != 20);
      masked += example.input[i] == ByteTokenizer::kMask;
      kept += example.input[i] == tokens[i];
      random += example.input[i] != ByteTokenizer::kMask && example.input[i] != tokens[i];
      REQUIRE((example.input[i] == ByteTokenizer::kMask || !tokenizer.is_special(example.input[i])));
    }
    REQUIRE(chosen == 6);
    REQUIRE(example.prefix_length == 40);
    total += chosen;
  }
  // Standard deviations are about 0.0005; a random token is the old one once in 264.
  CHECK(masked / total == doctest::Approx(0.8).epsilon(0.004));
  CHECK(random / total == doctest::Approx(0.1 * (1 - 1 / 264.0)).epsilon(0.03));
  CHECK(kept / total == doctest::Approx(0.1 * (1 + 1 / 264.0)).epsilon(0.03));
  for (std::size_t i = 0; i < 40; ++i)
    CHECK(by_place[i] == (i % 20 == 0 ? 0 : doctest::Approx(draws * 6.0 / 38).epsilon(0.04)));
}

TEST_CASE("masked in a mixture predicts the token at i from the place before it, and never the first") {
  const ByteTokenizer tokenizer;
  ObjectiveOptions options = tokenizer.options(12);
  options.mixed = true;
  options.mask_rate = 0.5;
  const auto objective = make_masked(options);
  CHECK(objective->window_length() == 13);
  const std::vector<TokenId> tokens = some_tokens(13);
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    Rng rng(2, RngPurpose::objective, draw);
    const Example example = objective->make({.tokens = tokens, .first_valid = 0, .end_valid = 13}, rng);
    CHECK(example.input[0] == tokens[0]);
    CHECK(example.weight[11] == 0);
    CHECK(std::count(example.weight.begin(), example.weight.end(), 1.0f) == 6);  // round(0.5 * 11), half to even
    for (std::size_t i = 0; i < 12; ++i) {
      if (example.weight[i] != 0) CHECK(example.target[i] == tokens[i + 1]);
    }
  }
}

TEST_CASE(
    "masked: padding is neither chosen nor counted, one token is always chosen, and a tokenizer without a mask is refused") {
  const ByteTokenizer tokenizer;
  const std::vector<TokenId> tokens = some_tokens(30);
  Rng rng(3, RngPurpose::objective);
  const Example example =
      make_masked(tokenizer.options(30))->make({.tokens = tokens, .first_valid = 4, .end_valid = 6}, rng);
  CHECK(std::count(example.weight.begin(), example.weight.end(), 1.0f) == 1);
  CHECK(example.weight[4] + example.weight[5] == 1.0f);
  // Both ways means that padding on either side has to be kept out of sight.
  REQUIRE(example.document.size() == 30);
  CHECK(example.document[3] != example.document[4]);
  CHECK(example.document[4] == example.document[5]);
  CHECK(example.document[5] != example.document[6]);
  ObjectiveOptions options = tokenizer.options(30);
  options.vocab_size = ByteTokenizer::kMask;
  CHECK_THROWS_WITH_AS(make_masked(options),
                       "objective 'masked' needs the token <|mask|>, id 1, which is beyond the model's vocabulary of 1",
                       Error);
  options.special.mask.reset();
  CHECK_THROWS_WITH_AS(make_masked(options), "objective 'masked' needs the token <|mask|>, which the tokenizer lacks",
                       Error);
}

TEST_CASE("masked: no token is put in a place that the model has no row for") {
  const ByteTokenizer tokenizer;
  ObjectiveOptions options = tokenizer.options(30);
  options.vocab_size = ByteTokenizer::kByte + 3;
  options.mask_rate = 1;
  const auto objective = make_masked(options);
  const std::vector<TokenId> tokens(30, ByteTokenizer::kByte);
  std::vector<bool> seen(static_cast<std::size_t>(tokenizer.vocab_size()));
  for (std::uint64_t draw = 0; draw < 200; ++draw) {
    Rng rng(4, RngPurpose::objective, draw);
    for (const TokenId id : objective->make({.tokens = tokens, .first_valid = 0, .end_valid = 30}, rng).input)
      seen[id] = true;
  }
  for (TokenId id = 0; id < seen.size(); ++id)
    CHECK(seen[id] == (id == ByteTokenizer::kMask || (id >= ByteTokenizer::kByte && id < options.vocab_size)));
}
