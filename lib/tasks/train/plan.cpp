#include "tasks/train/plan.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "base/round.h"
#include "tasks/train/recipe.h"
#include "tasks/train/resolve.h"

namespace lm {

namespace {

/// Of measuring the machine's peak, before a recipe is chosen.
constexpr int kPeakMilliseconds = 150;
// A token scored costs a third of one trained on: about a twentieth of the time goes into validation.
constexpr double kValidationCost = 0.15;
constexpr std::int64_t kFewestStepsBetweenValidations = 100;

/// Returns true if the time to train is all that was asked for, so that the rest is chosen to suit it.
bool wants_recipe(const TrainRequest& request) {
  return request.budget.only_time() && !request.settings.one_pass && request.init_from.empty() &&
         !names_model_size(request.named);
}

ResolveFacts resolve_facts(const TrainSettings& settings, const TrainRequest& request, const TrainInputs& inputs,
                           const Machine& machine) {
  return {.start = inputs.initial ? Start::model : Start::fresh,
          .total_steps = {},
          .memory = request.memory,
          .keep_activations = request.keep_activations,
          .tier = machine.tier,
          .held_out_bytes = validation_bytes(settings, inputs, settings.trainer.batch_sequences)};
}

/// Returns true if a step of the recipe fits into the memory that was given.
bool fits(const Recipe& recipe, TrainSettings settings, const TrainRequest& request, const TrainInputs& inputs,
          const Machine& machine) {
  set_recipe(settings, request.named, recipe);
  const ModelConfig config = resolve_model(settings.model, inputs.vocab_size, nullptr, request.named);
  try {
    resolve_settings(settings, config, resolve_facts(settings, request, inputs, machine));
  } catch (const SettingsError&) {
    return false;
  }
  return true;
}

/// Chooses a recipe for the plan's settings, and returns the tokens that the time is expected to allow.
double apply_recipe(TrainPlan& plan, const TrainRequest& request, const TrainInputs& inputs, const Machine& machine) {
  const std::int64_t tokens = inputs.corpus->size();
  const Recipe recipe = choose_recipe(
      {.tokens = tokens,
       .vocab_size = inputs.vocab_size,
       .seconds = *request.budget.seconds,
       .peak_flops = request.ranks * machine.peak_flops(),
       .precision = plan.settings.precision.value(),
       .fits = [&](const Recipe& candidate) { return fits(candidate, plan.settings, request, inputs, machine); }});
  set_recipe(plan.settings, request.named, recipe);
  plan.notes.push_back(describe_recipe(plan.settings, request.named, recipe, tokens));
  plan.budget.recipe_epochs = recipe.most_epochs;
  return recipe.epochs * static_cast<double>(tokens);
}

/// Returns the number of steps that the budget amounts to, if that is known before the run.
std::optional<std::int64_t> steps_of_budget(const TrainPlan& plan) {
  const TrainBudget& budget = plan.budget;
  const std::int64_t batch = plan.settings.trainer.batch_sequences;
  std::optional<std::int64_t> total = budget.steps;
  const auto limit = [&](std::int64_t steps) { total = total ? std::min(*total, steps) : steps; };
  if (budget.tokens) limit(divide_up(*budget.tokens, batch * plan.settings.model.context.value()));
  const std::optional<std::int64_t> epochs = budget.epochs ? budget.epochs : budget.recipe_epochs;
  if (!epochs) return total;
  if (const std::optional<std::int64_t> windows = plan.examples.windows_in(*epochs)) {
    const double sequences = std::ceil(static_cast<double>(*windows) / plan.examples.shares.front().share);
    limit(divide_up(static_cast<std::int64_t>(sequences), batch));
  }
  return total;
}

std::int64_t steps_between_validations(const TrainPlan& plan, const TrainRequest& request, const TrainInputs& inputs) {
  if (request.valid_every) return *request.valid_every;
  if (!inputs.valid) return plan.trainer.valid_every;
  const double scored = static_cast<double>(inputs.valid->size());
  return std::max(
      kFewestStepsBetweenValidations,
      static_cast<std::int64_t>(std::ceil(scored / (kValidationCost * static_cast<double>(plan.step_positions())))));
}

/// Fills in the trainer's options once the settings are resolved.
void finish(TrainPlan& plan, const TrainRequest& request, const TrainInputs& inputs) {
  plan.trainer = trainer_options(plan.settings);
  plan.trainer.keep_activations = request.keep_activations;
  plan.trainer.total_steps = steps_of_budget(plan);
  plan.trainer.seconds = plan.budget.seconds;
  plan.trainer.valid_every = steps_between_validations(plan, request, inputs);
}

TrainPlan begin_plan(const TrainRequest& request, const TrainInputs& inputs) {
  TrainPlan plan{.settings = request.settings,
                 .config = {},
                 .trainer = {},
                 .budget = request.budget,
                 .init_from = request.init_from,
                 .output = request.output,
                 .state = request.state,
                 .ends = inputs.ends,
                 .folder = inputs.folder,
                 .examples = {},
                 .notes = inputs.notes};
  plan.settings.trainer.ranks = request.ranks;
  return plan;
}

void check_same_inputs(const TrainInputs& inputs, const RecordedRun& recorded) {
  if (recorded.data != data_identity(inputs)) refuse_other_input(recorded.path, "the training data");
  if (recorded.valid != valid_identity(inputs)) refuse_other_input(recorded.path, "the held-out data");
}

}  // namespace

Machine machine_of(Compute& compute) {
  return {.tier = compute.simd(),
          .fastest_precision = [&compute] { return fastest_precision(compute); },
          .peak_flops = [&compute] { return measure_peak_flops(compute, kPeakMilliseconds); }};
}

Machine machine_of(Compute& compute, Ranks& ranks) {
  const Machine own = machine_of(compute);
  return {.tier = own.tier,
          .fastest_precision =
              [own, &ranks] { return from_first(ranks, ranks.rank() == 0 ? own.fastest_precision() : Precision::fp32); },
          .peak_flops = [own, &ranks] { return from_first(ranks, ranks.rank() == 0 ? own.peak_flops() : 0.0); }};
}

TrainPlan plan_fresh(const TrainRequest& request, const TrainInputs& inputs, const Machine& machine) {
  TrainPlan plan = begin_plan(request, inputs);
  TrainSettings& settings = plan.settings;
  const bool by_recipe = wants_recipe(request);
  if (by_recipe && !request.named.has(Setting::precision)) settings.precision.reset();
  if (!settings.precision) settings.precision = machine.fastest_precision();
  std::optional<double> expected_tokens;
  if (by_recipe) expected_tokens = apply_recipe(plan, request, inputs, machine);
  const ModelConfig* initial = inputs.initial ? &inputs.initial->record.config : nullptr;
  plan.config = resolve_model(settings.model, inputs.vocab_size, initial, request.named);
  check_step_size(settings);
  plan.examples = open_examples(settings, inputs);
  ResolveFacts facts = resolve_facts(settings, request, inputs, machine);
  facts.total_steps = steps_of_budget(plan);
  if (!facts.total_steps && expected_tokens) {
    const std::int64_t step = settings.trainer.batch_sequences * *settings.model.context;
    facts.total_steps = static_cast<std::int64_t>(*expected_tokens / static_cast<double>(step));
  }
  const bool chosen = !settings.micro_batch;
  resolve_settings(settings, plan.config, facts);
  if (chosen && request.ranks > 1) plan.notes.push_back(describe_micro_batch(settings));
  if (inputs.initial) plan.notes.push_back(describe_fine_tuning(settings, plan.config, request.init_from));
  finish(plan, request, inputs);
  return plan;
}

TrainPlan plan_resumed(const TrainRequest& request, const TrainInputs& inputs, const RecordedRun& recorded) {
  TrainPlan plan = begin_plan(request, inputs);
  if (recorded.tier > best_simd_tier()) {
    plan.notes.insert(plan.notes.begin(), std::string("this CPU lacks ") + to_string(recorded.tier) +
                                              ", on which the run began: its bits will differ from there on");
  }
  plan.config = recorded.config();
  plan.init_from = recorded.init_from;
  plan.ends = recorded.file.record().ends;
  plan.folder = recorded.file.record().folder;
  plan.examples = open_examples(plan.settings, inputs);
  check_same_inputs(inputs, recorded);
  check_resumed_ranks(plan.settings, recorded.path);
  finish(plan, request, inputs);
  return plan;
}

}  // namespace lm
