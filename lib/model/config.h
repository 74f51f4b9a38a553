// ModelConfig: the shape of a model, from which everything else about it follows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "base/json.h"
#include "kernels/activation.h"

namespace lm {

/// Whose tensor names and configuration a model has on disk, so that Hugging Face's class of that name loads it. Nothing in
/// the network depends on it: what a family's layers are made of is in the other fields of ModelConfig.
enum class Family {
  gpt2,
  llama,
  mistral,
  qwen2,
  qwen3,
  smollm3,
  gemma,
  gemma2,
  gemma3,
  phi3,
  gpt_neox,
  olmo2,
  starcoder2,
  granite,
  bert,
  roberta,
  xlm_roberta,
  distilbert,
  modernbert
};
template <>
inline constexpr auto kChoices<Family> = choice_table<Family>("model family", {{"gpt2", Family::gpt2},
                                                                               {"llama", Family::llama},
                                                                               {"mistral", Family::mistral},
                                                                               {"qwen2", Family::qwen2},
                                                                               {"qwen3", Family::qwen3},
                                                                               {"smollm3", Family::smollm3},
                                                                               {"gemma", Family::gemma},
                                                                               {"gemma2", Family::gemma2},
                                                                               {"gemma3_text", Family::gemma3},
                                                                               {"phi3", Family::phi3},
                                                                               {"gpt_neox", Family::gpt_neox},
                                                                               {"olmo2", Family::olmo2},
                                                                               {"starcoder2", Family::starcoder2},
                                                                               {"granite", Family::granite},
                                                                               {"bert", Family::bert},
                                                                               {"roberta", Family::roberta},
                                                                               {"xlm-roberta", Family::xlm_roberta},
                                                                               {"distilbert", Family::distilbert},
                                                                               {"modernbert", Family::modernbert}});

enum class Norm { layernorm, rmsnorm };
template <>
inline constexpr auto kChoices<Norm> = choice_table<Norm>("norm",
                                                          {{"layernorm", Norm::layernorm}, {"rmsnorm", Norm::rmsnorm}});
enum class Positions { learned, rotary };
template <>
inline constexpr auto kChoices<Positions> = choice_table<Positions>("positions", {{"learned", Positions::learned},
                                                                                  {"rotary", Positions::rotary}});
template <>
inline constexpr auto kChoices<Activation> = choice_table<Activation>("activation", {{"gelu_tanh", Activation::gelu_tanh},
                                                                                     {"gelu", Activation::gelu},
                                                                                     {"silu", Activation::silu},
                                                                                     {"relu", Activation::relu}});
/// Whether queries and keys are normalised before rotation, each head on its own or all heads together.
enum class QkNorm { none, head, width };
template <>
inline constexpr auto kChoices<QkNorm> =
    choice_table<QkNorm>("QK-norm", {{"none", QkNorm::none}, {"head", QkNorm::head}, {"width", QkNorm::width}});

/// How the frequencies of a rotation follow from theta, so that a model reads further than it was first trained to.
enum class RotaryScaling { none, linear, dynamic, yarn, llama3, longrope };
template <>
inline constexpr auto kChoices<RotaryScaling> = choice_table<RotaryScaling>("scaling of a rotation",
                                                                            {{"default", RotaryScaling::none},
                                                                             {"linear", RotaryScaling::linear},
                                                                             {"dynamic", RotaryScaling::dynamic},
                                                                             {"yarn", RotaryScaling::yarn},
                                                                             {"llama3", RotaryScaling::llama3},
                                                                             {"longrope", RotaryScaling::longrope}});

/// A rotation of queries and keys (model/rotary_tables.h has the formulas).
struct Rotary {
  double theta = 10000.0;
  RotaryScaling scaling = RotaryScaling::none;
  double factor = 1.0;                           // all scalings except longrope
  double attention_factor = 1.0;                 // of cosines and sines: yarn and longrope
  std::int64_t original_context = 0;             // yarn, llama3, longrope
  double low_frequency = 1, high_frequency = 4;  // llama3: full turns in the original context
  double fast_turns = 32, slow_turns = 1;        // yarn: likewise
  bool whole_bounds = true;                      // yarn: its two bounds are rounded outwards
  std::vector<double> short_factors = {},
                      long_factors = {};  // longrope, (D_rotated / 2): up to the original context, and beyond

  bool operator==(const Rotary&) const = default;
};

/// Which of a model's rotations a layer uses.
enum class Rotation { none, global, local };
template <>
inline constexpr auto kChoices<Rotation> =
    choice_table<Rotation>("rotation", {{"none", Rotation::none}, {"global", Rotation::global}, {"local", Rotation::local}});

// Far above any model that fits a machine, low enough that no product of two sizes overflows.
constexpr std::int64_t kLargestSize = std::int64_t{1} << 30;
constexpr std::int64_t kMostLayers = 10000;

/// What layers of one model differ in.
struct LayerShape {
  std::int64_t window = 0;  // keys at this distance or further are not seen; 0: all are
  Rotation rotation = Rotation::global;
  bool attention_norm = true;  // of what attention reads

