#include "tasks/train/resolve.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/error.h"
#include "base/number_text.h"
#include "base/round.h"
#include "train/ranks/ranks.h"

namespace lm {

namespace {

constexpr std::int64_t kMaximumWarmup = 100;
// Windows of fine-tuning, unless named: a step of 16 windows of some models' context would take minutes.
constexpr std::int64_t kUsualTuningWindow = 1024;
// The program itself, its tokenizer, and scratch of further threads, whose number must not decide which bits come out.
constexpr std::int64_t kProgramBytes = std::int64_t{32} << 20;
// Fine-tuning's learning rate relative to that of fresh weights: what tests/bench/training/fine_tuning.py found to teach a
// new text soon and to leave a model on its own text as good as it was.
constexpr double kTuningRate = 0.1;

[[noreturn]] void refuse_difference(const char* name) {
  throw Error(std::string("--") + name + " differs from the model that --init-from names; leave it out");
}

/// `named` values must be those of the model that training starts from.
template <class T>
void adopt(Setting setting, const char* name, std::optional<T>& value, T initial, const SettingSet& named) {
  if (named.has(setting) && value && *value != initial) refuse_difference(name);
  value = initial;
}

void adopt_model(ModelSettings& s, const ModelConfig& initial, const SettingSet& named) {
  if (named.has(Setting::family) && s.family != initial.family) refuse_difference("family");
  s.family = initial.family;
  adopt(Setting::layers, "layers", s.layers, initial.n_layers, named);
  adopt(Setting::heads, "heads", s.heads, initial.n_heads, named);
  adopt(Setting::kv_heads, "kv-heads", s.kv_heads, initial.n_kv_heads, named);
  adopt(Setting::head_dim, "head-dim", s.head_dim, initial.head_dim, named);
  adopt(Setting::channels, "channels", s.channels, initial.channels, named);
  adopt(Setting::ffn, "ffn", s.ffn, initial.ffn_dim, named);
  adopt(Setting::tied, "tied", s.tied, initial.tied_embeddings, named);
  if (!s.context) s.context = std::min(initial.context_length, kUsualTuningWindow);
  if (*s.context > initial.context_length) {
    throw Error("--context " + std::to_string(*s.context) +
                " is longer than the context of the model that --init-from names, " +
                std::to_string(initial.context_length) + " tokens; give at most that");
  }
}

/// Returns the shape that the settings name, with defaults for the rest.
ModelConfig fresh_model(const ModelSettings& s, std::int64_t vocab_size) {
  ModelConfig config = family_defaults(s.family);
  config.n_layers = s.layers.value_or(config.n_layers);
  config.channels = s.channels.value_or(config.channels);
  config.n_heads = s.heads.value_or(std::max<std::int64_t>(1, config.channels / 64));
  config.n_kv_heads = s.kv_heads.value_or(config.n_heads);
  if (!s.head_dim && config.channels % config.n_heads != 0) {
    throw SettingsError("--heads " + std::to_string(config.n_heads) + " does not divide --channels " +
                        std::to_string(config.channels) + "; choose others or give --head-dim");
  }
  config.head_dim = s.head_dim.value_or(config.channels / config.n_heads);
  // 8/3 of the channels in three matrices have the weights of 4 times in two; multiples of 32 fill the vector units.
  const std::int64_t swiglu_width = round_up(config.channels * 8 / 3, 32);
  config.ffn_dim = s.ffn.value_or(!config.gated ? 4 * config.channels : swiglu_width);
  config.context_length = s.context.value_or(config.context_length);
  config.tied_embeddings = s.tied.value_or(false);
  config.dropout = s.dropout;
  config.vocab_size = vocab_size;
  try {
    check_config(config, "the command line");
  } catch (const Error& error) {
    throw SettingsError(error.what());
  }
  return config;
}

/// Documents of a window that is read both ways would otherwise colour each other's words.
Attend usual_attend(const Mixture& objective) {
  return objective.mixed() ? Attend::window : objective.shares().front().entry->usual_attend;
}

/// "a, b or c"
std::string one_of(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) text += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return text;
}

/// Returns the powers of two that can share steps of at most `most` parts: "1, 2 or 4 ranks".
std::string ranks_that(std::int64_t most, const std::function<bool(std::int64_t ranks)>& can) {
  std::vector<std::string> numbers;
  for (std::int64_t ranks = 1; ranks <= most; ranks *= 2) {
    if (can(ranks)) numbers.push_back(std::to_string(ranks));
  }
  return one_of(numbers) + (numbers.size() == 1 ? " rank" : " ranks");
}

std::string ranks_for(std::int64_t batch, std::int64_t micro_batch) {
  const std::int64_t count = divide_up(batch, micro_batch);
  return ranks_that(count, [&](std::int64_t ranks) { return can_share(static_cast<int>(ranks), count); });
}

/// Returns what so many ranks can share: the largest micro-batches of this batch, or else a batch of this micro-batch.
std::string shared_steps_for(std::int64_t batch, std::int64_t micro_batch, int ranks) {
  std::vector<std::string> sizes;
  for (std::int64_t size = batch; size >= 1 && sizes.size() < 4; --size) {
    if (can_share(ranks, divide_up(batch, size))) sizes.push_back(std::to_string(size));
  }
  if (!sizes.empty()) return "--micro-batch " + one_of(sizes);
  std::int64_t count = ranks;
  while (count * micro_batch < batch) count *= 2;
  return "--batch " + std::to_string(count * micro_batch);
}

void check_shared_steps(const TrainSettings& s) {
  const int ranks = s.trainer.ranks;
  const std::int64_t batch = s.trainer.batch_sequences;
  if (!is_power_of_two(ranks))
    throw SettingsError(std::to_string(ranks) + " ranks cannot share a run: their number must be a power of two");
  if (!s.micro_batch && ranks > 1 && batch % ranks != 0) {
    throw SettingsError("--batch " + std::to_string(batch) + " has no " + std::to_string(ranks) +
                        " equal parts; give a multiple of " + std::to_string(ranks) + ", or start " +
                        ranks_that(batch, [&](std::int64_t fewer) { return batch % fewer == 0; }));
  }
  if (!s.micro_batch || can_share(ranks, divide_up(batch, *s.micro_batch))) return;
  throw SettingsError("--micro-batch " + std::to_string(*s.micro_batch) + " of --batch " + std::to_string(batch) +
                      " makes steps that " + std::to_string(ranks) + " ranks cannot share; give " +
                      shared_steps_for(batch, *s.micro_batch, ranks) + ", or start " + ranks_for(batch, *s.micro_batch));
}

/// What the smallest step takes with the largest micro-batch that does, and that micro-batch.
struct MicroBatch {
  std::int64_t sequences = 0;
  std::int64_t bytes = 0;
};

/// Returns the largest micro-batch that fits into `memory`, else the one that takes the least: fewer sequences a pass mean
/// smaller activations but more gradients to sum. They are halves of the batch, so that micro-batches stay equal, and the
/// tree of their sums balanced, if the batch is a power of two. Several ranks begin with one for each, and keep them equal.
MicroBatch fit_micro_batch(TrainSettings s, const ModelConfig& config, const ResolveFacts& facts, Keep keep) {
  MicroBatch best;
  const int ranks = s.trainer.ranks;
  s.micro_batch = s.trainer.batch_sequences / ranks;
  for (;; s.micro_batch = (*s.micro_batch + 1) / 2) {
    TrainerOptions options = trainer_options(s);
    options.keep_activations = keep;
    const std::int64_t bytes =
        Trainer::memory(config, options, facts.tier, 1).total() + facts.held_out_bytes + kProgramBytes;
    if (best.sequences == 0 || bytes < best.bytes) best = {.sequences = *s.micro_batch, .bytes = bytes};
    if (bytes <= facts.memory || *s.micro_batch == 1 || (ranks > 1 && *s.micro_batch % 2 != 0)) return best;
  }
}

double usual_rate(OptimizerKind optimizer, const ModelConfig& config, Start start) {
  // Muon turns a square matrix by 0.2 sqrt(channels) times the rate, so the turn is the same at any width.
  const double fresh =
      (optimizer == OptimizerKind::muon ? 4e-3 : 1e-3) * std::sqrt(256.0 / static_cast<double>(config.channels));
  return start == Start::fresh ? fresh : kTuningRate * fresh;
}

std::string as_option(std::int64_t bytes) { return std::to_string((bytes >> 20) + 1) + "M"; }

std::int64_t choose_micro_batch(const TrainSettings& s, const ModelConfig& config, const ResolveFacts& facts) {
  const MicroBatch fit = fit_micro_batch(s, config, facts, facts.keep_activations);
  if (fit.bytes <= facts.memory) return fit.sequences;
  std::string advice = "give --memory " + as_option(fit.bytes) + ", a smaller --context or model";
  if (facts.keep_activations == Keep::training) {
    const std::int64_t recomputed = fit_micro_batch(s, config, facts, Keep::recomputing).bytes;
    if (recomputed < fit.bytes) advice += ", or --recompute layer, which needs " + as_option(recomputed);
  }
  throw SettingsError("no step fits into --memory " + as_option(facts.memory - 1) + ": the smallest, with --micro-batch " +
                      std::to_string(fit.sequences) + ", needs " + as_option(fit.bytes) + "; " + advice);
}

}  // namespace

