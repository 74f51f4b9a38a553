#include "model/files/gguf_fields.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <type_traits>

#include "base/error.h"
#include "model/config_fields.h"

namespace lm {

namespace {

// As llama.cpp has them (src/models/*.cpp); the keys are those that its converter writes (conversion/*.py).
constexpr auto kTargets = std::to_array<GgufTarget>({
    {.family = Family::llama,
     .architecture = "llama",
     .projection_bias = GgufBias::optional,
     .ffn_bias = GgufBias::optional,
     .longrope = true},
    {.family = Family::mistral, .architecture = "llama", .longrope = true},
    {.family = Family::qwen2, .architecture = "qwen2", .square_heads = true},
    {.family = Family::qwen3, .architecture = "qwen3"},
    {.family = Family::smollm3, .architecture = "smollm3"},
    {.family = Family::gemma, .architecture = "gemma"},
    {.family = Family::gemma2, .architecture = "gemma2"},
    {.family = Family::gemma3, .architecture = "gemma3"},
    {.family = Family::phi3, .architecture = "phi3", .square_heads = true, .longrope = true},
    {.family = Family::gpt2,
     .architecture = "gpt2",
     .qkv_bias = GgufBias::required,
     .projection_bias = GgufBias::required,
     .ffn_bias = GgufBias::required,
     .norm_bias = true,
     .square_heads = true},
    {.family = Family::gpt_neox,
     .architecture = "gptneox",
     .qkv_bias = GgufBias::required,
     .projection_bias = GgufBias::required,
     .ffn_bias = GgufBias::required,
     .norm_bias = true,
     .own_head = true,
     .square_heads = true},
    {.family = Family::olmo2, .architecture = "olmo2", .own_head = true, .square_heads = true},
    {.family = Family::starcoder2,
     .architecture = "starcoder2",
     .projection_bias = GgufBias::required,
     .ffn_bias = GgufBias::required,
     .norm_bias = true,
     .square_heads = true},
    {.family = Family::granite,
     .architecture = "granite",
     .projection_bias = GgufBias::optional,
     .ffn_bias = GgufBias::optional,
     .longrope = true},
});

bool is_near(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance * std::abs(b); }

bool is_gemma(Family family) { return family == Family::gemma || family == Family::gemma2 || family == Family::gemma3; }

/// Returns the window of the layers that have one; 0 if none has.
std::int64_t window_of(const ModelConfig& config) {
  for (const LayerShape& layer : config.layer_shapes) {
    if (layer.window > 0) return layer.window;
  }
  return 0;
}

bool has_windows(Family family) { return family == Family::gemma2 || family == Family::gemma3; }

/// Checks that llama.cpp computes what the model does.
class GgufCheck {
 public:
  GgufCheck(const ModelConfig& config, const GgufTarget& target, std::string_view source)
      : config_(config), target_(target), source_(source) {}

  void check() const {
    check_features();
    check_biases();
    check_scales();
    check_layers();
    check_rotation();
    if (target_.square_heads && config_.q_width() != config_.channels)
      refuse("its heads have " + std::to_string(config_.q_width()) + " channels in all, and llama.cpp expects " +
             std::to_string(config_.channels));
  }

