// TrainSettings: everything that decides which model a run of lm-train makes, stated once. Options, help, the state's record
// and the check on resuming all follow from visit_settings().
#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "base/error.h"
#include "base/json.h"
#include "model/config.h"
#include "objectives/objective.h"
#include "train/trainer.h"

namespace lm {

/// Empty optionals are chosen by resolve_settings().
struct TrainSettings {
  std::string family = "qwen3";
  std::optional<std::int64_t> layers, heads, kv_heads, head_dim, channels, ffn, context;
  double dropout = 0.0;
  std::optional<bool> tied;

  std::string objective = "causal";
  std::optional<std::string> attend;
  double mask_rate = 0.15;
  double span_density = 0.15;
  double span_length = 3.0;
  double fim_rate = 0.5;
  double spm_rate = 0.5;
  std::string fim_cut = "char";

  std::int64_t batch = 16;
  std::optional<std::int64_t> micro_batch;
  std::string optimizer = "muon";
  std::optional<double> learning_rate, min_learning_rate;
  std::optional<std::int64_t> warmup;
  std::int64_t hold = 0;
  std::string schedule = "wsd";
  double decay_share = 0.6;
  double weight_decay = 0.1;
  std::string betas = "0.9,0.95";
  double momentum = 0.9;
  double clip = 1.0;
  double average = 0.0;
  std::string precision = "fp32";
  std::int64_t seed = 0;

  std::int64_t patience = 0;
  std::string keep = "last";
  std::string on_nan = "stop";

