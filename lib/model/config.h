// ModelConfig: the shape of a model, from which everything else about it follows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/choice.h"
#include "base/json.h"

namespace lm {

/// Whose tensor names and configuration a model has on disk, so that Hugging Face's class of that name loads it.
enum class Family { gpt2, llama, qwen3 };
template <>
inline constexpr auto kChoices<Family> =
    choice_table<Family>("model family", {{"gpt2", Family::gpt2}, {"llama", Family::llama}, {"qwen3", Family::qwen3}});
enum class Norm { layernorm, rmsnorm };
enum class Positions { learned, rotary };
enum class Activation { gelu, swiglu };

struct ModelConfig {
  Family family = Family::qwen3;
  Norm norm = Norm::rmsnorm;
  Positions positions = Positions::rotary;
  Activation activation = Activation::swiglu;
  bool bias = false;    // on every linear layer and norm
  bool qk_norm = true;  // RMSNorm of each head's query and key before rotation
  bool tied_embeddings = true;
  std::int64_t n_layers = 4;
  std::int64_t channels = 256;
  std::int64_t n_heads = 4;
  std::int64_t n_kv_heads = 4;
  std::int64_t head_dim = 64;
  std::int64_t ffn_dim = 704;
  std::int64_t context_length = 256;
  std::int64_t vocab_size = 0;
  double norm_eps = 1e-6;
  double rope_theta = 10000.0;
  double dropout = 0.0;  // on the embedding's sum and on both residual branches of each layer, in training alone

  bool operator==(const ModelConfig&) const = default;

  std::int64_t q_width() const { return n_heads * head_dim; }
  std::int64_t kv_width() const { return n_kv_heads * head_dim; }
  std::int64_t qkv_width() const { return q_width() + 2 * kv_width(); }
  /// Outputs of the product into the feed-forward part: with SwiGLU gate and up side by side.
  std::int64_t up_width() const { return activation == Activation::swiglu ? 2 * ffn_dim : ffn_dim; }
};

/// The choices a family fixes (norm, positions, activation, bias, QK-norm, eps); sizes are left as they are.
ModelConfig family_defaults(Family family);

/// Throws Error where sizes are not positive, do not divide, or overflow (n_heads by n_kv_heads, even head_dim with rotary,
/// GPT-2's heads * head_dim == channels); `source` is named.
void check_config(const ModelConfig& config, std::string_view source);

/// The `lm.config` string of a checkpoint and back. Unknown keys are refused.
JsonValue config_to_json(const ModelConfig& config);
ModelConfig config_from_json(const JsonValue& json, std::string_view source);

/// Weights, each counted once.
std::int64_t parameter_count(const ModelConfig& config);
/// Those in the matrices of the layers: all but embeddings, head, norms and biases.
std::int64_t layer_matrix_count(const ModelConfig& config);
/// Training FLOPs a token: 6 M + a L H D T with M the weights in matrix products, the head included; a = 6 causal, 12
/// bidirectional, 6 (1 + (P/T)^2) with a visible prefix of P (definitions: FLOPs of training).
double training_flops_per_token(const ModelConfig& config, std::int64_t sequence_length, double visible_prefix_share = 0.0);

}  // namespace lm