  bool operator==(const LayerShape&) const = default;
};

/// The letters in the shapes of views, here and in the kernels:
///
///   B  sequences of a batch         C   channels, the residual stream's width   F  ffn_dim
///   T  tokens of a sequence         H   n_heads                                 L  n_layers
///   R  rows, B * T                  KV  n_kv_heads                              P  context_length
///   S  keys that attention reads    D   head_dim                                V  vocab_size
///
/// Each field's default is what most models have and costs nothing: scale 1, cap 0 (none), window 0.
struct ModelConfig {
  Family family = Family::qwen3;

  // The stream: h = norm?(scale * tokens + positions + types), then for each layer
  //   a = attention(norm?(h)),  h = norm?(h + scale * norm?(a)),  f = ffn(norm?(h)),  h = norm?(h + scale * norm?(f))
  Norm norm = Norm::rmsnorm;
  double norm_eps = 1e-6;
  double gain_offset = 0.0;     // gains of RMSNorm are this plus the weight: 1 in Gemma
  bool norm_bias = false;       // only LayerNorm
  bool embedding_norm = false;  // of the embeddings' sum
  bool input_norm = true;       // of what each branch reads
  bool branch_norm = false;     // of what each branch adds
  bool sum_norm = false;        // of the stream after each addition
  bool final_norm = true;
  bool parallel_residual = false;  // both branches of a layer read its input
  double embedding_scale = 1.0;    // of token embeddings
  double residual_scale = 1.0;     // of what each branch adds
  double dropout = 0.0;            // on the embedding's sum and on both residual branches of each layer, only in training

  // Positions and token types
  Positions positions = Positions::rotary;
  std::int64_t position_offset = 0;  // learned: rows before that of the first token
  std::int64_t token_types = 0;      // rows of the embedding of types, of which all tokens have the first
  Rotary rotary;
  Rotary local_rotary;              // of layers whose rotation is local
  std::int64_t rotary_dim = 0;      // channels of a head that turn, the first ones; 0: all
  bool rotary_interleaved = false;  // pairs are neighbours, not in the two halves

  // Attention
  QkNorm qk_norm = QkNorm::head;
  bool qkv_bias = false;
  bool projection_bias = false;
  double attention_scale = 0.0;  // of scores; 0: 1 / sqrt(D)
  double score_cap = 0.0;        // scores are cap * tanh(score / cap)

  // Feed-forward part
  Activation activation = Activation::silu;
  bool gated = true;  // activation(gate) * up
  bool ffn_bias = false;

  // Head
  bool tied_embeddings = true;
  double logit_scale = 1.0;
  double logit_cap = 0.0;   // as score_cap, after the scale
  bool head_dense = false;  // a masked model's: norm(activation(dense(h))) before the product with the vocabulary
  bool head_dense_bias = false;
  bool head_bias = false;  // of the vocabulary's product
  Activation head_activation = Activation::gelu;

  std::int64_t n_layers = 4;
  std::int64_t channels = 256;
  std::int64_t n_heads = 4;
  std::int64_t n_kv_heads = 4;
  std::int64_t head_dim = 64;
  std::int64_t ffn_dim = 704;
  std::int64_t context_length = 256;
  std::int64_t vocab_size = 0;
  std::vector<LayerShape> layer_shapes;  // (L), or empty: all as by default

  bool operator==(const ModelConfig&) const = default;

  std::int64_t q_width() const { return n_heads * head_dim; }
  std::int64_t kv_width() const { return n_kv_heads * head_dim; }
  std::int64_t qkv_width() const { return q_width() + 2 * kv_width(); }
  /// Returns the width of the product into the feed-forward part: if it is gated, gate and up side by side.
  std::int64_t up_width() const { return gated ? 2 * ffn_dim : ffn_dim; }
  std::int64_t rotated_dim() const { return rotary_dim == 0 ? head_dim : rotary_dim; }
  LayerShape layer(std::int64_t number) const {
    return layer_shapes.empty() ? LayerShape() : layer_shapes[static_cast<std::size_t>(number)];
  }
  /// Returns whether branches end in a norm, of what they add or of the sum.
  bool post_norm() const { return branch_norm || sum_norm; }
};

/// Returns a configuration with what the family's layers are made of and default sizes.
ModelConfig family_defaults(Family family);

/// Throws Error, naming `source`, unless sizes are positive, small enough that no product of them overflows, and agree, and
/// the family has a name for every tensor.
void check_config(const ModelConfig& config, std::string_view source);

/// Converts to the `lm.config` of a checkpoint and back. Throws Error for unknown keys.
JsonValue config_to_json(const ModelConfig& config);
ModelConfig config_from_json(const JsonValue& json, std::string_view source);

/// Returns the number of weights in the matrices of the layers: all except embeddings, head, norms and biases.
std::int64_t layer_matrix_count(const ModelConfig& config);
/// Returns the FLOPs that training takes for each token of a sequence of T: 6 M + a L H D T, with M the weights in matrix
/// products, the head included, and
///   a = 6                  causal
///   a = 12                 bidirectional
///   a = 6 (1 + s^2)        with a visible prefix of s T tokens, s = visible_prefix_share
double training_flops_per_token(const ModelConfig& config, std::int64_t sequence_length, double visible_prefix_share = 0.0);

}  // namespace lm
