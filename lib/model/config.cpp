#include "model/config.h"

#include <array>

#include "base/error.h"

namespace lm {

namespace {

// Far above any model that fits a machine, low enough that no product of two sizes overflows.
constexpr std::int64_t kLargestSize = std::int64_t{1} << 30;
constexpr std::int64_t kMostLayers = 10000;
constexpr double kLargestCount = 35184372088832.0;  // 2^45

struct SizeField {
  const char* name;
  std::int64_t ModelConfig::*member;
};
constexpr std::array<SizeField, 8> kSizes = {{{"layers", &ModelConfig::n_layers},
                                              {"channels", &ModelConfig::channels},
                                              {"heads", &ModelConfig::n_heads},
                                              {"kv_heads", &ModelConfig::n_kv_heads},
                                              {"head_dim", &ModelConfig::head_dim},
                                              {"ffn", &ModelConfig::ffn_dim},
                                              {"context", &ModelConfig::context_length},
                                              {"vocab_size", &ModelConfig::vocab_size}}};

std::string at(std::string_view source) { return " in '" + std::string(source) + "'"; }

}  // namespace

ModelConfig family_defaults(Family family) {
  ModelConfig config;
  config.family = family;
  if (family == Family::gpt2) {
    config.norm = Norm::layernorm;
    config.positions = Positions::learned;
    config.activation = Activation::gelu;
    config.bias = true;
    config.norm_eps = 1e-5;
  }
  config.qk_norm = family == Family::qwen3;
  return config;
}

void check_config(const ModelConfig& config, std::string_view source) {
  for (const SizeField& field : kSizes) {
    const std::int64_t value = config.*field.member;
    if (value < 1 || value > kLargestSize) {
      throw Error(std::string("impossible model size '") + field.name + "' = " + std::to_string(value) + at(source));
    }
  }
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
  if (config.positions == Positions::rotary && config.head_dim % 2 != 0) {
    throw Error("rotary positions need an even head dimension, got " + std::to_string(config.head_dim) + at(source));
  }
  if (config.family == Family::gpt2 && (config.q_width() != config.channels || config.n_kv_heads != config.n_heads)) {
    throw Error("family gpt2 needs heads * head dimension = channels and as many kv heads as heads, got " +
                std::to_string(config.n_heads) + " * " + std::to_string(config.head_dim) + " and " +
                std::to_string(config.channels) + " channels" + at(source));
  }
  if (!(config.norm_eps > 0 && config.norm_eps < 1) || !(config.rope_theta > 0 && config.rope_theta < 1e12)) {
    throw Error("norm_eps or rope_theta out of range" + at(source));
  }
  if (!(config.dropout >= 0 && config.dropout < 1)) throw Error("dropout must be in [0, 1)" + at(source));
  ModelConfig fixed = family_defaults(config.family);
  if (fixed.norm != config.norm || fixed.positions != config.positions || fixed.activation != config.activation ||
      fixed.bias != config.bias || fixed.qk_norm != config.qk_norm) {
    throw Error(std::string("norm, positions, activation, bias and qk_norm do not belong to family '") +
                to_string(config.family) + "'" + at(source));
  }
}

JsonValue config_to_json(const ModelConfig& config) {
  JsonValue json;
  json.set("family", to_string(config.family));
  for (const SizeField& field : kSizes) json.set(field.name, config.*field.member);
  json.set("tied", config.tied_embeddings);
  json.set("norm_eps", config.norm_eps);
  json.set("rope_theta", config.rope_theta);
  json.set("dropout", config.dropout);
  return json;
}

ModelConfig config_from_json(const JsonValue& json, std::string_view source) {
  ModelConfig config = family_defaults(parse_choice<Family>(json.string_at("family", source)));
  for (const SizeField& field : kSizes) config.*field.member = json.integer_at(field.name, source);
  config.tied_embeddings = json.boolean_at("tied", source);
  config.norm_eps = json.number_at("norm_eps", source);
  config.rope_theta = json.number_at("rope_theta", source);
  config.dropout = json.number_at("dropout", source);
  if (json.if_object()->size() != kSizes.size() + 5)
    throw Error("unknown or missing keys in the model configuration of '" + std::string(source) + "'");
  check_config(config, source);
  return config;
}

std::int64_t layer_matrix_count(const ModelConfig& config) {
  return config.n_layers * config.channels * (config.qkv_width() + config.q_width() + config.up_width() + config.ffn_dim);
}

std::int64_t parameter_count(const ModelConfig& config) {
  const std::int64_t norms = config.channels * (config.bias ? 2 : 1);
  std::int64_t layer = 2 * norms;
  if (config.bias) layer += config.qkv_width() + config.channels + config.up_width() + config.channels;
  if (config.qk_norm) layer += 2 * config.head_dim;
  const std::int64_t positions = config.positions == Positions::learned ? config.context_length * config.channels : 0;
  const std::int64_t embeddings = config.vocab_size * config.channels * (config.tied_embeddings ? 1 : 2);
  return layer_matrix_count(config) + config.n_layers * layer + positions + embeddings + norms;
}

double training_flops_per_token(const ModelConfig& config, std::int64_t sequence_length, double visible_prefix_share) {
  const double matrix_weights =
      static_cast<double>(layer_matrix_count(config)) + static_cast<double>(config.vocab_size * config.channels);
  const double attention = 6.0 * (1.0 + visible_prefix_share * visible_prefix_share);
  return 6.0 * matrix_weights + attention * static_cast<double>(config.n_layers * config.q_width() * sequence_length);
}

}  // namespace lm
