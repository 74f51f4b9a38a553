#include "tasks/train/settings.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <type_traits>

#include "base/error.h"
#include "base/number_text.h"
#include "base/round.h"
#include "base/suggest.h"
#include "objectives/mixture.h"
#include "tasks/train/setting_limits.h"

namespace lm {

namespace {

constexpr std::int64_t kMaximumWarmup = 100;
// Windows of fine-tuning, unless named: a step of 16 windows of some models' context would take minutes.
constexpr std::int64_t kUsualTuningWindow = 1024;

void require_choice(const char* name, const std::string& value, const std::vector<std::string>& choices) {
  if (std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  throw Error(unknown_word("--" + std::string(name), value, choices));
}

template <class Number>
void require_limits(const std::string& name, Number value, Limits<Number> limits) {
  if (value >= limits.low && value <= limits.high) return;
  throw Error("--" + name + " must be from " + JsonValue(limits.low).dump() + " to " + JsonValue(limits.high).dump() +
              ", got " + JsonValue(value).dump());
}

/// Settings that are no numbers have no limits.
template <class T>
void check_limits(const std::string& name, const T& value) {
  if constexpr (std::is_same_v<T, double>) require_limits(name, value, real_limits(name));
  if constexpr (std::is_same_v<T, std::int64_t>) require_limits(name, value, integer_limits(name));
}
template <class T>
void check_limits(const std::string& name, const std::optional<T>& value) {
  if (value) check_limits(name, *value);
}

std::pair<double, double> parse_betas(const std::string& text) {
  double first = -1;
  double second = -1;
  const char* end = text.data() + text.size();
  const auto [comma, error] = std::from_chars(text.data(), end, first);
  if (error == std::errc() && comma != end && *comma == ',') {
    const auto [rest, error2] = std::from_chars(comma + 1, end, second);
    if (error2 != std::errc() || rest != end) second = -1;
  }
  if (!(first >= 0 && first < 1 && second >= 0 && second < 1)) {
    throw Error("--betas wants two numbers in [0, 1) such as 0.9,0.95, got '" + text + "'");
  }
  return {first, second};
}

/// `named` values must be those of the model that training starts from.
template <class T>
void adopt(const char* name, std::optional<T>& value, T initial, const std::set<std::string>& named) {
  if (named.count(name) != 0 && value && *value != initial) {
    throw Error(std::string("--") + name + " differs from the model that --init-from names; leave it out");
  }
  value = initial;
}

void adopt_model(TrainSettings& s, const ModelConfig& initial, const std::set<std::string>& named) {
  if (named.count("family") != 0 && s.family != to_string(initial.family)) {
    throw Error("--family differs from the model that --init-from names; leave it out");
  }
  s.family = to_string(initial.family);
  adopt("layers", s.layers, initial.n_layers, named);
  adopt("heads", s.heads, initial.n_heads, named);
  adopt("kv-heads", s.kv_heads, initial.n_kv_heads, named);
  adopt("head-dim", s.head_dim, initial.head_dim, named);
  adopt("channels", s.channels, initial.channels, named);
  adopt("ffn", s.ffn, initial.ffn_dim, named);
  adopt("tied", s.tied, initial.tied_embeddings, named);
  if (!s.context) s.context = std::min(initial.context_length, kUsualTuningWindow);
  if (*s.context > initial.context_length) {
    throw Error("--context " + std::to_string(*s.context) +
                " is longer than the context of the model that --init-from names, " +
                std::to_string(initial.context_length) + " tokens; give at most that");
  }
}

JsonValue to_json(const std::string& value) { return value; }
JsonValue to_json(double value) { return value; }
JsonValue to_json(std::int64_t value) { return value; }
JsonValue to_json(bool value) { return value; }
template <class T>
JsonValue to_json(const std::optional<T>& value) {
  return value ? to_json(*value) : JsonValue();
}

void from_json(std::string& value, const JsonValue& json, const char* name, const std::string& source) {
  value = json.string_at(name, source);
}
void from_json(double& value, const JsonValue& json, const char* name, const std::string& source) {
  value = json.number_at(name, source);
}
void from_json(std::int64_t& value, const JsonValue& json, const char* name, const std::string& source) {
  value = json.integer_at(name, source);
}
void from_json(bool& value, const JsonValue& json, const char* name, const std::string& source) {
  value = json.boolean_at(name, source);
}
template <class T>
void from_json(std::optional<T>& value, const JsonValue& json, const char* name, const std::string& source) {
  T content{};
  from_json(content, json, name, source);
  value = content;
}

}  // namespace

void check_settings(const TrainSettings& s) {
  parse_choice<Family>(s.family);
  parse_choice<ScheduleKind>(s.schedule);
  parse_betas(s.betas);
  parse_mixture(s.objective);
  if (s.attend) require_choice("attend", *s.attend, {"window", "document"});
  require_choice("fim-cut", s.fim_cut, {"char", "token", "line"});
  parse_choice<OptimizerKind>(s.optimizer);
  require_choice("precision", s.precision, {"mixed", "fp32", "bf16", "fp16"});
  require_choice("keep", s.keep, {"last", "best"});
  require_choice("on-nan", s.on_nan, {"stop", "skip"});
  visit_settings(s, [](const char* name, const auto& value, const char*, const char*) { check_limits(name, value); });
}

ModelConfig resolve_model(TrainSettings& s, std::int64_t vocab_size, const ModelConfig* initial,
                          const std::set<std::string>& named) {
  if (initial != nullptr) {
    adopt_model(s, *initial, named);
    ModelConfig config = *initial;
    config.dropout = s.dropout;
    return config;
  }
  ModelConfig config = family_defaults(parse_choice<Family>(s.family));
  config.n_layers = s.layers.value_or(4);
  config.channels = s.channels.value_or(256);
  config.n_heads = s.heads.value_or(std::max<std::int64_t>(1, config.channels / 64));
  config.n_kv_heads = s.kv_heads.value_or(config.n_heads);
  if (!s.head_dim && config.channels % config.n_heads != 0) {
    throw SettingsError("--heads " + std::to_string(config.n_heads) + " does not divide --channels " +
                        std::to_string(config.channels) + "; choose others or give --head-dim");
  }
  config.head_dim = s.head_dim.value_or(config.channels / config.n_heads);
  // 8/3 of the channels in three matrices have the weights of 4 times in two; multiples of 32 fill the vector units.
  const std::int64_t swiglu_width = round_up(config.channels * 8 / 3, 32);
  config.ffn_dim = s.ffn.value_or(config.activation == Activation::gelu ? 4 * config.channels : swiglu_width);
  config.context_length = s.context.value_or(256);
  config.tied_embeddings = s.tied.value_or(false);
  config.dropout = s.dropout;
  config.vocab_size = vocab_size;
  try {
    check_config(config, "the command line");
  } catch (const Error& error) {
    throw SettingsError(error.what());
  }
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

namespace {

/// Documents of a window that is read both ways would otherwise colour each other's words.
const char* usual_attend(const TrainSettings& s) {
  const std::vector<ObjectiveShare> shares = parse_mixture(s.objective).shares();
  return shares.size() == 1 && shares.front().entry->usual_attend == Attend::document ? "document" : "window";
}

}  // namespace

namespace {

/// The program itself, its tokenizer, and scratch of further threads, whose number must not decide which bits come out.
constexpr std::int64_t kProgramBytes = std::int64_t{32} << 20;

/// What the smallest step takes with the largest micro-batch that does, and that micro-batch.
struct MicroBatch {
  std::int64_t sequences = 0;
  std::int64_t bytes = 0;
};

/// The largest micro-batch that fits into `memory`, else the one that takes the least: fewer sequences a pass mean smaller
/// activations but more gradients to sum. They are halves of the batch, so that micro-batches stay equal, and the tree of
/// their sums balanced, where the batch is a power of two.
MicroBatch fit_micro_batch(TrainSettings s, const ModelConfig& config, const SettingsFacts& facts, Keep keep) {
  MicroBatch best;
  s.micro_batch = s.batch;
  for (;; s.micro_batch = (*s.micro_batch + 1) / 2) {
    TrainerOptions options = trainer_options(s);
    options.keep_activations = keep;
    const std::int64_t bytes =
        Trainer::memory(config, options, facts.tier, 1).total() + facts.held_out_bytes + kProgramBytes;
    if (best.sequences == 0 || bytes < best.bytes) best = {.sequences = *s.micro_batch, .bytes = bytes};
    if (bytes <= facts.memory || *s.micro_batch == 1) return best;
  }
}

/// The rate of fine-tuning to that of fresh weights: what tests/bench/training/fine_tuning.py found to teach a new text soon
/// and to leave a model on its own text as good as it was.
constexpr double kTuningRate = 0.1;

double usual_rate(const TrainSettings& s, const ModelConfig& config, Start start) {
  // Muon turns a square matrix by 0.2 sqrt(channels) times the rate, so the turn is the same at any width.
  const double fresh = (parse_choice<OptimizerKind>(s.optimizer) == OptimizerKind::muon ? 4e-3 : 1e-3) *
                       std::sqrt(256.0 / static_cast<double>(config.channels));
  return start == Start::fresh ? fresh : kTuningRate * fresh;
}

std::string as_option(std::int64_t bytes) { return std::to_string((bytes >> 20) + 1) + "M"; }

std::int64_t choose_micro_batch(const TrainSettings& s, const ModelConfig& config, const SettingsFacts& facts) {
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

void resolve_settings(TrainSettings& s, const ModelConfig& config, const SettingsFacts& facts) {
  if (!s.attend) s.attend = usual_attend(s);
  if (!s.learning_rate) s.learning_rate = usual_rate(s, config, facts.start);
  if (!s.min_learning_rate) s.min_learning_rate = s.schedule == "cosine" ? *s.learning_rate / 10 : 0.0;
  if (!s.warmup) s.warmup = facts.total_steps ? std::min(kMaximumWarmup, *facts.total_steps / 20) : kMaximumWarmup;
  if (s.micro_batch) {
    s.micro_batch = std::min(*s.micro_batch, s.batch);
    return;
  }
  s.micro_batch = choose_micro_batch(s, config, facts);
}

TrainerOptions trainer_options(const TrainSettings& s) {
  const auto [beta1, beta2] = parse_betas(s.betas);
  TrainerOptions options;
  options.batch_sequences = s.batch;
  options.micro_batch_sequences = s.micro_batch.value();
  options.context_length = s.context.value();
  options.schedule = {.kind = parse_choice<ScheduleKind>(s.schedule),
                      .learning_rate = s.learning_rate.value(),
                      .min_learning_rate = s.min_learning_rate.value(),
                      .warmup_steps = s.warmup.value(),
                      .hold_steps = s.hold,
                      .decay_share = s.decay_share};
  options.optimizer = {.kind = parse_choice<OptimizerKind>(s.optimizer),
                       .betas = {.first = beta1, .second = beta2},
                       .eps = 1e-8,
                       .momentum = s.momentum,
                       .weight_decay = s.weight_decay};
  options.clip = s.clip;
  options.precision = parse_choice<Precision>(s.precision);
  options.average_decay = s.average;
  options.patience = s.patience;
  options.keep = s.keep == "best" ? KeepWeights::best : KeepWeights::last;
  options.on_non_finite = s.on_nan == "skip" ? OnNonFinite::skip : OnNonFinite::stop;
  options.seed = s.seed;
  return options;
}

ObjectiveOptions objective_options(const TrainSettings& s) {
  ObjectiveOptions options;
  options.context_length = s.context.value();
  options.attend = s.attend.value_or(usual_attend(s)) == "document" ? Attend::document : Attend::window;
  options.mixed = parse_mixture(s.objective).mixed();
  options.mask_rate = s.mask_rate;
  options.span_density = s.span_density;
  options.span_length = s.span_length;
  options.fim_rate = s.fim_rate;
  options.spm_rate = s.spm_rate;
  options.fim_cut = s.fim_cut == "token" ? FimCut::token : s.fim_cut == "line" ? FimCut::line : FimCut::character;
  return options;
}

std::string describe_fine_tuning(const TrainSettings& s, const ModelConfig& config, const std::string& model) {
  return "fine-tuning '" + model + "' with --optimizer " + s.optimizer + " --lr " + short_text(s.learning_rate.value(), 3) +
         " in windows of " + std::to_string(s.context.value()) + " tokens; the model keeps its context of " +
         std::to_string(config.context_length);
}

JsonValue settings_to_json(const TrainSettings& settings) {
  JsonValue json;
  visit_settings(settings,
                 [&](const char* name, const auto& field, const char*, const char*) { json.set(name, to_json(field)); });
  return json;
}

TrainSettings resumed_settings(const JsonValue& recorded, const TrainSettings& asked, const std::set<std::string>& named,
                               const std::string& source) {
  TrainSettings settings;
  // What a state does not tell is a setting that its version did not have: the default, which does what was done then.
  visit_settings(settings, [&](const char* name, auto& field, const char*, const char*) {
    if (recorded.find(name) != nullptr) from_json(field, recorded, name, source);
  });
  TrainSettings wanted_settings = asked;
  // As it was recorded: at most a whole batch.
  if (wanted_settings.micro_batch) wanted_settings.micro_batch = std::min(*wanted_settings.micro_batch, settings.batch);
  const JsonValue asked_json = settings_to_json(wanted_settings);
  const JsonValue settings_json = settings_to_json(settings);
  for (const auto& [name, value] : *settings_json.if_object()) {
    const JsonValue* wanted = asked_json.find(name);
    // What mixed chose is recorded, and stays.
    if (name == "precision" && asked.precision == "mixed") continue;
    if (named.count(name) == 0 || wanted->is_null() || wanted->dump() == value.dump()) continue;
    throw Error("cannot resume '" + source + "': --" + name + " was " + value.dump() + ", now " + wanted->dump() +
                "; leave it out or start a new run");
  }
  check_settings(settings);
  return settings;
}

}  // namespace lm
