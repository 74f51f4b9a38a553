#include "tasks/train/train_session.h"

#include <sys/stat.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/round.h"
#include "kernels/elementwise.h"
#include "kernels/precision.h"
#include "tasks/load_tokenizer.h"
#include "tasks/train/recipe.h"
#include "tasks/train/setting_limits.h"
#include "train/example_source.h"
#include "train/state_file.h"

namespace lm {

namespace {

bool exists(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0;
}

SimdTier parse_recorded_tier(const std::string& name, const std::string& source) {
  for (const SimdTier tier : {SimdTier::portable, SimdTier::avx2, SimdTier::avx512}) {
    if (name == to_string(tier)) return tier;
  }
  throw Error("unknown SIMD tier '" + name + "' in '" + source + "'");
}

/// Of measuring the machine's peak, before a recipe is chosen.
constexpr int kPeakMilliseconds = 150;

}  // namespace

TrainSession::TrainSession(TrainRequest request)
    : request_(std::move(request)), settings_(request_.settings), init_from_(request_.init_from) {
  check_settings(settings_);
  open_state();
  const bool by_recipe = wants_recipe();
  if (by_recipe && request_.named.count("precision") == 0) settings_.precision = "mixed";
  choose_precision();
  load_tokenizer_and_model();
  shares_ = parse_mixture(settings_.objective).shares();
  std::optional<double> expected_tokens;
  if (state_file_ != nullptr) {
    config_ = state_file_->record().config;
  } else {
    if (by_recipe) {
      open_corpus();
      open_validation();
      const Recipe recipe = choose_recipe({.tokens = corpus_->size(),
                                           .vocab_size = tokenizer_->vocab_size(),
                                           .seconds = *request_.budget.seconds,
                                           .peak_flops = measure_peak_flops(*compute_, kPeakMilliseconds),
                                           .precision = parse_choice<Precision>(settings_.precision),
                                           .fits = [this](const Recipe& candidate) { return fits(candidate); }});
      set_recipe(settings_, request_.named, recipe);
      notes_.push_back(describe_recipe(settings_, request_.named, recipe, corpus_->size()));
      limit_epochs(recipe.most_epochs);
      expected_tokens = recipe.epochs * static_cast<double>(corpus_->size());
    }
    config_ = resolve_model(settings_, tokenizer_->vocab_size(), initial_ == nullptr ? nullptr : &initial_->record.config,
                            request_.named);
  }
  check_budget();
  if (!request_.output.empty()) check_model_destination(request_.output);
  if (has_state()) check_output(request_.state);
  open_data();
  check_data_identity();
  if (state_file_ == nullptr) {
    std::optional<std::int64_t> steps = steps_of_budget();
    if (!steps && expected_tokens) {
      const std::int64_t step = settings_.batch * *settings_.context;
      steps = static_cast<std::int64_t>(*expected_tokens / static_cast<double>(step));
    }
    resolve_settings(settings_, config_,
                     {.start = initial_ == nullptr ? Start::fresh : Start::model,
                      .total_steps = steps,
                      .memory = request_.memory,
                      .keep_activations = request_.keep_activations,
                      .tier = compute_->simd(),
                      .held_out_bytes = held_out_bytes(settings_.batch, *settings_.context)});
    if (initial_ != nullptr) notes_.push_back(describe_fine_tuning(settings_, config_, request_.init_from));
  }
}

/// Whether a step of the recipe fits into the memory that was given.
bool TrainSession::fits(const Recipe& recipe) const {
  TrainSettings settings = settings_;
  set_recipe(settings, request_.named, recipe);
  const ModelConfig config = resolve_model(settings, tokenizer_->vocab_size(), nullptr, request_.named);
  try {
    resolve_settings(settings, config,
                     {.total_steps = {},
                      .memory = request_.memory,
                      .keep_activations = request_.keep_activations,
                      .tier = compute_->simd(),
                      .held_out_bytes = held_out_bytes(settings.batch, *settings.context)});
  } catch (const SettingsError&) {
    return false;
  }
  return true;
}

TrainSession::~TrainSession() = default;

void TrainSession::check_budget() const {
  const TrainBudget& budget = request_.budget;
  if (settings_.one_pass && budget.epochs) throw SettingsError("--one-pass makes one pass; leave --epochs out");
  if (settings_.one_pass && !budget.empty() && settings_.schedule != "constant" && !budget.steps && !budget.tokens) {
    throw SettingsError("--one-pass with a schedule that decays needs --steps or --tokens");
  }
  if (settings_.batch > kLargestStep / *settings_.context) {
    throw SettingsError("--batch " + std::to_string(settings_.batch) + " times --context " +
                        std::to_string(*settings_.context) + " is more than " + std::to_string(kLargestStep) +
                        " tokens a step; lower one of them");
  }
}

void TrainSession::open_state() {
  SimdTier tier = request_.simd.value_or(best_simd_tier());
  const bool resumes = request_.resume == Resume::yes || (request_.resume == Resume::automatic && exists(request_.state));
  if (resumes) {
    if (request_.state.empty())
      throw Error("nothing to resume: a model on standard output has no state; name one with --checkpoint");
    state_file_ = std::make_unique<StateFile>(StateFile::open(request_.state));
    state_settings_ = JsonValue::parse(state_file_->record().settings, request_.state);
    const JsonValue* recorded = state_settings_.find("settings");
    if (recorded == nullptr) throw Error("no settings in the training state '" + request_.state + "'");
    settings_ = resumed_settings(*recorded, request_.settings, request_.named, request_.state);
    init_from_ = state_settings_.string_at("init_from", request_.state);
    if (!request_.init_from.empty() && request_.init_from != init_from_) {
      throw Error("cannot resume '" + request_.state + "': --init-from was '" + init_from_ + "', now '" +
                  request_.init_from + "'; leave it out or start a new run");
    }
    if (state_settings_.find("end_of_text") != nullptr) resume_end_of_text();
    if (state_settings_.find("recipe_epochs") != nullptr && request_.budget.only_time() && same_time())
      limit_epochs(state_settings_.integer_at("recipe_epochs", request_.state));
    const SimdTier recorded_tier = parse_recorded_tier(state_settings_.string_at("simd", request_.state), request_.state);
    if (request_.simd && *request_.simd != recorded_tier) {
      throw Error("cannot resume '" + request_.state + "': --simd was " + to_string(recorded_tier) + ", now " +
                  to_string(*request_.simd) + "; leave it out or start a new run");
    }
    if (recorded_tier > best_simd_tier()) {
      notes_.push_back(std::string("this CPU lacks ") + to_string(recorded_tier) +
                       ", on which the run began: its bits will differ from there on");
    } else {
      tier = recorded_tier;
    }
  }
  if (!resumes && has_state() && !request_.only_looks) check_replaceable_state(request_.state, request_.unfinished);
  compute_ = std::make_unique<Compute>(request_.threads, tier);
}

/// "mixed" becomes what this machine computes fastest; a run that goes on keeps what it began with.
void TrainSession::choose_precision() {
  if (settings_.precision == "mixed") settings_.precision = to_string(fastest_precision(*compute_));
  const std::string missing = missing_for(parse_choice<Precision>(settings_.precision), compute_->simd());
  if (missing.empty()) return;
  if (state_file_ != nullptr) {
    throw Error("cannot resume '" + request_.state + "': its precision is " + settings_.precision + ", and " + missing +
                "; go on where that is to be had");
  }
  throw Error("cannot use --precision '" + settings_.precision + "': " + missing +
              "; --precision mixed takes the fastest that there is");
}

void TrainSession::load_tokenizer_and_model() {
  if (!request_.init_from.empty() && state_file_ == nullptr) {
    initial_ = std::make_unique<LoadedModel>(load_model(request_.init_from));
  }
  const std::string& path = request_.tokenizer.empty() ? request_.init_from : request_.tokenizer;
  tokenizer_ = std::make_unique<Tokenizer>(load_tokenizer(path, request_.tokenizer_options));
  // The model will carry it: before hours of work.
  if (!request_.output.empty()) tokenizer_->check_read_back(tokenizer_->to_json(), request_.output);
  if (initial_ != nullptr) notes_ = initial_->record.notes;
  for (const std::string& note : tokenizer_->notes()) notes_.push_back("'" + path + "': " + note);
  const ModelConfig* known = initial_ != nullptr      ? &initial_->record.config
                             : state_file_ != nullptr ? &state_file_->record().config
                                                      : nullptr;
  if (known != nullptr && known->vocab_size != tokenizer_->vocab_size()) {
    throw Error("cannot use tokenizer '" + path + "': it has " + std::to_string(tokenizer_->vocab_size()) +
                " tokens, the model expects " + std::to_string(known->vocab_size));
  }
}

/// Where the time to train is all that was asked for, the rest is chosen to suit it.
bool TrainSession::wants_recipe() const {
  return request_.budget.only_time() && !settings_.one_pass && request_.init_from.empty() && state_file_ == nullptr &&
         !names_model_size(request_.named);
}

/// As a recipe says, for this run and for one that goes on.
void TrainSession::limit_epochs(std::optional<std::int64_t> most) { request_.budget.epochs = recipe_epochs_ = most; }

/// Whether the run that goes on was given the same time.
bool TrainSession::same_time() const {
  const JsonValue* seconds = state_settings_.find("seconds");
  return request_.budget.seconds && seconds != nullptr && seconds->dump() == JsonValue(*request_.budget.seconds).dump();
}

std::optional<std::int64_t> TrainSession::steps_of_budget() const {
  std::optional<std::int64_t> total = request_.budget.steps;
  const auto limit = [&](std::int64_t steps) { total = total ? std::min(*total, steps) : steps; };
  if (request_.budget.tokens) limit(divide_up(*request_.budget.tokens, settings_.batch * *settings_.context));
  if (request_.budget.epochs && window_source_ != nullptr) {
    // Of a mixture, the first objective's passes count.
    std::int64_t windows = 0;
    for (std::int64_t epoch = 0; epoch < *request_.budget.epochs; ++epoch) windows += window_source_->source(0).count(epoch);
    limit(divide_up(static_cast<std::int64_t>(std::ceil(static_cast<double>(windows) / shares_.front().share)),
                    settings_.batch));
  }
  return total;
}

TrainerOptions TrainSession::options() const {
  TrainerOptions options = trainer_options(settings_);
  options.keep_activations = request_.keep_activations;
  options.total_steps = steps_of_budget();
  options.seconds = request_.budget.seconds;
  if (request_.valid_every) {
    options.valid_every = *request_.valid_every;
  } else if (valid_corpus_) {
    // A token scored costs a third of one trained on: about a twentieth of the time goes into validation.
    const double step = static_cast<double>(settings_.batch * *settings_.context);
    options.valid_every = std::max<std::int64_t>(
        100, static_cast<std::int64_t>(std::ceil(static_cast<double>(valid_corpus_->size()) / (0.15 * step))));
  }
  return options;
}

void TrainSession::prepare() {
  make_validator();
  trainer_ = std::make_unique<Trainer>(*compute_, config_, options(), source(), validator_.get());
  if (state_file_ != nullptr) {
    state_file_->load_into(*trainer_);
    if (!same_time()) trainer_->forget_fixed_total();
    state_file_.reset();
    return;
  }
  if (initial_ != nullptr) {
    copy<float>(*compute_, trainer_->weights().flat(), initial_->parameters.flat());
    initial_.reset();
  } else {
    initialise(*compute_, trainer_->weights(), static_cast<std::uint64_t>(settings_.seed));
  }
  trainer_->begin();
}

StopReason TrainSession::run(TrainObserver& observer) {
  try {
    return trainer_->run(observer);
  } catch (const NoTargets&) {
    // Chance may have given a few targets before, but nothing worth keeping: a run on better data then finds no unfinished
    // one in its way. A mixture may have learned much.
    if (shares_.size() > 1) keep_learned();
    throw;
  } catch (const Error&) {
    // Data that broke off: what was learned is kept, and the model stays as it was.
    keep_learned();
    throw;
  }
}

void TrainSession::keep_learned() {
  if (has_state() && trainer_->step_is_whole() && trainer_->state().tokens > 0) keep_state();
}

}  // namespace lm
