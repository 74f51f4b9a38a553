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

/// Adds each row to the loss of its sequence's objective.
void add_objective_losses(std::vector<ObjectiveLoss>& losses, const Batch& batch, std::span<const double> row_nats) {
  for (std::int64_t sequence = 0; sequence < batch.sequences; ++sequence) {
    const std::int64_t number = batch.objective.empty() ? 0 : batch.objective[static_cast<std::size_t>(sequence)];
    auto entry =
        std::find_if(losses.begin(), losses.end(), [&](const ObjectiveLoss& loss) { return loss.number == number; });
    if (entry == losses.end()) entry = losses.insert(entry, {.number = number, .loss = {}});
    for (std::int64_t i = sequence * batch.length; i < (sequence + 1) * batch.length; ++i) {
      entry->loss.nats += row_nats[static_cast<std::size_t>(i)];
      entry->loss.weight += static_cast<double>(batch.weight[static_cast<std::size_t>(i)]);
    }
  }
}

std::int64_t micro_batches(const TrainerOptions& options) {
  return divide_up(options.batch_sequences, options.micro_batch_sequences);
}

}  // namespace

Trainer::Trainer(Compute& compute, const ModelConfig& config, const TrainerOptions& options, BatchSource& source,
                 Validator* validator, std::optional<Parameters<float>> initial)
    : compute_(compute),
      options_(options),
      source_(source),
      validator_(validator),
      weights_(initial ? Parameters<float>(std::move(*initial), config) : Parameters<float>(config)),
      optimizer_(config, options.optimizer),
      gradients_(config, micro_batches(options)),
      activations_(config, options.micro_batch_sequences, options.context_length, options.keep_activations),
      transformer_(compute, weights_, options.precision) {
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
  scratch = larger(scratch, sum_of_squares_scratch(arena / static_cast<std::int64_t>(sizeof(float))));
  return {.weights = arena,
          .rounded = LinearLayers<float>::bytes(config, options.precision),
          .gradients = GradientSum::bytes(config, micro_batches(options)),
          .moments = Optimizer::bytes(config, options.optimizer),
          .averages = arena * averages,
          .activations = Activations<float>::bytes(config, sequences, length, options.keep_activations),
          .batches = Batch::bytes(length * options.batch_sequences) +
                     (micro_batches(options) > 1 ? Batch::bytes(length * sequences) : 0) +
                     Transformer<float>::bytes(length * sequences),
          .scratch = scratch.worker * threads + scratch.shared};
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

void Trainer::check_finite() {
  bool finite = all_finite<float>(compute_, weights_.flat()) && all_finite<float>(compute_, first_moment().flat()) &&
                all_finite<float>(compute_, second_moment().flat());
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
    source_.next(batch_, options_.batch_sequences);
    if (batch_.sequences == 0) {
      if (state_.step == 0) throw Error("the stream has no token to train on");
      if (validation_due(true) && !validation_due(false) && !report.validation_loss) {
        validate(report);
        observer.on_last_validation(report);
      }
      check_learned();
      return StopReason::end_of_data;
    }
    const StepResult result = take_step();
    inside_step_ = false;
    state_.elapsed_seconds = observer.now() - started;
    fix_total(false);
    report = {.step = state_.step,
              .tokens = state_.tokens,
              .step_positions = batch_.rows(),
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
    if (observer.stop_requested()) return StopReason::interrupted;
    observer.maybe_save();
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

Trainer::StepResult Trainer::take_step() {
  StepResult result;
  inside_step_ = true;
  double total_weight = 0;
  for (const float weight : batch_.weight) total_weight += static_cast<double>(weight);
  result.learning_rate = learning_rate_at(options_.schedule, state_.step, total_steps());
  state_.position = source_.position();
  state_.consumed = source_.consumed();
  source_.count(state_.counts);
  state_.step += 1;
  if (total_weight == 0) {
    result.skipped = true;
    result.loss = {.nats = state_.last_loss, .weight = 1};
    return result;
  }
  accumulate_gradients(total_weight, result);
  const Parameters<float>& gradients = gradients_.total(compute_);
  const double squares = sum_of_squares<float>(compute_, gradients.flat());
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
  state_.tokens += static_cast<std::int64_t>(std::llround(total_weight));
  state_.last_loss = result.loss.mean();
  return result;
}

void Trainer::accumulate_gradients(double total_weight, StepResult& result) {
  transformer_.weights_changed();
  norms_.clear();
  for (std::int64_t first = 0; first < batch_.sequences; first += options_.micro_batch_sequences) {
    const std::int64_t count = std::min(options_.micro_batch_sequences, batch_.sequences - first);
    const bool whole = count == batch_.sequences;
    if (!whole) slice(micro_batch_, batch_, first, count);
    const Batch& part = whole ? batch_ : micro_batch_;
    const DropoutPlan dropout{.rate = weights_.config().dropout,
                              .key = rng_key(static_cast<std::uint64_t>(options_.seed), RngPurpose::dropout),
                              .pass = static_cast<std::uint64_t>(state_.passes++)};
    Parameters<float>& gradients = gradients_.next(compute_);
    transformer_.forward(part, activations_, dropout);
    const Loss part_loss = transformer_.backward(part, activations_, gradients, 1.0 / total_weight, dropout);
    if (!whole) norms_.push_back({.squares = gradient_squares(compute_, gradients), .weight = part_loss.weight});
    gradients_.done(compute_);
    result.loss.nats += part_loss.nats;
    result.loss.weight += part_loss.weight;
    add_objective_losses(result.objectives, part, transformer_.row_nats());
  }
}

void Trainer::apply_update(const Parameters<float>& gradients, double gradient_scale, double learning_rate) {
  optimizer_.step(compute_, weights_, gradients, learning_rate, gradient_scale);
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
  const ValidationResult result = validator_->evaluate(compute_, judged, activations_);
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
