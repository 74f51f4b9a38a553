#include "train/schedule.h"

#include <doctest/doctest.h>

#include "base/error.h"

using namespace lm;

TEST_CASE("wsd warms up, stays, and decays linearly over its last fraction") {
  const ScheduleOptions options{
      .kind = ScheduleKind::wsd, .learning_rate = 1.0, .min_learning_rate = 0.1, .warmup_steps = 10, .decay_share = 0.2};
  CHECK(learning_rate_at(options, 0, 100) == doctest::Approx(0.1));
  CHECK(learning_rate_at(options, 9, 100) == doctest::Approx(1.0));
  CHECK(learning_rate_at(options, 79, 100) == doctest::Approx(1.0));
  CHECK(learning_rate_at(options, 80, 100) == doctest::Approx(1.0));
  CHECK(learning_rate_at(options, 90, 100) == doctest::Approx(0.55));
  CHECK(learning_rate_at(options, 99, 100) == doctest::Approx(0.1 + 0.9 * 0.05));
}

TEST_CASE("cosine and linear fall from the end of warm-up and hold, constant never does") {
  ScheduleOptions options{
      .kind = ScheduleKind::cosine, .learning_rate = 1.0, .min_learning_rate = 0.0, .warmup_steps = 10, .hold_steps = 10};
  CHECK(learning_rate_at(options, 15, 100) == doctest::Approx(1.0));
  CHECK(learning_rate_at(options, 60, 100) == doctest::Approx(0.5));
  options.kind = ScheduleKind::linear;
  CHECK(learning_rate_at(options, 40, 100) == doctest::Approx(0.75));
  options.kind = ScheduleKind::constant;
  CHECK(learning_rate_at(options, 99, 100) == 1.0);
}

TEST_CASE("before a budget in time is fixed the rate is the one before the decay") {
  const ScheduleOptions options{.kind = ScheduleKind::wsd, .learning_rate = 1.0, .warmup_steps = 4};
  CHECK(learning_rate_at(options, 1, std::nullopt) == doctest::Approx(0.5));
  CHECK(learning_rate_at(options, 100000, std::nullopt) == 1.0);
}

TEST_CASE("the total that wsd fixes under time gives the same rates when it is asked for in steps") {
  for (const double share : {0.1, 0.2, 0.3, 0.4, 0.6, 0.75}) {
    for (std::int64_t step = 1; step < 3000; ++step) {
      ScheduleOptions options{.kind = ScheduleKind::wsd, .decay_share = share};
      const auto total = fix_total_steps(options, step, (1.0 - share) * 100.0, 100.0);
      REQUIRE(total.has_value());
      // The first step of any run has the full rate.
      CHECK(learning_rate_at(options, step - 1, total) == learning_rate_at(options, step - 1, std::nullopt));
      CHECK(decay_start(options, *total) == step);
    }
  }
}

TEST_CASE("totals are fixed when the schedule's fraction of the time is gone, not before") {
  ScheduleOptions wsd{.kind = ScheduleKind::wsd, .decay_share = 0.25};
  CHECK(!fix_total_steps(wsd, 30, 74.9, 100.0));
  CHECK(fix_total_steps(wsd, 30, 75.0, 100.0) == 40);
  ScheduleOptions cosine{.kind = ScheduleKind::cosine, .warmup_steps = 3};
  CHECK(!fix_total_steps(cosine, 10, 4.9, 100.0));
  CHECK(fix_total_steps(cosine, 10, 5.0, 100.0) == 200);
  CHECK(cosine.hold_steps == 7);
  CHECK(decay_start(cosine, 200) == 10);
  ScheduleOptions constant{.kind = ScheduleKind::constant};
  CHECK(!fix_total_steps(constant, 10, 99.0, 100.0));
  CHECK(fix_total_steps(constant, 10, 100.0, 100.0) == 10);
}

TEST_CASE("a run resumed with another time has the steps that it allows; a first step may be the last") {
  ScheduleOptions wsd{.kind = ScheduleKind::wsd, .decay_share = 0.6};
  CHECK(!fix_total_steps(wsd, 1000, 300.0, 1000.0, true));
  CHECK(fix_total_steps(wsd, 1000, 300.0, 600.0, true) == 2000);
  CHECK(fix_total_steps(wsd, 1000, 300.0, 310.0, true) == 1033);
  CHECK(fix_total_steps(wsd, 1000, 300.0, 60.0, true) == 1000);
  CHECK(fix_total_steps(wsd, 1, 200.0, 100.0) == 1);
  // A pause in between is no reason for rates that no number of steps repeats.
  CHECK(fix_total_steps(wsd, 1000, 60.0, 100.0) == 2500);
}

TEST_CASE("steps that are to be held at the full rate are not fewer because time was measured") {
  ScheduleOptions cosine{.kind = ScheduleKind::cosine, .warmup_steps = 3, .hold_steps = 20};
  CHECK(fix_total_steps(cosine, 10, 5.0, 100.0) == 200);
  CHECK(cosine.hold_steps == 20);
}

TEST_CASE("an unknown schedule is refused by name") { CHECK_THROWS_AS(parse_choice<ScheduleKind>("cosin"), Error); }
