#include "base/fixed_sum.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/rng.h"

using namespace lm;

TEST_CASE("a sum is the same bits in any order and any split, and near the exact one") {
  Rng rng(1, RngPurpose::test);
  std::vector<double> values;
  for (int i = 0; i < 1000; ++i) values.push_back((rng.uniform() - 0.3) * std::pow(10.0, rng.uniform() * 8 - 4));
  FixedSum whole, reversed, left, right;
  long double exact = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    whole += values[i];
    exact += static_cast<long double>(values[i]);
    reversed += values[values.size() - 1 - i];
    (i % 3 == 0 ? left : right) += values[i];
  }
  CHECK(whole == reversed);
  FixedSum joined = right;
  joined += left;
  CHECK(joined == whole);
  CHECK(std::abs(whole.value() - static_cast<double>(exact)) < 1e-9);
  CHECK(FixedSum(0.1).value() == doctest::Approx(0.1).epsilon(1e-15));
  CHECK(FixedSum(-3.0).value() == -3);
}

TEST_CASE("a sum is written as a decimal of 2^-60 and read back") {
  CHECK(FixedSum(1.0).to_text() == "1152921504606846976");
  CHECK(FixedSum(-0.5).to_text() == "-576460752303423488");
  CHECK(FixedSum().to_text() == "0");
  for (const double value : {0.0, 1e-18, 123.456, -7e8, 1e17}) {
    const auto read = FixedSum::from_text(FixedSum(value).to_text());
    REQUIRE(read);
    CHECK(*read == FixedSum(value));
  }
  for (const char* text : {"", "-", "1.5", "12a", " 1", "1e3", "999999999999999999999999999999999999999999"})
    CHECK(!FixedSum::from_text(text));
}

TEST_CASE("a sum beyond its range is infinite, and says so as text too") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {infinity, -infinity, std::nan(""), 1e20}) {
    FixedSum sum(value);
    sum += 1.0;
    CHECK(sum.value() == infinity);
    CHECK(sum.to_text() == "inf");
    CHECK(FixedSum::from_text("inf")->value() == infinity);
  }
  FixedSum sum;
  for (int i = 0; i < 200; ++i) sum += 5e19 / 4;
  CHECK(sum.value() == infinity);
}
