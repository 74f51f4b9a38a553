#include "base/number_text.h"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <string>

using namespace lm;

TEST_CASE("a number for people has its decimals, and an exponent from ten digits on") {
  CHECK(fixed_text(0, 4) == "0.0000");
  CHECK(fixed_text(-3.14159, 2) == "-3.14");
  CHECK(fixed_text(27993346.0, 4) == "27993346.0000");
  CHECK(fixed_text(999999999.49, 0) == "999999999");
  CHECK(fixed_text(999999999.99, 0) == "1e+09");
  CHECK(fixed_text(-1234567890.0, 2) == "-1.23457e+09");
  CHECK(fixed_text(3.5e58, 4) == "3.5e+58");
  CHECK(fixed_text(std::numeric_limits<double>::max(), 4) == "1.79769e+308");
}

TEST_CASE("no number is longer than a column of 17 with four decimals, or 12 with two") {
  for (double value = 1e-300; std::isfinite(value); value *= 1.9) {
    CHECK(fixed_text(value, 4).size() <= 17);
    CHECK(fixed_text(value, 2).size() <= 12);
  }
}

TEST_CASE("what is not finite is a word, and an exact number reads back") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const auto& text : {fixed_text(infinity, 4), short_text(infinity, 6), exact_text(infinity)}) CHECK(text == "inf");
  for (const auto& text : {fixed_text(-infinity, 4), exact_text(-infinity)}) CHECK(text == "-inf");
  for (const auto& text : {fixed_text(std::nan(""), 4), exact_text(-std::nan(""))}) CHECK(text == "nan");
  for (const double value : {0.1, -1.0 / 3, 1e300, 5e-324, 123456789.0})
    CHECK(std::strtod(exact_text(value).c_str(), nullptr) == value);
  CHECK(short_text(0.15, 6) == "0.15");
  CHECK(short_text(2.5e12, 3) == "2.5e+12");
}
