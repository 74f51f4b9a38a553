#include "base/rng.h"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <vector>

namespace lm {

TEST_CASE("Philox4x32-10 gives the known answers of Random123") {
  using Block = std::array<std::uint32_t, 4>;
  CHECK(philox(0, 0, 0) == Block{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  CHECK(philox(~std::uint64_t{0}, ~std::uint64_t{0}, ~std::uint64_t{0}) ==
        Block{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  // Counter 243f6a88 85a308d3 13198a2e 03707344, key a4093822 299f31d0: the digits of pi.
  CHECK(philox(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e) ==
        Block{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("the same place gives the same numbers, another seed, purpose or index others") {
  Rng a(7, RngPurpose::test, 3);
  Rng b(7, RngPurpose::test, 3);
  Rng other_seed(8, RngPurpose::test, 3);
  Rng other_purpose(7, RngPurpose::sampling, 3);
  Rng other_index(7, RngPurpose::test, 4);
  for (int i = 0; i < 100; ++i) {
    const std::uint64_t value = a.next_u64();
    CHECK(value == b.next_u64());
    CHECK(value != other_seed.next_u64());
    CHECK(value != other_purpose.next_u64());
    CHECK(value != other_index.next_u64());
  }
}

TEST_CASE("below() is uniform: chi squared over 10 cells stays under its 0.9999 quantile") {
  Rng rng(1, RngPurpose::test);
  constexpr int kDraws = 100000;
  std::vector<int> counts(10);
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t value = rng.below(10);
    REQUIRE(value < 10);
    ++counts[static_cast<std::size_t>(value)];
  }
  double chi_squared = 0;
  for (const int count : counts) chi_squared += (count - kDraws / 10.0) * (count - kDraws / 10.0) / (kDraws / 10.0);
  CHECK(chi_squared < 33.7);  // 9 degrees of freedom
}

TEST_CASE("below() has no bias towards small values even for a bound of three quarters of 2^64") {
  Rng rng(1, RngPurpose::test);
  const std::uint64_t bound = std::uint64_t{3} << 62;
  int low = 0;
  constexpr int kDraws = 30000;
  for (int i = 0; i < kDraws; ++i) low += rng.below(bound) < bound / 3 ? 1 : 0;
  CHECK(std::abs(low - kDraws / 3) <
        5 * std::sqrt(kDraws * 2.0 / 9.0));  // five standard deviations; a plain modulo is 30 off
  CHECK(rng.below(1) == 0);
}

TEST_CASE("uniform() and normal() have their mean and variance within five standard errors") {
  Rng rng(2, RngPurpose::test);
  constexpr int kDraws = 200000;
  double sum = 0;
  double normal_sum = 0;
  double normal_squares = 0;
  for (int i = 0; i < kDraws; ++i) {
    const double value = rng.uniform();
    REQUIRE(value >= 0.0);
    REQUIRE(value < 1.0);
    sum += value;
    const double normal = rng.normal();
    normal_sum += normal;
    normal_squares += normal * normal;
  }
  CHECK(std::abs(sum / kDraws - 0.5) < 5 * std::sqrt(1.0 / 12 / kDraws));
  CHECK(std::abs(normal_sum / kDraws) < 5 / std::sqrt(kDraws));
  CHECK(std::abs(normal_squares / kDraws - 1) < 5 * std::sqrt(2.0 / kDraws));
}

}  // namespace lm
