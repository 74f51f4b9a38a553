#include "model/config.h"

#include <array>
#include <cmath>

#include "base/error.h"
#include "model/config_fields.h"
#include "model/families.h"

namespace lm {

namespace {

constexpr double kLargestCount = 35184372088832.0;  // 2^45

std::string at(std::string_view source) { return " in '" + std::string(source) + "'"; }

void check_rotary(const Rotary& rotary, const ModelConfig& config, std::string_view source) {
  const auto require = [&](bool right, const char* what) {
    if (!right) throw Error(std::string(what) + " of the rotation out of range" + at(source));
  };
  require(rotary.theta > 0 && rotary.theta < 1e12, "rope_theta");
  require(rotary.factor >= 1e-3 && rotary.factor <= 1e6, "factor");
  require(rotary.attention_factor > 0 && rotary.attention_factor <= 1e6, "attention_factor");
  const bool has_original = rotary.scaling == RotaryScaling::yarn || rotary.scaling == RotaryScaling::llama3 ||
                            rotary.scaling == RotaryScaling::longrope;
  require(rotary.original_context >= (has_original ? 1 : 0) && rotary.original_context <= kLargestSize,
          "original_max_position_embeddings");
  require(rotary.low_frequency > 0 && rotary.high_frequency > rotary.low_frequency && rotary.high_frequency <= 1e6,
          "low_freq_factor and high_freq_factor");
  require(rotary.slow_turns > 0 && rotary.fast_turns > 0 && rotary.slow_turns <= 1e9 && rotary.fast_turns <= 1e9,
          "beta_fast and beta_slow");
  require(rotary.scaling != RotaryScaling::yarn || rotary.theta > 1, "rope_theta");
  const std::size_t pairs =
      rotary.scaling == RotaryScaling::longrope ? static_cast<std::size_t>(config.rotated_dim() / 2) : 0;
  for (const std::vector<double>* factors : {&rotary.short_factors, &rotary.long_factors}) {
    require(factors->size() == pairs, "the number of short_factor or long_factor");
    for (const double factor : *factors) require(factor >= 1e-3 && factor <= 1e9, "short_factor or long_factor");
  }
}

void check_positions(const ModelConfig& config, std::string_view source) {
  const bool learned = config.positions == Positions::learned;
  if (!learned && (config.rotated_dim() % 2 != 0 || config.rotary_dim < 0 || config.rotary_dim > config.head_dim)) {
    throw Error("rotary positions need an even number of a head's channels, at most all, got " +
                std::to_string(config.rotated_dim()) + " of the head dimension " + std::to_string(config.head_dim) +
                at(source));
  }
  if (config.position_offset < 0 || config.position_offset > kLargestSize || (config.position_offset > 0 && !learned) ||
      config.token_types < 0 || config.token_types > kLargestSize) {
    throw Error("impossible rows of positions or token types" + at(source));
  }
  if (learned) return;
  check_rotary(config.rotary, config, source);
  check_rotary(config.local_rotary, config, source);
}

void check_scales(const ModelConfig& config, std::string_view source) {
  for (const double scale : {config.embedding_scale, config.residual_scale, config.logit_scale}) {
    if (!(std::fabs(scale) >= 1e-9 && std::fabs(scale) <= 1e9)) throw Error("a scale is out of range" + at(source));
  }
  for (const double scale : {config.attention_scale, config.score_cap, config.logit_cap}) {
    if (!(scale >= 0 && scale <= 1e9)) throw Error("a scale or cap of scores or logits is out of range" + at(source));
  }
  if (config.embedding_scale != 1 && config.positions == Positions::learned)
    throw Error("scaled embeddings with learned positions are not supported" + at(source));
  if (config.gain_offset != 0 && (config.gain_offset != 1 || config.norm != Norm::rmsnorm))
    throw Error("impossible gain_offset" + at(source));
  if (config.norm_bias && config.norm != Norm::layernorm) throw Error("RMSNorm has no bias" + at(source));
  if (config.branch_norm && config.sum_norm) throw Error("norms of branches and of sums exclude each other" + at(source));
  if (config.parallel_residual && (config.post_norm() || !config.input_norm))
    throw Error("parallel branches need norms before them and none after" + at(source));
}

void check_layers(const ModelConfig& config, std::string_view source) {
  if (config.layer_shapes.empty()) return;
  if (static_cast<std::int64_t>(config.layer_shapes.size()) != config.n_layers) {
    throw Error("there are " + std::to_string(config.n_layers) + " layers, but " +
                std::to_string(config.layer_shapes.size()) + " kinds of them" + at(source));
  }
  for (const LayerShape& layer : config.layer_shapes) {
    if (layer.window < 0 || layer.window > kLargestSize) throw Error("impossible window of attention" + at(source));
  }
}

}  // namespace

void check_config(const ModelConfig& config, std::string_view source) {
  visit_sizes(config, [&](const char* name, std::int64_t value) {
    if (value < 1 || value > kLargestSize)
      throw Error(std::string("impossible model size '") + name + "' = " + std::to_string(value) + at(source));
  });
  // Counted in double first: the exact count would overflow for sizes that no machine holds.
  const double layer = static_cast<double>(config.channels) *
                       (4.0 * static_cast<double>(config.n_heads) * static_cast<double>(config.head_dim) +
                        3.0 * static_cast<double>(config.ffn_dim));
  const double weights = static_cast<double>(config.n_layers) * layer +
                         static_cast<double>(config.channels) *
                             (2.0 * static_cast<double>(config.vocab_size) + static_cast<double>(config.context_length));
  if (weights > kLargestCount) throw Error("impossible model size: more than 2^45 weights" + at(source));
  if (config.n_layers > kMostLayers) {
    throw Error("impossible model size 'layers' = " + std::to_string(config.n_layers) + at(source) + "; at most " +
                std::to_string(kMostLayers));
  }
  if (config.n_heads % config.n_kv_heads != 0) {
    throw Error("heads (" + std::to_string(config.n_heads) + ") are not a multiple of kv heads (" +
                std::to_string(config.n_kv_heads) + ")" + at(source));
  }
  if (config.family == Family::gpt2 && (config.q_width() != config.channels || config.n_kv_heads != config.n_heads)) {
    throw Error("family gpt2 needs heads * head dimension = channels and as many kv heads as heads, got " +
                std::to_string(config.n_heads) + " * " + std::to_string(config.head_dim) + " and " +
                std::to_string(config.channels) + " channels" + at(source));
  }
  if (!(config.norm_eps > 0 && config.norm_eps < 1)) throw Error("norm_eps out of range" + at(source));
  if (!(config.dropout >= 0 && config.dropout < 1)) throw Error("dropout must be in [0, 1)" + at(source));
  check_positions(config, source);
  check_scales(config, source);
  check_layers(config, source);
  check_names(config, source);
}

std::int64_t layer_matrix_count(const ModelConfig& config) {
  return config.n_layers * config.channels * (config.qkv_width() + config.q_width() + config.up_width() + config.ffn_dim);
}

double training_flops_per_token(const ModelConfig& config, std::int64_t sequence_length, double visible_prefix_share) {
  const double matrix_weights =
      static_cast<double>(layer_matrix_count(config)) + static_cast<double>(config.vocab_size * config.channels);
  const double attention = 6.0 * (1.0 + visible_prefix_share * visible_prefix_share);
  return 6.0 * matrix_weights + attention * static_cast<double>(config.n_layers * config.q_width() * sequence_length);
}

}  // namespace lm