 private:
  /// Compares with what the family's models are, leaving out what the keys or other checks are about.
  void check_features() const {
    ModelConfig usual = family_defaults(config_.family);
    usual.rotary = config_.rotary;
    usual.local_rotary = config_.local_rotary;
    usual.rotary_dim = config_.rotary_dim;
    usual.rotary_interleaved = config_.rotary_interleaved;
    usual.layer_shapes = config_.layer_shapes;
    usual.qkv_bias = config_.qkv_bias;
    usual.projection_bias = config_.projection_bias;
    usual.ffn_bias = config_.ffn_bias;
    usual.attention_scale = config_.attention_scale;
    usual.embedding_scale = config_.embedding_scale;
    usual.parallel_residual = config_.parallel_residual;
    if (target_.norm_bias) usual.norm_bias = config_.norm_bias;
    if (config_.family == Family::gemma2) usual.score_cap = config_.score_cap;
    if (config_.family == Family::gemma2 || config_.family == Family::gemma3) usual.logit_cap = config_.logit_cap;
    if (config_.family == Family::granite) {
      usual.residual_scale = config_.residual_scale;
      usual.logit_scale = config_.logit_scale;
    }
    if (usual.activation != Activation::silu && is_gelu(config_.activation)) usual.activation = config_.activation;
    std::vector<std::string> differing;
    visit_features(usual, [&](const char* name, const auto& expected) {
      visit_features(config_, [&](const char* other, const auto& field) {
        if constexpr (std::is_same_v<decltype(expected), decltype(field)>) {
          if (std::string_view(name) == other && !(expected == field)) differing.emplace_back(name);
        }
      });
    });
    if (!differing.empty()) refuse("its '" + differing.front() + "' is not what llama.cpp computes for such models");
    if (config_.parallel_residual != usual.parallel_residual ||
        (config_.parallel_residual && config_.family != Family::gpt_neox))
      refuse("its branches read the same input, which llama.cpp does not compute for such models");
  }

  static bool is_gelu(Activation activation) {
    return activation == Activation::gelu || activation == Activation::gelu_tanh;
  }

  void check_biases() const {
    const auto check_one = [&](bool present, GgufBias allowed, const char* what) {
      if (present && allowed == GgufBias::none)
        refuse(std::string("its ") + what + " have biases, which llama.cpp does not add for such models");
    };
    check_one(config_.qkv_bias, target_.qkv_bias, "queries, keys and values");
    check_one(config_.projection_bias, target_.projection_bias, "attention's outputs");
    check_one(config_.ffn_bias, target_.ffn_bias, "feed-forward layers");
  }

  void check_scales() const {
    constexpr double kSame = 1e-6, kRounded = 4e-3;  // the scale of Gemma's embeddings was rounded to bfloat16
    if (config_.family != Family::granite) {
      const GgufArchitecture& architecture = find_gguf_architecture(target_.architecture, source_);
      const bool by_channels = architecture.layers_scaled_by_channels == config_.n_layers;
      const std::int64_t width = by_channels ? config_.channels / config_.n_heads : config_.head_dim;
      const double scale = 1 / std::sqrt(static_cast<double>(width));
      if (config_.attention_scale != 0 && !is_near(config_.attention_scale, scale, kSame))
        refuse("its attention scores are scaled by " + std::to_string(config_.attention_scale) +
               ", and llama.cpp scales them by " + std::to_string(scale));
      if (!is_gemma(config_.family) && config_.embedding_scale != 1)
        refuse("its embeddings are scaled, which llama.cpp does not do for such models");
    }
    const double root = std::sqrt(static_cast<double>(config_.channels));
    if (is_gemma(config_.family) && !is_near(config_.embedding_scale, root, kRounded))
      refuse("its embeddings are scaled by " + std::to_string(config_.embedding_scale) + ", and llama.cpp scales them by " +
             std::to_string(root));
    if (config_.family == Family::gemma2 && config_.score_cap == 0)
      refuse("its attention scores have no cap, and llama.cpp's gemma2 cannot be without one");
  }

  void check_layers() const {
    for (std::int64_t i = 0; i < config_.n_layers; ++i) {
      const LayerShape layer = config_.layer(i);
      const std::string which = "its layer " + std::to_string(i);
      if (!layer.attention_norm) refuse(which + " has no norm of what attention reads");
      if (layer.window > 0 && has_windows(config_.family) && layer.window != window_of(config_))
        refuse(which + " has a window of its own");
      if (layer.rotation != expected_rotation(i, layer))
        refuse(which + " turns by another rotation than llama.cpp has there");
    }
  }

  Rotation expected_rotation(std::int64_t number, const LayerShape& layer) const {
    constexpr std::int64_t kUnturned = 4;  // every fourth layer of SmolLM3 has no rotation
    if (config_.family == Family::smollm3 && (number + 1) % kUnturned == 0) return Rotation::none;
    if (config_.family == Family::gemma3 && layer.window > 0) return Rotation::local;
    return Rotation::global;
  }

