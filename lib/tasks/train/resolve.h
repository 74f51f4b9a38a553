// Resolving settings: what was left open is chosen to suit the model, the budget and the memory.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "kernels/compute.h"
#include "model/activations.h"
#include "tasks/train/settings.h"

namespace lm {

/// What a run's first weights are.
enum class Start {
  fresh,  // drawn at random
  model,  // a model's, which is fine-tuned
};

/// What defaults depend on.
struct ResolveFacts {
  Start start = Start::fresh;
  std::optional<std::int64_t> total_steps = {};  // if the budget or a recipe fixes them
  std::int64_t memory = 0;                       // bytes that micro-batch auto may fill
  Keep keep_activations = Keep::training;
  SimdTier tier = SimdTier::portable;
  std::int64_t held_out_bytes = 0;  // of held-out tokens that stay in memory
};

/// Fills every empty size and returns the model's shape. `initial`: the shape of the model that training starts from, or
/// null; named settings must agree with it. Its context stays the model's: the setting is only the length of the training
/// windows. Throws SettingsError for sizes that make no model, Error for those that differ from `initial`.
ModelConfig resolve_model(ModelSettings& settings, std::int64_t vocab_size, const ModelConfig* initial,
                          const SettingSet& named);
/// Throws SettingsError if a step, whose context is known, would have more than kLargestStep tokens.
void check_step_size(const TrainSettings& settings);
/// Fills the rest, once the model is known. Throws SettingsError if no micro-batch fits, naming what the smallest step
/// needs.
void resolve_settings(TrainSettings& settings, const ModelConfig& config, const ResolveFacts& facts);

/// Throws Error if the ranks cannot share the steps of the run that `state` records, naming the numbers of ranks that can.
void check_resumed_ranks(const TrainSettings& settings, const std::string& state);
/// Returns a sentence on the micro-batch that was chosen for several ranks.
std::string describe_micro_batch(const TrainSettings& settings);

/// Returns the trainer's options that resolved settings amount to. The caller fills in budgets, the interval of validations
/// and which activations to keep.
TrainerOptions trainer_options(const TrainSettings& settings);
/// Returns the options that objectives are made with, once the context is known. The caller fills in what comes from the
/// tokenizer: end-of-text, special ids, table and codec.
ObjectiveOptions objective_options(const TrainSettings& settings);

/// Returns a sentence on fine-tuning `model`: optimizer, rate, windows and context, as they will be.
std::string describe_fine_tuning(const TrainSettings& settings, const ModelConfig& config, const std::string& model);

}  // namespace lm