  double valid_fraction = 0.0;
  bool one_pass = false;
};

/// Calls visit(name, field, group, help) for each: the option is --name, and the record's key is name.
template <class Settings, class Visit>
void visit_settings(Settings& s, Visit&& visit) {
  visit("family", s.family, "Model", "whose layers and tensor names: qwen3, llama or gpt2");
  visit("layers", s.layers, "Model", "number of layers (default 4)");
  visit("heads", s.heads, "Model", "attention heads (default: channels / 64, at least 1)");
  visit("kv-heads", s.kv_heads, "Model", "heads of keys and values, which divide the heads (default: as many)");
  visit("head-dim", s.head_dim, "Model", "width of a head (default: channels / heads)");
  visit("channels", s.channels, "Model", "width of the residual stream (default 256)");
  visit("ffn", s.ffn, "Model", "width of the feed-forward part (default: 8/3 or, with gpt2, 4 times the channels)");
  visit("context", s.context, "Model",
        "longest sequence in tokens, and the length of training windows (default 256); with --init-from the windows' only");
  visit("dropout", s.dropout, "Model", "share of the residual branches' outputs dropped in training");
  visit("tied", s.tied, "Model", "one matrix for embedding and output head");
  visit("objective", s.objective, "Objective",
        "what is predicted, as lm-objectives(7) explains, or a mixture such as causal:0.5,fim:0.5");
  visit("attend", s.attend, "Objective",
        "window: documents that share a window see each other; document: they do not (default: window; masked: document)");
  visit("mask-rate", s.mask_rate, "Objective", "with masked: share of the tokens that are hidden");
  visit("span-density", s.span_density, "Objective", "with span: share of the tokens that are hidden");
  visit("span-length", s.span_length, "Objective", "with span: mean length of a hidden span");
  visit("fim-rate", s.fim_rate, "Objective", "with fim: share of the pieces that are rearranged");
  visit("spm-rate", s.spm_rate, "Objective", "with fim: share of those whose suffix comes first");
  visit("fim-cut", s.fim_cut, "Objective", "with fim: cut between characters (char), tokens (token) or lines (line)");
  visit("batch", s.batch, "Optimizer", "sequences a step");
  visit("micro-batch", s.micro_batch, "Optimizer", "sequences a pass, or auto: as many as --memory holds");
  visit("optimizer", s.optimizer, "Optimizer",
        "muon for the matrices of the layers and adamw for the rest, or adamw for all");
  visit("lr", s.learning_rate, "Optimizer",
        "highest learning rate (default: 0.004, with adamw 0.001, at 256 channels, falling with the square root of the "
        "width; with --init-from a tenth of that)");
  visit("min-lr", s.min_learning_rate, "Optimizer", "where the decay ends (default 0; cosine: a tenth of --lr)");
  visit("warmup", s.warmup, "Optimizer", "steps of linear warm-up (default: a twentieth of the steps, at most 100)");
  visit("hold", s.hold, "Optimizer", "with cosine and linear: steps at the full rate between warm-up and decay");
  visit("schedule", s.schedule, "Optimizer", "wsd, cosine, linear or constant");
  visit("decay-share", s.decay_share, "Optimizer",
        "with wsd: the last share of the steps, in which the rate falls linearly");
  visit("weight-decay", s.weight_decay, "Optimizer", "of matrices; vectors do not decay");
  visit("betas", s.betas, "Optimizer", "adamw's decay of the two moments");
  visit("momentum", s.momentum, "Optimizer", "muon's decay of its moment");
  visit("clip", s.clip, "Optimizer", "largest norm of the gradient; 0: any");
  visit("ema", s.average, "Optimizer", "decay of a moving average of the weights, which the model then gets; 0: none");
  visit("precision", s.precision, "Optimizer",
        "what factors of products are rounded to: fp32, bf16, fp16, or mixed for the one that is fastest here");
  visit("seed", s.seed, "Optimizer", "of initial weights, order of the data and dropout");
  visit("patience", s.patience, "Watching", "stop after this many validations without a new best; 0: never");
  visit("keep", s.keep, "Watching", "which weights the model gets: last, or those of the best validation");
  visit("on-nan", s.on_nan, "Safety", "what a loss that is not finite does: stop the run, or skip the step");
  visit("valid-fraction", s.valid_fraction, "Watching",
        "hold out this last share of the documents (of the tokens where there is one document)");
  visit("one-pass", s.one_pass, "Budget", "train on a stream as it comes, in order, without keeping it");
}

/// Throws Error for values that are no choice or out of range, whatever the data.
void check_settings(const TrainSettings& settings);

/// What a run's first weights are.
enum class Start {
  fresh,  // drawn at random
  model,  // a model's, which is fine-tuned
};

/// What the defaults depend on.
struct SettingsFacts {
  Start start = Start::fresh;
  std::optional<std::int64_t> total_steps;  // where the budget or a recipe tells
  std::int64_t memory = 0;                  // bytes that micro-batch auto may fill
  Keep keep_activations = Keep::training;
  SimdTier tier = SimdTier::portable;
  std::int64_t held_out_bytes = 0;  // of held-out tokens that stay in memory
};

/// Fills every empty optional. `initial`: the shape of the model that training starts from; named settings must agree with
/// it. Its context stays the model's: `settings.context` is only the length of the training windows.
ModelConfig resolve_model(TrainSettings& settings, std::int64_t vocab_size, const ModelConfig* initial,
                          const std::set<std::string>& named);
/// The rest, once the model is known. Throws SettingsError where no micro-batch fits, naming what the smallest step needs.
void resolve_settings(TrainSettings& settings, const ModelConfig& config, const SettingsFacts& facts);

/// Of resolved settings. Special ids, table and codec are the caller's to fill in.
TrainerOptions trainer_options(const TrainSettings& settings);
ObjectiveOptions objective_options(const TrainSettings& settings);

/// A sentence on fine-tuning `model`: optimizer, rate, windows and context, as they will be.
std::string describe_fine_tuning(const TrainSettings& settings, const ModelConfig& config, const std::string& model);

JsonValue settings_to_json(const TrainSettings& settings);
/// Settings of a state. `named` ones of `asked` must equal them. Throws Error naming the first that differs.
TrainSettings resumed_settings(const JsonValue& recorded, const TrainSettings& asked, const std::set<std::string>& named,
                               const std::string& source);

}  // namespace lm