  void check_rotation() const {
    if (config_.positions != Positions::rotary) return;
    const GgufArchitecture& architecture = find_gguf_architecture(target_.architecture, source_);
    if (config_.rotated_dim() != config_.head_dim && (architecture.paired_rows || config_.rotary_interleaved))
      refuse("it turns only a part of each head's channels, which llama.cpp does not compute for such models");
    if (config_.local_rotary.scaling != RotaryScaling::none) refuse("the rotation of its windowed layers is scaled");
    switch (config_.rotary.scaling) {
      case RotaryScaling::llama3:
        if (!architecture.frequency_factors)
          refuse("its rotation is scaled as llama3, which llama.cpp has only for other architectures");
        break;
      case RotaryScaling::longrope:
        if (!target_.longrope)
          refuse("its rotation is scaled as longrope, which llama.cpp has only for other architectures");
        break;
      case RotaryScaling::yarn:
        if (!config_.rotary.whole_bounds) refuse("its yarn scaling has bounds that are not rounded, and llama.cpp's are");
        break;
      default:
        break;
    }
  }

  [[noreturn]] void refuse(const std::string& why) const {
    throw Error("cannot write '" + std::string(source_) + "' as GGUF: " + why + "; write a folder (DIR/) instead");
  }

  const ModelConfig& config_;
  const GgufTarget& target_;
  std::string_view source_;
};

/// Fills the keys of one model.
class GgufKeyWriter {
 public:
  GgufKeyWriter(const ModelConfig& config, const GgufTarget& target, std::vector<std::string>& notes)
      : config_(config), target_(target), notes_(notes) {}

  GgufFields fields() {
    fields_.set("general.architecture", std::string(target_.architecture));
    fields_.set("general.type", std::string("model"));
    set_sizes();
    set_features();
    if (config_.positions == Positions::rotary) set_rotation();
    set_windows();
    return std::move(fields_);
  }

 private:
  void set(std::string_view key, GgufField value) {
    fields_.set(std::string(target_.architecture) + "." + std::string(key), std::move(value));
  }
  void set_size(std::string_view key, std::int64_t value) { set(key, static_cast<std::uint32_t>(value)); }
  void set_number(std::string_view key, double value) { set(key, static_cast<float>(value)); }

  void set_sizes() {
    set_size("block_count", config_.n_layers);
    set_size("context_length", config_.context_length);
    set_size("embedding_length", config_.channels);
    set_size("feed_forward_length", config_.ffn_dim);
    set_size("attention.head_count", config_.n_heads);
    set_size("attention.head_count_kv", config_.n_kv_heads);
    if (!target_.square_heads) {
      set_size("attention.key_length", config_.head_dim);
      set_size("attention.value_length", config_.head_dim);
    }
    set_size("vocab_size", config_.vocab_size);
  }

  void set_features() {
    set_number(config_.norm == Norm::layernorm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon",
               config_.norm_eps);
    if (config_.family == Family::gpt_neox) set("use_parallel_residual", config_.parallel_residual);
    if (config_.score_cap != 0) set_number("attn_logit_softcapping", config_.score_cap);
    if (config_.logit_cap != 0 || config_.family == Family::gemma2) set_number("final_logit_softcapping", config_.logit_cap);
    if (config_.family == Family::granite) {
      if (config_.attention_scale != 0) set_number("attention.scale", config_.attention_scale);
      set_number("embedding_scale", config_.embedding_scale);
      set_number("residual_scale", config_.residual_scale);
      set_number("logit_scale", 1 / config_.logit_scale);
    }
    if (config_.activation == Activation::gelu)
      notes_.push_back("llama.cpp computes the activation by its tanh approximation, the model by the exact GELU");
  }

