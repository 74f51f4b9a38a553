#include "objectives/mixture.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace lm;

TEST_CASE("weights are fractions of the sequences") {
  const auto one = parse_mixture("causal").shares();
  REQUIRE(one.size() == 1);
  CHECK(one[0].share == 1.0);
  const auto two = parse_mixture("causal:1,fim:3").shares();
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

TEST_CASE("a mixture keeps the text it was parsed from") {
  CHECK(parse_mixture("causal:0.50,fim:5e-1").text() == "causal:0.50,fim:5e-1");
  CHECK(Mixture().text() == "causal");
  CHECK(Mixture().shares().size() == 1);
}

TEST_CASE("a mixture knows its objectives") {
  const Mixture mixture = parse_mixture("prefix,span:2");
  CHECK(mixture.mixed());
  CHECK(mixture.trains("prefix"));
  CHECK(mixture.trains("span"));
  CHECK(!mixture.trains("causal"));
  CHECK(!mixture.trains("prefix,span:2"));
  CHECK(!Mixture().mixed());
  CHECK(Mixture().trains("causal"));
}

TEST_CASE("only objectives that predict the next token can be sampled left to right") {
  CHECK(parse_mixture("causal").predicts_next_token());
  CHECK(parse_mixture("prefix").predicts_next_token());
  CHECK(parse_mixture("fim").predicts_next_token());
  CHECK(parse_mixture("causal:0.5,masked:0.5").predicts_next_token());
  CHECK(!parse_mixture("masked").predicts_next_token());
  CHECK(!parse_mixture("span").predicts_next_token());
}
