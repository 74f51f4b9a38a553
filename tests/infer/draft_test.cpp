#include "infer/draft.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

#include "base/rng.h"

using namespace lm;

namespace {

std::vector<TokenId> guess_of(Drafter& drafter, std::int64_t most = 15) {
  const std::span<const TokenId> guess = drafter.guess(most);
  return {guess.begin(), guess.end()};
}

/// Adds how long rows take: `another` of the first for each further one.
void measure(Drafter& drafter, double another, int times) {
  for (int i = 0; i < times; ++i) {
    drafter.measured(1, 1e-3);
    drafter.measured(5, 1e-3 * (1 + 4 * another));
  }
}

}  // namespace

TEST_CASE("after the longest end that was there before, a text is guessed to go on as it did then") {
  //                                 v the longer match       v the later one
  Drafter drafter(std::vector<TokenId>{1, 2, 3, 4, 5, 6, 7, 8, 9, 3, 4, 50, 60, 70, 1, 2, 3, 4});
  measure(drafter, 0.01, 50);
  const std::vector<TokenId> guess = guess_of(drafter);
  REQUIRE(guess.size() >= 3);
  CHECK(guess.size() <= 15);
  const std::vector<TokenId> expected = {5, 6, 7, 8, 9, 3, 4, 50, 60, 70, 1, 2, 3, 4, 5};
  CHECK(std::equal(guess.begin(), guess.end(), expected.begin()));
  CHECK(guess_of(drafter, 2) == std::vector<TokenId>{5, 6});
  // It follows the text, and looks anew when that goes its own way.
  drafter.add(5);
  CHECK(guess_of(drafter, 1) == std::vector<TokenId>{6});
  drafter.add(9);
  CHECK(guess_of(drafter).empty());
  for (const TokenId token : {4, 50}) drafter.add(token);
  CHECK(guess_of(drafter, 1) == std::vector<TokenId>{60});
}

TEST_CASE("a text that repeats itself is guessed beyond its own end") {
  Drafter drafter(std::vector<TokenId>{7, 8, 9, 7, 8, 9, 7, 8});
  measure(drafter, 0.01, 50);
  const std::vector<TokenId> guess = guess_of(drafter, 7);
  REQUIRE(!guess.empty());
  for (std::size_t i = 0; i < guess.size(); ++i) CHECK(guess[i] == 7 + (i + 2) % 3);
}

TEST_CASE("there is no guess without a match, nor where none would pay") {
  for (const std::vector<TokenId>& text : {std::vector<TokenId>{}, {1}, {1, 2}, {1, 2, 3, 4, 5}}) {
    Drafter drafter(text);
    CHECK(guess_of(drafter).empty());
  }
  const std::vector<TokenId> repeated = {1, 2, 3, 4, 5, 6, 1, 2, 3};
  Drafter costly(repeated);
  CHECK(!guess_of(costly).empty());
  measure(costly, 1, 100);
  CHECK(guess_of(costly).empty());
  // Random tokens of few kinds match all the time, and go on otherwise.
  Drafter random({});
  Rng rng(1, RngPurpose::test);
  std::size_t early = 0, late = 0;
  for (int i = 0; i < 3000; ++i) {
    random.add(static_cast<TokenId>(rng.below(20)));
    (i < 1500 ? early : late) += random.guess(15).size();
  }
  CHECK(early > 0);
  CHECK(late < 15);  // of 1500: by chance several in a row are right
}
