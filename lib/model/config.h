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

/// The letters in the shapes of views, here and in the kernels:
///
///   B  sequences of a batch         C   channels, the residual stream's width   F  ffn_dim
///   T  tokens of a sequence         H   n_heads                                 L  n_layers
///   R  rows, B * T                  KV  n_kv_heads                              P  context_length
///   S  keys that attention reads    D   head_dim                                V  vocab_size
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
  double dropout = 0.0;  // on the embedding's sum and on both residual branches of each layer, only in training

  bool operator==(const ModelConfig&) const = default;

  std::int64_t q_width() const { return n_heads * head_dim; }
  std::int64_t kv_width() const { return n_kv_heads * head_dim; }
  std::int64_t qkv_width() const { return q_width() + 2 * kv_width(); }
  /// Returns the width of the product into the feed-forward part: with SwiGLU gate and up side by side.
  std::int64_t up_width() const { return activation == Activation::swiglu ? 2 * ffn_dim : ffn_dim; }
};

/// Returns a configuration with what the family fixes (norm, positions, activation, bias, QK-norm, eps) and default sizes.
ModelConfig family_defaults(Family family);

/// Throws Error, naming `source`, unless sizes are positive, small enough that no product of them overflows, and agree:
/// n_kv_heads divides n_heads, head_dim is even with rotary positions, and GPT-2's heads * head_dim are its channels.
void check_config(const ModelConfig& config, std::string_view source);

/// Converts to the `lm.config` of a checkpoint and back. Throws Error for unknown keys.
JsonValue config_to_json(const ModelConfig& config);
ModelConfig config_from_json(const JsonValue& json, std::string_view source);

/// Returns the number of weights, each counted once.
std::int64_t parameter_count(const ModelConfig& config);
/// Returns the number of weights in the matrices of the layers: all except embeddings, head, norms and biases.
std::int64_t layer_matrix_count(const ModelConfig& config);
/// Returns the FLOPs that training takes for each token of a sequence of T: 6 M + a L H D T, with M the weights in matrix
/// products, the head included, and
///   a = 6                  causal
///   a = 12                 bidirectional
///   a = 6 (1 + s^2)        with a visible prefix of s T tokens, s = visible_prefix_share
double training_flops_per_token(const ModelConfig& config, std::int64_t sequence_length, double visible_prefix_share = 0.0);

}  // namespace lm
