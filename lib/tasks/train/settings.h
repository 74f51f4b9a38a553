// TrainSettings: everything that decides which model a run of lm-train makes, stated once. Options, --help, the state's
// record and the check on resuming all follow from visit_settings().
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kernels/precision.h"
#include "model/config.h"
#include "objectives/mixture.h"
#include "objectives/objective.h"
#include "tasks/train/setting.h"
#include "train/trainer.h"

namespace lm {

/// Limits a step's sequences or tokens, whose ids and weights are held at once; low enough that totals over a run do not
/// overflow.
constexpr std::int64_t kLargestStep = std::int64_t{1} << 28;
/// Limits a run's steps, for the same reason.
constexpr std::int64_t kMostSteps = 1'000'000'000;

/// Sizes that are empty are chosen by resolve_model().
struct ModelSettings {
  Family family = ModelConfig{}.family;
  std::optional<std::int64_t> layers, heads, kv_heads, head_dim, channels, ffn, context;
  double dropout = 0.0;
  std::optional<bool> tied;
};

/// Defaults are those of TrainerOptions and ObjectiveOptions. An optional is empty until resolve_settings() has chosen its
/// value, which trainer_options() and objective_options() then use in place of the field of the same meaning in `trainer` or
/// `objectives`. (`attend` may stay empty: it is then what suits the objective.)
struct TrainSettings {
  ModelSettings model;
  Mixture objective;
  ObjectiveOptions objectives;  // rates and cuts of all objectives
  std::optional<Attend> attend;
  TrainerOptions trainer;
  std::optional<std::int64_t> micro_batch, warmup;
  std::optional<double> learning_rate, min_learning_rate;
  std::optional<Precision> precision = TrainerOptions{}.precision;  // empty: the fastest here
  double valid_fraction = 0.0;
  bool one_pass = false;
};

/// Reads "0.9,0.95"; empty if the text is not two numbers in [0, 1).
std::optional<Betas> parse_betas(std::string_view text);
std::string to_string(const Betas& betas);

/// Calls visit(info, field) for each setting.
template <class Settings, class Visit>
void visit_settings(Settings& s, Visit&& visit) {
  using enum Setting;
  constexpr double kSize = 1 << 30;
  constexpr double kStep = kLargestStep;
  constexpr double kSteps = kMostSteps;
  const auto model = [&](Setting setting, const char* name, auto& field, const char* help, double low = 0, double high = 0) {
    visit(SettingInfo{setting, name, "Model", help, low, high}, field);
  };
  model(family, "family", s.model.family, "whose layers and tensor names the model has");
  model(layers, "layers", s.model.layers, "number of layers (default 4)", 1, 10'000);
  model(heads, "heads", s.model.heads, "attention heads (default: channels / 64, at least 1)", 1, kSize);
  model(kv_heads, "kv-heads", s.model.kv_heads,
        "heads of keys and values, a divisor of the heads (default: as many as heads)", 1, kSize);
  model(head_dim, "head-dim", s.model.head_dim, "width of a head (default: channels / heads)", 1, kSize);
  model(channels, "channels", s.model.channels, "width of the residual stream (default 256)", 1, kSize);
  model(ffn, "ffn", s.model.ffn, "width of the feed-forward part (default: 8/3 or, with gpt2, 4 times the channels)", 1,
        kSize);
  model(context, "context", s.model.context,
        "longest sequence in tokens, and the length of training windows (default 256); with --init-from only of the windows",
        1, kStep);
  model(dropout, "dropout", s.model.dropout, "fraction of the residual branches' outputs dropped in training", 0, 0.95);
  model(tied, "tied", s.model.tied, "use one matrix for embedding and output head");

  const auto objectives = [&](Setting setting, const char* name, auto& field, const char* help, double low = 0,
                              double high = 0) {
    visit(SettingInfo{setting, name, "Objective", help, low, high}, field);
  };
  objectives(objective, "objective", s.objective,
             "what is predicted, as lm-objectives(7) explains, or a mixture such as causal:0.5,fim:0.5");
  objectives(attend, "attend", s.attend,
             "window: documents that share a window see each other; document: they do not (default: window; masked: "
             "document)");
  objectives(mask_rate, "mask-rate", s.objectives.mask_rate, "with masked: fraction of the tokens that are hidden", 0.0001,
             1);
  objectives(span_density, "span-density", s.objectives.span_density, "with span: fraction of the tokens that are hidden",
             0.0001, 0.9999);
  objectives(span_length, "span-length", s.objectives.span_length, "with span: mean length of a hidden span", 1, 1e6);
  objectives(fim_rate, "fim-rate", s.objectives.fim_rate, "with fim: fraction of the pieces that are rearranged", 0, 1);
  objectives(spm_rate, "spm-rate", s.objectives.spm_rate, "with fim: fraction of those whose suffix comes first", 0, 1);
  objectives(fim_cut, "fim-cut", s.objectives.fim_cut,
             "with fim: cut between characters (char), tokens (token) or lines (line)");

  const auto optimizers = [&](Setting setting, const char* name, auto& field, const char* help, double low = 0,
                              double high = 0) {
    visit(SettingInfo{setting, name, "Optimizer", help, low, high}, field);
  };
  optimizers(batch, "batch", s.trainer.batch_sequences, "sequences a step", 1, kStep);
  optimizers(micro_batch, "micro-batch", s.micro_batch, "sequences a pass, or auto: as many as fit into --memory", 1, kStep);
  optimizers(optimizer, "optimizer", s.trainer.optimizer.kind,
             "muon for the matrices of the layers and adamw for the rest, or adamw for all");
  optimizers(learning_rate, "lr", s.learning_rate,
             "highest learning rate (default: 0.004, with adamw 0.001, at 256 channels, falling with the square root of the "
             "width; with --init-from a tenth of that)",
             0, 100);
  optimizers(min_learning_rate, "min-lr", s.min_learning_rate,
             "rate at which the decay ends (default 0; cosine: a tenth of --lr)", 0, 100);
  optimizers(warmup, "warmup", s.warmup, "steps of linear warm-up (default: a twentieth of the steps, at most 100)", 0,
             kSteps);
  optimizers(hold, "hold", s.trainer.schedule.hold_steps,
             "with cosine and linear: steps at the full rate between warm-up and decay", 0, kSteps);
  optimizers(schedule, "schedule", s.trainer.schedule.kind, "how the learning rate changes during the run");
  optimizers(decay_share, "decay-share", s.trainer.schedule.decay_share,
             "with wsd: the last fraction of the steps, in which the rate falls linearly", 0, 0.9);
  optimizers(weight_decay, "weight-decay", s.trainer.optimizer.weight_decay, "of matrices; vectors do not decay", 0, 100);
  optimizers(betas, "betas", s.trainer.optimizer.betas, "adamw's decay of the two moments");
  optimizers(momentum, "momentum", s.trainer.optimizer.momentum, "muon's decay of its moment", 0, 0.9999999);
  optimizers(clip, "clip", s.trainer.clip, "largest norm of the gradient; 0: any", 0, 1e30);
  optimizers(average, "ema", s.trainer.average_decay,
             "decay of a moving average of the weights, which the model then gets; 0: none", 0, 0.9999999);
  optimizers(precision, "precision", s.precision,
             "format to which factors of products are rounded; mixed: the one that is fastest here");
  optimizers(seed, "seed", s.trainer.seed, "of initial weights, order of the data and dropout", 0,
             static_cast<double>((std::int64_t{1} << 53) - 1));

  visit(SettingInfo{patience, "patience", "Validation", "stop after this many validations without a new best; 0: never", 0,
                    kSteps},
        s.trainer.patience);
  visit(SettingInfo{keep, "keep", "Validation", "which weights the model gets: the last, or those of the best validation"},
        s.trainer.keep);
  visit(SettingInfo{on_nan, "on-nan", "Checkpoints", "what to do if a loss is not finite: stop the run, or skip the step"},
        s.trainer.on_non_finite);
  visit(SettingInfo{valid_fraction, "valid-fraction", "Validation",
                    "hold out this last fraction of the documents (of the tokens if there is only one document)", 0, 0.9},
        s.valid_fraction);
  visit(SettingInfo{one_pass, "one-pass", "Budget", "train on a stream as it comes, in order, without keeping it"},
        s.one_pass);
}

/// Throws Error for numbers that are out of range, whatever the data.
void check_settings(const TrainSettings& settings);

}  // namespace lm
