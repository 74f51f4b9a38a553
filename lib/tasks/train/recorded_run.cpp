#include "tasks/train/recorded_run.h"

#include <utility>

#include "base/error.h"
#include "base/path.h"
#include "kernels/precision.h"
#include "model/families.h"
#include "tasks/train/settings_record.h"
#include "tasks/train/verified_files.h"
#include "train/ranks/together.h"

namespace lm {

namespace {

/// Throws the Error of an option that says otherwise than the state.
[[noreturn]] void refuse_option(const std::string& state, const std::string& option, const std::string& was,
                                const std::string& now) {
  throw Error("cannot resume '" + state + "': " + option + " was " + was + ", now " + now +
              "; leave it out or start a new run");
}

SimdTier recorded_tier(const JsonValue& record, const std::string& path) {
  try {
    return parse_choice<SimdTier>(record.string_at("simd", path));
  } catch (const Error& error) {
    throw Error(std::string(error.what()) + " in '" + path + "'");
  }
}

RecordedRun read_recorded_run(const TrainRequest& request, Checksum checksum) {
  const std::string& path = request.state;
  if (path.empty()) throw Error("nothing to resume: a model on standard output has no state; name one with --checkpoint");
  // What all ranks lack is left to rank 0.
  if (request.rank > 0 && !exists(path))
    throw Error("there is no state '" + path +
                "' here, as there is on rank 0; every rank reads it: put it where all see it");
  StateFile file = StateFile::open(path, checksum);
  const JsonValue record = JsonValue::parse(file.record().settings, path);
  const JsonValue* settings = record.find("settings");
  if (settings == nullptr) throw Error("no settings in the training state '" + path + "'");
  RecordedRun run{.file = std::move(file),
                  .path = path,
                  .settings = resumed_settings(*settings, request.settings, request.named, path),
                  .init_from = record.string_at("init_from", path),
                  .tier = recorded_tier(record, path),
                  .end_of_text = {},
                  .pattern = {},
                  .begin = {},
                  .recipe_epochs = {},
                  .seconds = {},
                  .tokenizer = record.string_at("tokenizer", path),
                  .data = record.string_at("data", path),
                  .valid = record.string_at("valid", path)};
  if (record.find("end_of_text") != nullptr) run.end_of_text = record.string_at("end_of_text", path);
  if (record.find("pattern") != nullptr) run.pattern = find_choice<Pattern>(record.string_at("pattern", path));
  if (record.find("begin") != nullptr) run.begin = record.string_at("begin", path);
  if (record.find("recipe_epochs") != nullptr) run.recipe_epochs = record.integer_at("recipe_epochs", path);
  if (const JsonValue* seconds = record.find("seconds")) run.seconds = *seconds;
  return run;
}

void check_options(const TrainRequest& request, const RecordedRun& run) {
  if (!request.init_from.empty() && request.init_from != run.init_from) {
    refuse_option(run.path, "--init-from", "'" + run.init_from + "'", "'" + request.init_from + "'");
  }
  const std::string& end_of_text = request.tokenizer_options.end_of_text;
  if (run.end_of_text && !end_of_text.empty() && end_of_text != *run.end_of_text) {
    refuse_option(run.path, "--end-of-text", "'" + *run.end_of_text + "'", "'" + end_of_text + "'");
  }
  const std::optional<std::string>& begin = request.tokenizer_options.begin;
  if (begin && begin != run.begin)
    refuse_option(run.path, "--begin", run.begin ? "'" + *run.begin + "'" : "not given", "'" + *begin + "'");
  if (request.simd && *request.simd != run.tier) {
    refuse_option(run.path, "--simd", to_string(run.tier), to_string(*request.simd));
  }
}

std::optional<RecordedRun> recorded_run(const TrainRequest& request, Checksum checksum) {
  check_settings(request.settings);
  const bool resumes = request.resume == Resume::yes || (request.resume == Resume::automatic && exists(request.state));
  if (!resumes) {
    if (!request.state.empty() && !request.writes_nothing && request.rank == 0)
      check_replaceable_state(request.state, request.unfinished);
    return std::nullopt;
  }
  RecordedRun run = read_recorded_run(request, checksum);
  check_options(request, run);
  return run;
}

}  // namespace

std::optional<RecordedRun> open_recorded_run(const TrainRequest& request, Ranks* ranks) {
  OneRank one_rank;
  Ranks& all = ranks != nullptr ? *ranks : one_rank;
  const Checksum checksum = is_to_verify(all, request.state) ? Checksum::verified : Checksum::ignored;
  return together(all, [&] { return recorded_run(request, checksum); });
}

TrainRequest resumed_request(TrainRequest request, const RecordedRun& recorded) {
  if (recorded.recipe_epochs && request.budget.only_time() && recorded.had_time(request.budget))
    request.budget.recipe_epochs = recorded.recipe_epochs;
  request.settings = recorded.settings;
  TokenizerOptions& tokenizer = request.tokenizer_options;
  if (recorded.end_of_text) tokenizer.end_of_text = *recorded.end_of_text;
  if (!tokenizer.pattern) tokenizer.pattern = recorded.pattern;
  if (!tokenizer.begin) tokenizer.begin = recorded.begin;
  if (request.tokenizer.empty()) request.tokenizer = request.init_from;
  request.init_from.clear();
  request.vocab_size = recorded.config().vocab_size;
  request.uncounted = uncounted_token(recorded.config());
  request.fingerprint = recorded.tokenizer;
  return request;
}

bool RecordedRun::had_time(const TrainBudget& budget) const {
  return budget.seconds && seconds.dump() == JsonValue(*budget.seconds).dump();
}

SimdTier choose_tier(const TrainRequest& request, const RecordedRun* recorded) {
  SimdTier tier = request.simd.value_or(best_simd_tier());
  if (recorded != nullptr && recorded->tier <= best_simd_tier()) tier = recorded->tier;
  if (!request.settings.precision) return tier;
  const Precision precision = *request.settings.precision;
  const std::string missing = missing_for(precision, tier);
  if (missing.empty()) return tier;
  if (recorded != nullptr) {
    throw Error("cannot resume '" + recorded->path + "': its precision is " + to_string(precision) + ", and " + missing +
                "; resume on a machine that has it");
  }
  throw Error("cannot use --precision '" + std::string(to_string(precision)) + "': " + missing +
              "; --precision mixed takes the fastest that there is");
}

}  // namespace lm