ModelConfig resolve_model(ModelSettings& s, std::int64_t vocab_size, const ModelConfig* initial, const SettingSet& named) {
  if (initial != nullptr) {
    adopt_model(s, *initial, named);
    ModelConfig config = *initial;
    config.dropout = s.dropout;
    return config;
  }
  const ModelConfig config = fresh_model(s, vocab_size);
  s.layers = config.n_layers;
  s.channels = config.channels;
  s.heads = config.n_heads;
  s.kv_heads = config.n_kv_heads;
  s.head_dim = config.head_dim;
  s.ffn = config.ffn_dim;
  s.context = config.context_length;
  s.tied = config.tied_embeddings;
  return config;
}

void check_step_size(const TrainSettings& s) {
  const std::int64_t batch = s.trainer.batch_sequences, context = s.model.context.value();
  if (batch <= kLargestStep / context) return;
  throw SettingsError("--batch " + std::to_string(batch) + " times --context " + std::to_string(context) + " is more than " +
                      std::to_string(kLargestStep) + " tokens a step; lower one of them");
}

void resolve_settings(TrainSettings& s, const ModelConfig& config, const ResolveFacts& facts) {
  if (!s.attend) s.attend = usual_attend(s.objective);
  if (!s.learning_rate) s.learning_rate = usual_rate(s.trainer.optimizer.kind, config, facts.start);
  if (!s.min_learning_rate) {
    s.min_learning_rate = s.trainer.schedule.kind == ScheduleKind::cosine ? *s.learning_rate / 10 : 0.0;
  }
  if (!s.warmup) s.warmup = facts.total_steps ? std::min(kMaximumWarmup, *facts.total_steps / 20) : kMaximumWarmup;
  if (s.micro_batch) s.micro_batch = std::min(*s.micro_batch, s.trainer.batch_sequences);
  check_shared_steps(s);
  if (!s.micro_batch) s.micro_batch = choose_micro_batch(s, config, facts);
}

