#include "objectives/mixture.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace lm;

TEST_CASE("weights are shares of sequences") {
  const auto one = parse_mixture("causal");
  REQUIRE(one.size() == 1);
  CHECK(one[0].share == 1.0);
  const auto two = parse_mixture("causal:1,fim:3");
  REQUIRE(two.size() == 2);
  CHECK(std::string(two[0].entry->name) == "causal");
  CHECK(two[0].share == 0.25);
  CHECK(two[1].share == 0.75);
}

TEST_CASE("unknown, repeated and weightless objectives are refused") {
  for (const char* text : {"", "causal,", "causal:0.5,causal:0.5", "causal:0", "causal:-1", "causal:x", "causal:1e999",
                           "casual", "causal:0.5x", "causal:1e308,fim:1e308", "causal:1e-320,fim:1", "causal:1e-15,fim:1"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_mixture(text), Error);
  }
}

TEST_CASE("only objectives that predict the next token can be sampled left to right") {
  CHECK(predicts_next_token("causal"));
  CHECK(predicts_next_token("prefix"));
  CHECK(predicts_next_token("fim"));
  CHECK(predicts_next_token("causal:0.5,masked:0.5"));
  CHECK(!predicts_next_token("masked"));
  CHECK(!predicts_next_token("span"));
}
