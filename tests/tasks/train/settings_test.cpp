#include "tasks/train/settings.h"

#include <doctest/doctest.h>

using namespace lm;

TEST_CASE("a state of a version that lacked a setting resumes with its default; of another value it is refused") {
  TrainSettings settings;
  settings.batch = 7;
  settings.momentum = 0.5;
  JsonValue older;
  const JsonValue whole = settings_to_json(settings);
  for (const auto& [name, value] : *whole.if_object()) {
    if (name != "momentum" && !value.is_null()) older.set(name, value);
  }
  const TrainSettings resumed = resumed_settings(older, TrainSettings{}, {}, "old.state");
  CHECK(resumed.batch == 7);
  CHECK(resumed.momentum == TrainSettings{}.momentum);

  TrainSettings asked;
  asked.batch = 8;
  CHECK_THROWS_WITH_AS(resumed_settings(older, asked, {"batch"}, "old.state"), doctest::Contains("--batch"), Error);
  older.set("batch", "many");
  CHECK_THROWS_WITH_AS(resumed_settings(older, TrainSettings{}, {}, "old.state"), doctest::Contains("batch"), Error);
}