  void set_rotation() {
    const Rotary& rotary = config_.rotary;
    set_size("rope.dimension_count", config_.rotated_dim());
    set_number("rope.freq_base", rotary.theta);
    switch (rotary.scaling) {
      case RotaryScaling::linear:
        set("rope.scaling.type", std::string("linear"));
        set_number("rope.scaling.factor", rotary.factor);
        break;
      case RotaryScaling::yarn:
        set("rope.scaling.type", std::string("yarn"));
        set_number("rope.scaling.factor", rotary.factor);
        set_size("rope.scaling.original_context_length", rotary.original_context);
        set_number("rope.scaling.yarn_beta_fast", rotary.fast_turns);
        set_number("rope.scaling.yarn_beta_slow", rotary.slow_turns);
        set_yarn_attention();
        break;
      case RotaryScaling::longrope:
        set("rope.scaling.type", std::string("longrope"));
        set_size("rope.scaling.original_context_length", rotary.original_context);
        set_number("rope.scaling.attn_factor", rotary.attention_factor);
        notes_.push_back("llama.cpp takes the long factors of longrope for all texts if its context is longer than " +
                         std::to_string(rotary.original_context) + " tokens, the model only for those that are");
        break;
      case RotaryScaling::dynamic:
        notes_.push_back("the dynamic scaling of the rotation, which only counts beyond the context, is left out");
        break;
      default:
        if (config_.family == Family::phi3) set_size("rope.scaling.original_context_length", config_.context_length);
        break;
    }
  }

  /// llama.cpp multiplies cosines and sines by 0.1 ln(factor) + 1, and by this.
  void set_yarn_attention() {
    constexpr double kSame = 1e-6;
    const double usual = 0.1 * std::log(config_.rotary.factor) + 1;
    if (!is_near(config_.rotary.attention_factor, usual, kSame))
      set_number("rope.scaling.attn_factor", config_.rotary.attention_factor / usual);
  }

  void set_windows() {
    const std::int64_t window = window_of(config_);
    if (config_.family == Family::phi3) return set_size("attention.sliding_window", window);
    if (!has_windows(config_.family)) return;
    if (window == 0 && config_.family == Family::gemma3) return;
    set_size("attention.sliding_window", window == 0 ? config_.context_length : window);
    if (config_.family == Family::gemma3) set_number("rope.freq_base_swa", config_.local_rotary.theta);
    std::vector<bool> windowed;
    bool usual = true;
    const std::int64_t period = config_.family == Family::gemma2 ? 2 : 6;
    for (std::int64_t i = 0; i < config_.n_layers; ++i) {
      windowed.push_back(config_.layer(i).window > 0);
      usual = usual && windowed.back() == (i % period < period - 1);
    }
    if (!usual) set("attention.sliding_window_pattern", std::move(windowed));
  }

  const ModelConfig& config_;
  const GgufTarget& target_;
  std::vector<std::string>& notes_;
  GgufFields fields_;
};

}  // namespace

ModelConfig within_windows(ModelConfig config, std::vector<std::string>& notes) {
  if (has_windows(config.family)) return config;
  std::int64_t window = config.context_length;
  for (const LayerShape& layer : config.layer_shapes) {
    if (layer.window > 0) window = std::min(window, layer.window);
  }
  if (window == config.context_length) return config;
  notes.push_back("the context is cut to " + std::to_string(window) +
                  " tokens, the window of the model's layers, as llama.cpp has " + "no windows for such models");
  config.context_length = window;
  return config;
}

const GgufTarget& gguf_target(const ModelConfig& config, std::string_view source) {
  const auto* found = std::find_if(kTargets.begin(), kTargets.end(),
                                   [&](const GgufTarget& target) { return target.family == config.family; });
  if (found == kTargets.end()) {
    throw Error("cannot write '" + std::string(source) + "' as GGUF: models of the family '" + to_string(config.family) +
                "' predict hidden tokens from both sides, for which llama.cpp has no head; write a folder (DIR/) instead");
  }
  GgufCheck(config, *found, source).check();
  return *found;
}

GgufFields gguf_fields(const ModelConfig& config, const GgufTarget& target, std::vector<std::string>& notes) {
  return GgufKeyWriter(config, target, notes).fields();
}

}  // namespace lm
