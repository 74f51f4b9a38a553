// What lm-train chooses if it was given nothing but a budget in time: a model, context, batch, dropout and weight decay fit
// for the text's length, the time and the machine's speed. Its precision is the fastest.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "kernels/precision.h"
#include "tasks/train/settings.h"

namespace lm {

struct Recipe {
  std::int64_t layers = 0, channels = 0, context = 0, batch = 0;
  double dropout = 0;
  double weight_decay = 0;
  double epochs = 0;                                       // that the time is expected to allow
  std::optional<std::int64_t> most_epochs = std::nullopt;  // if that is more than are of use
};

struct RecipeFacts {
  std::int64_t tokens = 0;      // to train on, held-out ones not counted
  std::int64_t vocab_size = 0;  // ids
  double seconds = 0;           // of training
  double peak_flops = 0;        // fused multiply-adds in fp32 on all threads, FLOP/s, as measured on this machine
  Precision precision = Precision::fp32;
  std::function<bool(const Recipe& recipe)> fits = nullptr;  // whether memory suffices for it; empty: always
};

/// Applies the rule that was fitted on the sweeps of tests/bench/training/time_sweep.sh. The size grows with a power of the
/// arithmetic that fits the time, and is limited by a power of the text's length, since a large model that reads a small
/// text again and again learns it by heart. Dropout grows with the epochs and with the weights for each token of the text,
/// weight decay with the epochs, which are limited if more would only teach it by heart. If that model does not fit into
/// memory, the largest one that does is taken; if none does, the smallest.
Recipe choose_recipe(const RecipeFacts& facts);

/// Gives each setting that is not among `named` the recipe's value.
void set_recipe(TrainSettings& settings, const SettingSet& named, const Recipe& recipe);

/// Returns true if a size of the model is among `named`: who names one has a model in mind, and nothing is chosen.
bool names_model_size(const SettingSet& named);

/// Returns a sentence that says what was chosen for so many tokens, and why: the recipe's settings that are not among
/// `named`, and the precision, which was chosen before.
std::string describe_recipe(const TrainSettings& settings, const SettingSet& named, const Recipe& recipe,
                            std::int64_t tokens);

}  // namespace lm
