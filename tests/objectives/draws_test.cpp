#include "objectives/draws.h"

#include <doctest/doctest.h>

#include <map>

using namespace lm;

TEST_CASE("halves are rounded to the even number") {
  CHECK(round_half_to_even(0.5) == 0);
  CHECK(round_half_to_even(1.5) == 2);
  CHECK(round_half_to_even(2.5) == 2);
  CHECK(round_half_to_even(2.4999) == 2);
  CHECK(round_half_to_even(2.5001) == 3);
}

TEST_CASE("every composition is equally likely") {
  Rng rng(1, RngPurpose::test);
  std::map<std::vector<std::int64_t>, int> times;
  const int draws = 100000;
  for (int i = 0; i < draws; ++i) times[random_composition(6, 3, rng)] += 1;
  CHECK(times.size() == 10);  // choose 2 of 5 gaps
  for (const auto& [composition, count] : times) {
    std::int64_t sum = 0;
    for (const std::int64_t part : composition) {
      CHECK(part >= 1);
      sum += part;
    }
    CHECK(sum == 6);
    CHECK(count == doctest::Approx(draws / 10).epsilon(0.04));  // 4 standard deviations of a count of 10,000
  }
  CHECK(random_composition(4, 4, rng) == std::vector<std::int64_t>{1, 1, 1, 1});
  CHECK(random_composition(4, 1, rng) == std::vector<std::int64_t>{4});
}