void check_resumed_ranks(const TrainSettings& s, const std::string& state) {
  const std::int64_t batch = s.trainer.batch_sequences, micro_batch = s.micro_batch.value();
  if (can_share(s.trainer.ranks, divide_up(batch, micro_batch))) return;
  throw Error("cannot resume '" + state + "' on " + std::to_string(s.trainer.ranks) + " ranks: its steps of --batch " +
              std::to_string(batch) + " and --micro-batch " + std::to_string(micro_batch) + " are for " +
              ranks_for(batch, micro_batch));
}

std::string describe_micro_batch(const TrainSettings& s) {
  return std::to_string(s.trainer.ranks) + " ranks take --micro-batch " + std::to_string(s.micro_batch.value()) +
         ", with which " + ranks_for(s.trainer.batch_sequences, s.micro_batch.value()) + " give the same model";
}

TrainerOptions trainer_options(const TrainSettings& s) {
  TrainerOptions options = s.trainer;
  options.micro_batch_sequences = s.micro_batch.value();
  options.context_length = s.model.context.value();
  options.schedule.learning_rate = s.learning_rate.value();
  options.schedule.min_learning_rate = s.min_learning_rate.value();
  options.schedule.warmup_steps = s.warmup.value();
  options.precision = s.precision.value();
  return options;
}

ObjectiveOptions objective_options(const TrainSettings& s) {
  ObjectiveOptions options = s.objectives;
  options.context_length = s.model.context.value();
  options.attend = s.attend.value_or(usual_attend(s.objective));
  options.mixed = s.objective.mixed();
  return options;
}

std::string describe_fine_tuning(const TrainSettings& s, const ModelConfig& config, const std::string& model) {
  return "fine-tuning '" + model + "' with --optimizer " + to_string(s.trainer.optimizer.kind) + " --lr " +
         short_text(s.learning_rate.value(), 3) + " in windows of " + std::to_string(s.model.context.value()) +
         " tokens; the model keeps its context of " + std::to_string(config.context_length);
}

}  // namespace lm
