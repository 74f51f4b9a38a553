#include "objectives/span.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "base/error.h"
#include "support/byte_tokenizer.h"

using namespace lm;
using lm::test::ByteTokenizer;

namespace {

/// Puts the spans of the target back where their sentinels are.
std::vector<TokenId> invert(const Example& example, const ObjectiveOptions& options) {
  std::vector<TokenId> sequence = example.input;
  sequence.push_back(example.target.back());
  const auto prefix = static_cast<std::size_t>(example.prefix_length);
  std::map<TokenId, std::vector<TokenId>> spans;
  std::size_t end = prefix;
  while (end < example.weight.size() && example.weight[end] != 0) ++end;  // place of the closing end-of-text
  TokenId sentinel = 0;
  const auto is_sentinel = [&](TokenId id) {
    return std::find(options.special.sentinels.begin(), options.special.sentinels.end(), id) !=
           options.special.sentinels.end();
  };
  for (std::size_t i = prefix; i < end; ++i) {
    if (is_sentinel(sequence[i])) {
      sentinel = sequence[i];
    } else {
      spans[sentinel].push_back(sequence[i]);
    }
  }
  std::vector<TokenId> raw;
  for (std::size_t i = 0; i + 1 < prefix; ++i) {
    if (is_sentinel(sequence[i])) {
      raw.insert(raw.end(), spans[sequence[i]].begin(), spans[sequence[i]].end());
    } else {
      raw.push_back(sequence[i]);
    }
  }
  return raw;
}

}  // namespace

TEST_CASE("span: 568 raw tokens make 512 inputs and 114 targets") {
  const SpanPlan plan = plan_spans(568, 0.15, 3.0);
  CHECK(plan.noise == 85);
  CHECK(plan.spans == 28);
  CHECK(568 - plan.noise + plan.spans + 1 == 512);
  CHECK(plan.noise + plan.spans + 1 == 114);
  CHECK(plan_spans(2, 0.15, 3.0).noise == 1);
  CHECK(plan_spans(2, 0.99, 3.0).noise == 1);
}

TEST_CASE("span: 100,000 random windows invert exactly; counts and layout follow the definition") {
  const ByteTokenizer tokenizer;
  const ObjectiveOptions options = tokenizer.options(64);
  const auto objective = make_span(options);
  const std::int64_t length = objective->window_length();
  const std::int64_t spans = plan_spans(length, 0.15, 3.0).spans;
  CHECK(length + 2 * spans + 2 <= 65);
  CHECK(length + 1 + 2 * plan_spans(length + 1, 0.15, 3.0).spans + 2 > 65);
  Rng words(4, RngPurpose::test);
  double noise_total = 0;
  double noise_at_start = 0;
  const int draws = 100000;
  for (int draw = 0; draw < draws; ++draw) {
    std::vector<TokenId> tokens(static_cast<std::size_t>(length), 0);
    const std::int64_t used =
        draw % 4 == 0 ? 1 + static_cast<std::int64_t>(words.below(static_cast<std::uint64_t>(length))) : length;
    for (std::int64_t i = 0; i < used; ++i) {
      const bool special = words.below(20) == 0;
      tokens[static_cast<std::size_t>(i)] =
          special ? ByteTokenizer::kOther : ByteTokenizer::kByte + static_cast<TokenId>(words.below(260));
    }
    Rng rng(5, RngPurpose::objective, static_cast<std::uint64_t>(draw));
    const Example example = objective->make({.tokens = tokens, .first_valid = 0, .end_valid = used}, rng);
    tokens.resize(static_cast<std::size_t>(used));
    if (used < 2) {
      REQUIRE(example.untransformed == 0);
      continue;
    }
    REQUIRE(invert(example, options) == tokens);
    REQUIRE(example.target[static_cast<std::size_t>(example.prefix_length) - 1] == options.special.sentinels[0]);
    REQUIRE(!tokenizer.is_special(example.input[0]) == !tokenizer.is_special(tokens[0]));
    if (used != length) continue;
    std::int64_t targets = 0;
    for (const float weight : example.weight) targets += weight != 0;
    noise_total += static_cast<double>(targets - spans - 1);
    noise_at_start += options.special.sentinels[0] == example.input[1];
  }
  CHECK(noise_total / (draws * 0.75) ==
        doctest::Approx(static_cast<double>(plan_spans(length, 0.15, 3.0).noise)).epsilon(0.01));
  CHECK(noise_at_start > 0);
}

TEST_CASE("span: a window that holds a sentinel is left as it is and counted; too many spans are refused") {
  const ByteTokenizer tokenizer;
  const auto objective = make_span(tokenizer.options(32));
  std::vector<TokenId> tokens(static_cast<std::size_t>(objective->window_length()), ByteTokenizer::kByte + 65);
  tokens[3] = ByteTokenizer::kSentinel + 2;
  Rng rng(6, RngPurpose::objective);
  const Example example =
      objective->make({.tokens = tokens, .first_valid = 0, .end_valid = objective->window_length()}, rng);
  CHECK(example.untransformed == 1);
  CHECK(example.prefix_length == 0);
  for (std::size_t i = 0; i < tokens.size(); ++i) CHECK(example.input[i] == tokens[i]);
  CHECK_THROWS_AS(make_span(tokenizer.options(512)), Error);  // ten sentinels are too few
  ObjectiveOptions few = tokenizer.options(32);
  few.vocab_size = ByteTokenizer::kSentinel;
  CHECK_THROWS_WITH_AS(make_span(few), doctest::Contains("<|extra_0|>, id 5, which is beyond"), Error);
  few = tokenizer.options(64);
  few.vocab_size = ByteTokenizer::kSentinel + 1;
  CHECK_THROWS_WITH_AS(make_span(few), doctest::Contains("there are 1;"), Error);
  ObjectiveOptions apart = tokenizer.options(32);
  apart.attend = Attend::document;
  CHECK_THROWS_AS(make_span(apart), Error);
}
