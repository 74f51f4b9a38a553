#include "objectives/prefix.h"

#include <doctest/doctest.h>

#include <vector>

using namespace lm;

TEST_CASE("prefix: lengths are uniform over [1, T - 1], and only what the prefix cannot see counts") {
  const auto objective = make_prefix({.context_length = 9, .end_of_text = 0});
  std::vector<TokenId> tokens = {0, 11, 12, 13, 14, 15, 16, 17, 18, 19};
  std::vector<int> times(10);
  const int draws = 100000;
  for (int draw = 0; draw < draws; ++draw) {
    Rng rng(1, RngPurpose::objective, static_cast<std::uint64_t>(draw));
    const Example example = objective->make({.tokens = tokens, .first_valid = 0, .end_valid = 10}, rng);
    times[static_cast<std::size_t>(example.prefix_length)] += 1;
    for (std::int64_t i = 0; i < 9; ++i) {
      REQUIRE(example.weight[static_cast<std::size_t>(i)] == (i >= example.prefix_length - 1 ? 1.0f : 0.0f));
      REQUIRE(example.target[static_cast<std::size_t>(i)] == tokens[static_cast<std::size_t>(i) + 1]);
    }
  }
  CHECK(times[0] == 0);
  CHECK(times[9] == 0);
  for (std::size_t n = 1; n <= 8; ++n) CHECK(times[n] == doctest::Approx(draws / 8).epsilon(0.04));
}

TEST_CASE("prefix: a short window still has a target, and padding has none") {
  const auto objective = make_prefix({.context_length = 9, .end_of_text = 0});
  const std::vector<TokenId> tokens = {0, 0, 0, 5, 6, 7, 0, 0, 0, 0};
  for (std::uint64_t draw = 0; draw < 100; ++draw) {
    Rng rng(2, RngPurpose::objective, draw);
    const Example example = objective->make({.tokens = tokens, .first_valid = 3, .end_valid = 6}, rng);
    CHECK(example.prefix_length == 4);  // two targets: the only choice is n = 1
    CHECK(example.weight == std::vector<float>{0, 0, 0, 1, 1, 0, 0, 0, 0});
    CHECK(example.document[2] != example.document[3]);
  }
}
