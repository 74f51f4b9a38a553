// What a training session writes, its state and its model, and what of it a resumed one keeps to.
#include <sys/stat.h>

#include "base/error.h"
#include "model/checkpoint.h"
#include "tasks/train/train_session.h"
#include "train/state_file.h"

namespace lm {

std::string TrainSession::settings_record() const {
  JsonValue record;
  record.set("settings", settings_to_json(settings_)).set("simd", to_string(compute_->simd()));
  record.set("tokenizer", to_hex(tokenizer_->fingerprint())).set("data", data_identity_).set("valid", valid_identity_);
  record.set("init_from", init_from_);
  record.set("end_of_text", tokenizer_->bytes_of(tokenizer_->end_of_text()));
  record.set("seconds", request_.budget.seconds ? JsonValue(*request_.budget.seconds) : JsonValue());
  if (recipe_epochs_) record.set("recipe_epochs", *recipe_epochs_);
  if (ended_ != nullptr) record.set("ended", ended_);
  return record.dump();
}

void TrainSession::resume_end_of_text() {
  const std::string recorded = state_settings_.string_at("end_of_text", request_.state);
  std::string& asked = request_.tokenizer_options.end_of_text;
  if (!asked.empty() && asked != recorded) {
    throw Error("cannot resume '" + request_.state + "': --end-of-text was '" + recorded + "', now '" + asked +
                "'; leave it out or start a new run");
  }
  asked = recorded;
}

void TrainSession::save_state() {
  lm::save_state(request_.state,
                 {.config = config_,
                  .objective = settings_.objective,
                  .settings = settings_record(),
                  .tokenizer_json = tokenizer_->to_json(),
                  .state = {}},
                 *trainer_);
}

std::string TrainSession::progress_record() const {
  const TrainState& state = trainer_->state();
  JsonValue progress;
  progress.set("steps", state.step).set("tokens", state.tokens).set("loss", state.last_loss);
  progress.set("val_loss", state.last_validation ? JsonValue(*state.last_validation) : JsonValue());
  if (settings_.keep == "best")
    progress.set("best_step", state.best_step)
        .set("best_val_loss", state.best_validation ? JsonValue(*state.best_validation) : JsonValue());
  progress.set("untransformed", state.counts.untransformed).set("token_cuts", state.counts.token_cuts);
  JsonValue settings = settings_to_json(settings_);
  settings.set("hold", state.hold_steps);
  progress.set("settings", std::move(settings)).set("simd", to_string(compute_->simd()));
  return progress.dump();
}

bool TrainSession::replaces_model() const {
  struct stat status {};
  const std::string& path = request_.output;
  if (path.empty() || path == "-") return false;
  return stat(path.c_str(), &status) != 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode);
}

void TrainSession::save_model() {
  trainer_->check_finite();
  const ModelRecord record{.config = config_,
                           .objective = settings_.objective,
                           .tokenizer_json = tokenizer_->to_json(),
                           .progress = progress_record(),
                           .end_of_text = tokenizer_->end_of_text(),
                           .end_of_text_name = std::string(tokenizer_->bytes_of(tokenizer_->end_of_text()))};
  lm::save_model(request_.output, record, trainer_->result());
}

// A state may be replaced once it says that its run has ended, so it says so only after the model was written. A model that
// goes into a pipe can end the process.
void TrainSession::save_results(StopReason reason) {
  if (has_state() && !replaces_model()) keep_state();
  try {
    save_model();
  } catch (const Error&) {
    if (has_state()) keep_state();
    throw;
  }
  ended_ = ended_word(reason);
  if (has_state()) save_state();
}

/// Saves the state on the way out of a failure, which is what will be reported.
void TrainSession::keep_state() {
  try {
    save_state();
  } catch (const Error&) {
  }
}

}  // namespace lm
