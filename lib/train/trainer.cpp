#include "train/trainer.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/rng.h"
#include "base/round.h"
#include "kernels/elementwise.h"
#include "kernels/optimizer.h"

namespace lm {

namespace {

/// Throws Error unless the ranks can share steps.
int checked_size(const Ranks& ranks, const TrainerOptions& options) {
  LM_CHECK(can_share(ranks.size(), micro_batches(options)));
  return ranks.size();
}

}  // namespace

std::int64_t micro_batches(const TrainerOptions& options) {
  return divide_up(options.batch_sequences, options.micro_batch_sequences);
}

Trainer::Trainer(Compute& compute, const ModelConfig& config, const TrainerOptions& options, BatchSource& source,
                 Validator* validator, std::optional<Parameters<float>> initial, Ranks* ranks)
    : compute_(compute),
      options_(options),
      ranks_(ranks != nullptr ? *ranks : one_rank_),
      source_(source),
      validator_(validator),
      weights_(initial ? Parameters<float>(std::move(*initial), config) : Parameters<float>(config)),
      optimizer_(config, options.optimizer,
                 {.number = shard_of_rank(ranks_.rank(), ranks_.size()), .count = checked_size(ranks_, options)}),
      desk_(ranks_, optimizer_),
      rank_sum_(ranks_, optimizer_.shards()),
      gradients_(config, micro_batches(options) / ranks_.size()),
      activations_(config, options.micro_batch_sequences, options.context_length, options.keep_activations),
      transformer_(compute, weights_, options.precision) {
  if (ranks_.size() > 1) background_ = std::make_unique<BackgroundSum>(rank_sum_, compute.simd());
  state_.hold_steps = options.schedule.hold_steps;
  state_.consumed = source.consumed();
  if (options.average_decay > 0) average_.emplace(config);
  if (options.keep == KeepWeights::best) best_.emplace(config);
}

Trainer::Memory Trainer::memory(const ModelConfig& config, const TrainerOptions& options, SimdTier tier, int threads) {
  const std::int64_t arena = Parameters<float>::bytes(config);
  const std::int64_t sequences = options.micro_batch_sequences, length = options.context_length;
  const std::int64_t averages = (options.average_decay > 0 ? 1 : 0) + (options.keep == KeepWeights::best ? 1 : 0);
  ScratchSize scratch = larger(Transformer<float>::scratch(config, tier, options.precision, sequences, length),
                               Optimizer::scratch(config, options.optimizer, tier, threads));
  const std::int64_t own_passes = micro_batches(options) / options.ranks;
  const std::int64_t own_sequences = std::min(options.batch_sequences, own_passes * sequences);
  return {.weights = arena,
          .rounded = LinearLayers<float>::bytes(config, options.precision),
          .gradients = GradientSum::bytes(config, own_passes),
          .moments = Optimizer::bytes(config, options.optimizer, options.ranks),
          .averages = arena * averages,
          .activations = Activations<float>::bytes(config, sequences, length, options.keep_activations),
          .batches = Batch::bytes(length * own_sequences) + (own_passes > 1 ? Batch::bytes(length * sequences) : 0) +
                     Transformer<float>::bytes(length * sequences),
          .scratch = scratch.worker * threads + scratch.shared,
          .messages = RankSum::bytes(options.ranks)};
}

void Trainer::begin() {
  if (average_) copy<float>(compute_, average_->flat(), weights_.flat());
  if (best_) copy<float>(compute_, best_->flat(), weights_.flat());
}

void Trainer::restore(const TrainState& state) {
  state_ = state;
  optimizer_.set_steps(state.optimizer_steps);
  options_.schedule.hold_steps = state.hold_steps;
  source_.seek(state.position);
  if (source_.consumed() != state.consumed) {
    throw Error(
        "the stream differs, before the place where training stopped, from the one that training read; give the same data");
  }
}

const Parameters<float>& Trainer::result() const {
  if (best_ && state_.best_validation) return *best_;
  return average_ ? *average_ : weights_;
}

bool Trainer::moments_finite() const {
  return all_finite<float>(compute_, optimizer_.moment(Moment::first).flat()) &&
         all_finite<float>(compute_, optimizer_.moment(Moment::second).flat());
}

void Trainer::check_finite(bool moments) const {
  bool finite = moments && all_finite<float>(compute_, weights_.flat());
  if (average_) finite = finite && all_finite<float>(compute_, average_->flat());
  if (best_) finite = finite && all_finite<float>(compute_, best_->flat());
  if (!finite) {
    throw Error("a weight or moment is no longer finite after step " + std::to_string(state_.step) +
                "; lower --lr or use --clip");
  }
}

std::optional<std::int64_t> Trainer::total_steps() const {
  if (!state_.total_steps) return options_.total_steps;
  return options_.total_steps ? std::min(*state_.total_steps, *options_.total_steps) : *state_.total_steps;
}

bool Trainer::budget_reached() const {
  const std::optional<std::int64_t> total = total_steps();
  return total && state_.step >= *total;
}

/// Fixes the total under a budget in time as soon as the schedule needs it. late: at the start of a resumed run.
void Trainer::fix_total(bool late) {
  if (!options_.seconds || state_.total_steps) return;
  ScheduleOptions schedule = options_.schedule;
  state_.total_steps = fix_total_steps(schedule, state_.step, state_.elapsed_seconds, *options_.seconds, late);
  // With another budget beside it the rate has followed that one so far, and was not held.
  if (!options_.total_steps) options_.schedule = schedule;
  state_.hold_steps = options_.schedule.hold_steps;
}

bool Trainer::patience_ended() const {
  return options_.patience > 0 && state_.validations_without_best >= options_.patience;
}

StopReason Trainer::run(TrainObserver& observer) {
  const double started = observer.now() - state_.elapsed_seconds;
  fix_total(true);
  StepReport report{.step = state_.step, .tokens = state_.tokens, .loss = state_.last_loss};
  if (state_.validation_pending) {
    validate(report);
    observer.on_last_validation(report);
  }
  while (!budget_reached()) {
    if (patience_ended()) return StopReason::patience;
    const Drawn drawn = draw();
    if (drawn.sequences == 0) {
      if (state_.step == 0) throw Error("the stream has no token to train on");
      if (validation_due(true) && !validation_due(false) && !report.validation_loss) {
        validate(report);
        observer.on_last_validation(report);
      }
      check_learned();
      return StopReason::end_of_data;
    }
    const StepResult result = take_step(drawn);
    inside_step_ = false;
    state_.elapsed_seconds = observer.now() - started;
    fix_total(false);
    report = {.step = state_.step,
              .tokens = state_.tokens,
              .step_positions = drawn.sequences * batch_.length,
              .loss = result.loss.mean(),
              .gradient_norm = result.gradient_norm,
              .noise_scale = result.noise_scale,
              .learning_rate = result.learning_rate,
              .elapsed_seconds = state_.elapsed_seconds,
              .total_steps = total_steps(),
              .objectives = result.objectives,
              .skipped = result.skipped};
    if (validation_due(budget_reached())) validate(report);
    observer.on_step(report);
    if (patience_ended()) return StopReason::patience;
    const RunRequests requests = observer.requests();
    if (requests.stop != 0) return StopReason::interrupted;
    observer.maybe_save(requests);
  }
  check_learned();
  return StopReason::budget;
}

/// Throws Error if no step's examples had a target, which leaves the weights as they were.
void Trainer::check_learned() const {
  if (state_.tokens > 0 || state_.skipped_steps > 0 || state_.step == 0) return;
  throw Error("nothing was learned: no example of " + std::to_string(state_.step) +
              " steps had a target; give other data, more steps or another --objective");
}

Trainer::StepResult Trainer::take_step(const Drawn& drawn) {
  StepResult result;
  inside_step_ = true;
  result.learning_rate = learning_rate_at(options_.schedule, state_.step, total_steps());
  state_.position = source_.position();
  state_.consumed = source_.consumed();
  add_counts(state_.counts, drawn.counts);
  state_.step += 1;
  if (drawn.weight == 0) {
    result.skipped = true;
    result.loss = {.nats = state_.last_loss, .weight = 1};
    return result;
  }
  const Parameters<float>& gradients = accumulate_gradients(drawn, result);
  const double squares = rank_sum_.sum_of_squares(compute_, gradients);
  result.gradient_norm = std::sqrt(squares);
  if (!std::isfinite(result.loss.nats) || !std::isfinite(result.gradient_norm)) {
    if (options_.on_non_finite == OnNonFinite::stop) {
      throw Error("the loss or its gradient is not finite at step " + std::to_string(state_.step) +
                  "; lower --lr, or skip such steps with --on-nan skip");
    }
    result.skipped = true;
    state_.skipped_steps += 1;
    return result;
  }
  if (const std::optional<NoiseEstimate> estimate = estimate_noise(norms_, squares)) {
    state_.noise.add(*estimate);
    result.noise_scale = state_.noise.scale();
  }
  const bool clips = options_.clip > 0 && result.gradient_norm > options_.clip;
  apply_update(gradients, clips ? options_.clip / result.gradient_norm : 1.0, result.learning_rate);
  state_.tokens += static_cast<std::int64_t>(std::llround(drawn.weight));
  state_.last_loss = result.loss.mean();
  return result;
}

void Trainer::apply_update(const Parameters<float>& gradients, double gradient_scale, double learning_rate) {
  optimizer_.step(compute_, weights_, gradients, learning_rate, gradient_scale);
  rank_sum_.gather(compute_, weights_);
  state_.optimizer_steps = optimizer_.steps();
  if (!average_) return;
  // Early averages follow the weights closely, so that the start is forgotten.
  const auto taken = static_cast<double>(state_.optimizer_steps);
  const double decay = std::min(options_.average_decay, (1.0 + taken) / (10.0 + taken));
  moving_average<float>(compute_, average_->flat(), weights_.flat(), decay);
}

bool Trainer::validation_due(bool last) const {
  if (validator_ == nullptr) return false;
  return last || (options_.valid_every > 0 && state_.step % options_.valid_every == 0);
}

void Trainer::validate(StepReport& report) {
  const Parameters<float>& judged = average_ ? *average_ : weights_;
  state_.validation_pending = true;
  const ValidationResult result = validator_->evaluate(compute_, judged, activations_, ranks_);
  const double loss = result.loss;
  state_.validation_pending = false;
  state_.last_validation = report.validation_loss = loss;
  if (result.causal() != nullptr) {
    state_.last_bits_per_byte = report.validation_bits_per_byte = result.causal()->bits_per_byte;
  }
  report.validation_parts = result.parts;
  if (!state_.best_validation || loss < *state_.best_validation) {
    state_.best_validation = loss;
    state_.best_step = state_.step;
    state_.validations_without_best = 0;
    if (best_) copy<float>(compute_, best_->flat(), judged.flat());
  } else {
    state_.validations_without_best += 1;
  }
}

}  // namespace lm
