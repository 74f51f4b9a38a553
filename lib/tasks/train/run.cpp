#include "tasks/train/run.h"

#include <sys/stat.h>

#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "kernels/elementwise.h"
#include "model/files/checkpoint.h"
#include "model/files/folder_files.h"
#include "tasks/folder_record.h"
#include "tasks/train/agreement.h"
#include "tasks/train/settings_record.h"
#include "text/tokenizer_tables.h"
#include "train/example_source.h"
#include "train/ranks/together.h"
#include "train/shared_observer.h"
#include "train/state_file.h"

namespace lm {

namespace {

/// Returns what a state records of its run beside the trainer's state, as JSON. `ended`: why the run ended, or null.
std::string settings_record(const TrainPlan& plan, const TrainInputs& inputs, SimdTier tier, const char* ended) {
  const Tokenizer& tokenizer = inputs.tokenizer;
  const TrainBudget& budget = plan.budget;
  JsonValue record;
  record.set("settings", settings_to_json(plan.settings)).set("simd", to_string(tier));
  record.set("tokenizer", to_hex(tokenizer.fingerprint()));
  record.set("data", data_identity(inputs)).set("valid", valid_identity(inputs));
  record.set("init_from", plan.init_from);
  record.set("end_of_text", tokenizer.bytes_of(tokenizer.end_of_text()));
  const TokenizerParts& parts = tokenizer.tables().parts;
  if (parts.form == TokenizerParts::Form::bytes) record.set("pattern", to_string(parts.pattern));
  if (parts.begin) record.set("begin", *parts.begin);
  record.set("seconds", budget.seconds ? JsonValue(*budget.seconds) : JsonValue());
  if (budget.recipe_epochs) record.set("recipe_epochs", *budget.recipe_epochs);
  if (ended != nullptr) record.set("ended", ended);
  return record.dump();
}

/// Returns lm.progress of a model, as JSON.
std::string progress_record(const TrainPlan& plan, const TrainState& state, SimdTier tier) {
  const auto or_null = [](const std::optional<double>& value) { return value ? JsonValue(*value) : JsonValue(); };
  JsonValue progress;
  progress.set("steps", state.step).set("tokens", state.tokens).set("loss", state.last_loss);
  progress.set("val_loss", or_null(state.last_validation));
  if (plan.trainer.keep == KeepWeights::best)
    progress.set("best_step", state.best_step).set("best_val_loss", or_null(state.best_validation));
  progress.set("untransformed", state.counts.untransformed).set("token_cuts", state.counts.token_cuts);
  JsonValue settings = settings_to_json(plan.settings);
  settings.set("hold", state.hold_steps);
  progress.set("settings", std::move(settings)).set("simd", to_string(tier));
  return progress.dump();
}

/// Returns the weights that training starts from, if it starts from a model, which is given up: there is one copy of them.
std::optional<Parameters<float>> take_initial(TrainInputs& inputs) {
  if (!inputs.initial) return std::nullopt;
  std::optional<Parameters<float>> weights(std::move(inputs.initial->parameters));
  inputs.initial.reset();
  return weights;
}

}  // namespace

TrainRun::TrainRun(TrainPlan plan, TrainInputs& inputs, Compute& compute, const RecordedRun* recorded)
    : plan_(std::move(plan)),
      inputs_(inputs),
      compute_(compute),
      validation_(open_validation(plan_.settings, inputs)),
      trainer_(compute, plan_.config, plan_.trainer, plan_.examples.source(), validation_.validator.get(),
               take_initial(inputs), inputs.ranks) {
  if (is_model_folder(plan_.output)) folder_files(model_record());  // before hours of work: it throws
  begin(recorded);
  require_same_facts(trainer_.ranks(), facts_of_weights(trainer_));
}

/// Fills the trainer's weights and what else it begins with.
void TrainRun::begin(const RecordedRun* recorded) {
  if (recorded != nullptr) {
    together(trainer_.ranks(), [&] { recorded->file.read_arenas(trainer_); });
    trainer_.restore(recorded->file.record().state);
    if (!recorded->had_time(plan_.budget)) trainer_.forget_fixed_total();
    return;
  }
  if (plan_.init_from.empty()) initialise(compute_, trainer_.weights(), static_cast<std::uint64_t>(plan_.trainer.seed));
  trainer_.begin();
}

StopReason TrainRun::run(TrainObserver& observer) {
  SharedObserver shared(observer, trainer_.ranks(), trainer_);
  try {
    const StopReason reason = trainer_.run(shared);
    stop_request_ = shared.stop();
    return reason;
  } catch (const NoTargets&) {
    // Chance may have given a few targets before, but nothing worth keeping: a run on better data then finds no unfinished
    // one in its way. A mixture may have learned much.
    if (plan_.settings.objective.mixed()) keep_learned();
    throw;
  } catch (const Error&) {
    // Data that broke off: what was learned is kept, and the model stays as it was.
    keep_learned();
    throw;
  }
}

// Of several ranks all must have failed, or one would wait for the others.
void TrainRun::keep_learned() {
  if (trainer_.ranks().size() > 1 && !trainer_.failed_at_data()) return;
  if (!leads()) return follow();
  if (has_state() && trainer_.step_is_whole() && state().tokens > 0) keep_state();
  release();
}

std::vector<std::string> TrainRun::notes() const {
  std::vector<std::string> notes;
  const TokenReader* stream = inputs_.stream.get();
  if (stream != nullptr && stream->tokens() > 0 && stream->documents() == stream->tokens())
    notes.push_back(only_end_of_text(stream->name()));
  for (const std::string& note : plan_.examples.notes()) notes.push_back(note);
  if (is_model_folder(plan_.output)) {
    for (const std::string& note : folder_notes(model_record())) notes.push_back("'" + plan_.output + "': " + note);
  }
  return notes;
}

void TrainRun::write_state(const char* ended) {
  lm::save_state(plan_.state,
                 {.config = plan_.config,
                  .objective = plan_.settings.objective.text(),
                  .settings = settings_record(plan_, inputs_, compute_.simd(), ended),
                  .tokenizer_json = inputs_.tokenizer.to_json(),
                  .ends = plan_.ends,
                  .folder = plan_.folder,
                  .state = {}},
                 trainer_);
}

void TrainRun::save_state() { write_state(nullptr); }

bool TrainRun::replaces_model() const {
  struct stat status {};
  const std::string& path = plan_.output;
  if (path.empty() || path == "-") return false;
  return stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

ModelRecord TrainRun::model_record() const {
  return with_folder_facts({.config = plan_.config,
                            .objective = plan_.settings.objective.text(),
                            .tokenizer_json = inputs_.tokenizer.to_json(),
                            .progress = progress_record(plan_, state(), compute_.simd()),
                            .ends = {.ids = plan_.ends},
                            .folder = plan_.folder},
                           inputs_.tokenizer);
}

void TrainRun::save_model() {
  trainer_.check_finite();
  lm::save_model(plan_.output, model_record(), trainer_.result());
}

// A state may be replaced once it records that its run has ended, so it does so only after the model was written. A model
// that goes into a pipe can end the process.
void TrainRun::save_results(StopReason reason) {
  if (has_state() && !replaces_model()) keep_state();
  try {
    save_model();
  } catch (const Error&) {
    if (has_state()) keep_state();
    throw;
  }
  if (has_state()) write_state(ended_word(reason));
}

/// Saves the state on the way out of a failure, which is what will be reported.
void TrainRun::keep_state() {
  try {
    save_state();
  } catch (const Error&) {
  }
}

}  // namespace lm
