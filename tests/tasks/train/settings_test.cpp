#include "tasks/train/settings.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "tasks/train/settings_record.h"

using namespace lm;

namespace {

/// Returns the record without one of its keys, and without what has not been chosen.
JsonValue record_without(const TrainSettings& settings, const std::string& left_out) {
  JsonValue record;
  const JsonValue whole = settings_to_json(settings);
  for (const auto& [name, value] : *whole.if_object()) {
    if (name != left_out && !value.is_null()) record.set(name, value);
  }
  return record;
}

}  // namespace

template <class Names>
concept HasMisspelt = requires {
  Names::contxt;
};

TEST_CASE("a setting is named by its type: neither a misspelt name nor a text compiles") {
  CHECK_FALSE(HasMisspelt<Setting>);
  CHECK_FALSE(std::is_convertible_v<const char*, Setting>);
  CHECK_FALSE(std::is_constructible_v<SettingSet, std::initializer_list<const char*>>);
}

TEST_CASE("every setting is visited once, under a name of its own") {
  TrainSettings settings;
  SettingSet seen;
  std::set<std::string> names;
  visit_settings(settings, [&](const SettingInfo& info, auto& field) {
    CHECK_FALSE(seen.has(info.setting));
    seen.add(info.setting);
    CHECK(names.insert(info.name).second);
    using Field = std::remove_reference_t<decltype(field)>;
    if constexpr (std::is_same_v<Field, double> || std::is_same_v<Field, std::int64_t>) CHECK(info.low < info.high);
  });
  CHECK(seen.size() == kSettings);
}

TEST_CASE("a number out of range is refused by the option's name, with the limits") {
  TrainSettings settings;
  CHECK_NOTHROW(check_settings(settings));
  settings.model.dropout = 0.99;
  CHECK_THROWS_WITH_AS(check_settings(settings), "--dropout must be from 0.0 to 0.95, got 0.99", Error);
  settings = {};
  settings.warmup = -1;
  CHECK_THROWS_WITH_AS(check_settings(settings), "--warmup must be from 0 to 1000000000, got -1", Error);
}

TEST_CASE("betas are two numbers below 1, and are written as they were read") {
  REQUIRE(parse_betas("0.9,0.95"));
  CHECK(*parse_betas("0.9,0.95") == Betas{.first = 0.9, .second = 0.95});
  CHECK(to_string(Betas{.first = 0.9, .second = 0.95}) == "0.9,0.95");
  for (const char* text : {"", "0.9", "0.9,", "0.9,1", "-0.1,0.5", "0.9,0.95,", "0.9;0.95", "a,b"}) {
    CAPTURE(text);
    CHECK_FALSE(parse_betas(text));
  }
}

TEST_CASE("what was recorded is read as the same settings, whatever their types") {
  TrainSettings settings;
  settings.model.family = Family::gpt2;
  settings.model.layers = 3;
  settings.model.tied = true;
  settings.objective = parse_mixture("causal:3,fim");
  settings.attend = Attend::document;
  settings.objectives.fim_cut = FimCut::line;
  settings.trainer.optimizer = {.kind = OptimizerKind::adamw, .betas = {.first = 0.8, .second = 0.99}};
  settings.trainer.schedule.kind = ScheduleKind::cosine;
  settings.trainer.keep = KeepWeights::best;
  settings.trainer.on_non_finite = OnNonFinite::skip;
  settings.precision = Precision::bf16;
  settings.one_pass = true;
  const JsonValue record = record_without(settings, "");
  CHECK(settings_to_json(resumed_settings(record, {}, {}, "old.state")).dump() == settings_to_json(settings).dump());
}

TEST_CASE("a state of a version that lacked a setting resumes with its default; a named value that differs is refused") {
  TrainSettings settings;
  settings.trainer.batch_sequences = 7;
  settings.trainer.optimizer.momentum = 0.5;
  JsonValue older = record_without(settings, "momentum");
  const TrainSettings resumed = resumed_settings(older, {}, {}, "old.state");
  CHECK(resumed.trainer.batch_sequences == 7);
  CHECK(resumed.trainer.optimizer.momentum == TrainSettings{}.trainer.optimizer.momentum);

  TrainSettings asked;
  asked.trainer.batch_sequences = 8;
  CHECK_NOTHROW(resumed_settings(older, asked, {Setting::seed}, "old.state"));
  CHECK_THROWS_WITH_AS(resumed_settings(older, asked, {Setting::batch}, "old.state"),
                       "cannot resume 'old.state': --batch was 7, now 8; leave it out or start a new run", Error);
  older.set("batch", "many");
  CHECK_THROWS_WITH_AS(resumed_settings(older, {}, {}, "old.state"), doctest::Contains("batch"), Error);
}

TEST_CASE("a word that a state records and nobody knows is refused with the state's name") {
  JsonValue record = record_without({}, "");
  record.set("schedule", "wavy");
  CHECK_THROWS_WITH_AS(resumed_settings(record, {}, {}, "odd.state"),
                       doctest::Contains("cannot resume 'odd.state': unknown schedule 'wavy'"), Error);
}

TEST_CASE("what a run chose by measuring stays as it was, if mixed is named again") {
  TrainSettings asked;
  asked.precision.reset();
  TrainSettings recorded;
  recorded.precision = Precision::fp16;
  CHECK(resumed_settings(record_without(recorded, ""), asked, {Setting::precision}, "old.state").precision ==
        Precision::fp16);
}
