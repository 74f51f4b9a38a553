#include "model/files/family_keys.h"

#include <algorithm>

#include "base/error.h"

namespace lm {

namespace {

using C = ModelConfig;

constexpr FlagKey kAttentionBias{"attention_bias", false, {&C::qkv_bias, &C::projection_bias}};
constexpr FlagKey kMlpBias{"mlp_bias", false, {&C::ffn_bias}};
constexpr std::array kAttentionFlags = {kAttentionBias};
constexpr std::array kBothFlags = {kAttentionBias, kMlpBias};
constexpr std::array kNeoxFlags = {FlagKey{"attention_bias", true, {&C::qkv_bias, &C::projection_bias}},
                                   FlagKey{"use_parallel_residual", true, {&C::parallel_residual}}};
constexpr std::array kStarcoderFlags = {FlagKey{"use_bias", true, {&C::qkv_bias, &C::projection_bias, &C::ffn_bias}}};
constexpr std::array kModernbertFlags = {kAttentionBias, kMlpBias, FlagKey{"norm_bias", false, {&C::norm_bias}},
                                         FlagKey{"classifier_bias", false, {&C::head_dense_bias}},
                                         FlagKey{"decoder_bias", true, {&C::head_bias}}};

constexpr NumberKey kQueryScalar{"query_pre_attn_scalar", 256.0, &C::attention_scale, Meaning::inverse_root};
constexpr std::array kGemma2Numbers = {kQueryScalar, NumberKey{"attn_logit_softcapping", 50.0, &C::score_cap},
                                       NumberKey{"final_logit_softcapping", 30.0, &C::logit_cap}};
constexpr std::array kGemma3Numbers = {kQueryScalar, NumberKey{"final_logit_softcapping", {}, &C::logit_cap}};
constexpr std::array kGraniteNumbers = {NumberKey{"embedding_multiplier", 1.0, &C::embedding_scale},
                                        NumberKey{"residual_multiplier", 1.0, &C::residual_scale},
                                        NumberKey{"attention_multiplier", 1.0, &C::attention_scale},
                                        NumberKey{"logits_scaling", 1.0, &C::logit_scale, Meaning::inverse}};

constexpr RotationKeys kPlainRotation{.theta = "rope_theta"};

constexpr FamilyKeys kLlama{.family = Family::llama,
                            .channels = {"hidden_size", 4096},
                            .layers = {"num_hidden_layers", 32},
                            .heads = {"num_attention_heads", 32},
                            .kv_heads = {"num_key_value_heads"},
                            .head_dim = {"head_dim"},
                            .ffn = {"intermediate_size", 11008},
                            .context = {"max_position_embeddings", 2048},
                            .vocabulary = {"vocab_size", 32000},
                            .rotation = kPlainRotation,
                            .flags = kBothFlags};

constexpr FamilyKeys with_window(FamilyKeys keys, WindowKeys window) {
  keys.window = window;
  return keys;
}

constexpr WindowKeys kBeyondFirst{.pattern = WindowPattern::beyond_first, .otherwise = 4096};

constexpr FamilyKeys kGemma{.family = Family::gemma,
                            .channels = {"hidden_size", 3072},
                            .layers = {"num_hidden_layers", 28},
                            .heads = {"num_attention_heads", 16},
                            .kv_heads = {"num_key_value_heads", 16},
                            .head_dim = {"head_dim", 256},
                            .ffn = {"intermediate_size", 24576},
                            .context = {"max_position_embeddings", 8192},
                            .vocabulary = {"vocab_size", 256000},
                            .usual_activation = "gelu_pytorch_tanh",
                            .gelu_means_tanh = true,
                            .usual_tied = true,
                            .rotation = kPlainRotation,
                            .flags = kAttentionFlags,
                            .scales_embeddings = true};

constexpr FamilyKeys kGemma2{.family = Family::gemma2,
                             .channels = {"hidden_size", 2304},
                             .layers = {"num_hidden_layers", 26},
                             .heads = {"num_attention_heads", 8},
                             .kv_heads = {"num_key_value_heads", 4},
                             .head_dim = {"head_dim", 256},
                             .ffn = {"intermediate_size", 9216},
                             .context = {"max_position_embeddings", 8192},
                             .vocabulary = {"vocab_size", 256000},
                             .activation = "hidden_activation",
                             .usual_activation = "gelu_pytorch_tanh",
                             .usual_tied = true,
                             .rotation = kPlainRotation,
                             .window = {.pattern = WindowPattern::all_but_last, .otherwise = 4096, .usual_period = 2},
                             .flags = kAttentionFlags,
                             .numbers = kGemma2Numbers,
                             .scales_embeddings = true};

constexpr FamilyKeys kBert{.family = Family::bert,
                           .channels = {"hidden_size", 768},
                           .layers = {"num_hidden_layers", 12},
                           .heads = {"num_attention_heads", 12},
                           .ffn = {"intermediate_size", 3072},
                           .context = {"max_position_embeddings", 512},
                           .vocabulary = {"vocab_size", 30522},
                           .eps = "layer_norm_eps",
                           .usual_eps = 1e-12,
                           .usual_activation = "gelu",
                           .usual_tied = true,
                           .dropout = "hidden_dropout_prob",
                           .usual_dropout = 0.1,
                           .usual_token_types = 2};

constexpr FamilyKeys roberta_keys(Family family) {
  FamilyKeys keys = kBert;
  keys.family = family;
  keys.positions_after_pad = true;
  keys.usual_pad = 1;
  if (family == Family::roberta) keys.vocabulary.otherwise = 50265;
  return keys;
}

constexpr std::array kFamilies = {
    FamilyKeys{.family = Family::gpt2,
               .channels = {"n_embd", 768, "hidden_size"},
               .layers = {"n_layer", 12, "num_hidden_layers"},
               .heads = {"n_head", 12, "num_attention_heads"},
               .ffn = {"n_inner"},
               .context = {"n_positions", 1024, "max_position_embeddings"},
               .vocabulary = {"vocab_size", 50257},
               .ffn_by_channels = 4,
               .eps = "layer_norm_epsilon",
               .usual_eps = 1e-5,
               .activation = "activation_function",
               .usual_activation = "gelu_new",
               .usual_tied = true,
               .dropout = "resid_pdrop",
               .usual_dropout = 0.1},
    kLlama,
    FamilyKeys{.family = Family::mistral,
               .channels = {"hidden_size", 4096},
               .layers = {"num_hidden_layers", 32},
               .heads = {"num_attention_heads", 32},
               .kv_heads = {"num_key_value_heads", 8},
               .head_dim = {"head_dim"},
               .ffn = {"intermediate_size", 14336},
               .context = {"max_position_embeddings", 131072},
               .vocabulary = {"vocab_size", 32000},
               .rotation = kPlainRotation,
               .window = {.pattern = WindowPattern::all, .otherwise = 4096}},
    with_window(FamilyKeys{.family = Family::qwen2,
                           .channels = {"hidden_size", 4096},
                           .layers = {"num_hidden_layers", 32},
                           .heads = {"num_attention_heads", 32},
                           .kv_heads = {"num_key_value_heads", 32},
                           .head_dim = {"head_dim"},
                           .ffn = {"intermediate_size", 22016},
                           .context = {"max_position_embeddings", 32768},
                           .vocabulary = {"vocab_size", 151936},
                           .rotation = kPlainRotation},
                kBeyondFirst),
    with_window(FamilyKeys{.family = Family::qwen3,
                           .channels = {"hidden_size", 4096},
                           .layers = {"num_hidden_layers", 32},
                           .heads = {"num_attention_heads", 32},
                           .kv_heads = {"num_key_value_heads", 32},
                           .head_dim = {"head_dim", 128},
                           .ffn = {"intermediate_size", 22016},
                           .context = {"max_position_embeddings", 32768},
                           .vocabulary = {"vocab_size", 151936},
                           .rotation = kPlainRotation,
                           .flags = kAttentionFlags},
                kBeyondFirst),
    FamilyKeys{.family = Family::smollm3,
               .channels = {"hidden_size", 2048},
               .layers = {"num_hidden_layers", 36},
               .heads = {"num_attention_heads", 16},
               .kv_heads = {"num_key_value_heads", 4},
               .head_dim = {"head_dim"},
               .ffn = {"intermediate_size", 11008},
               .context = {"max_position_embeddings", 32768},
               .vocabulary = {"vocab_size", 128256},
               .usual_tied = true,
               .rotation = {.theta = "rope_theta", .usual_theta = 2e6},
               .window = {.pattern = WindowPattern::unrotated},
               .flags = kBothFlags,
               .skips_rotations = true},
    kGemma,
    kGemma2,
    FamilyKeys{.family = Family::gemma3,
               .channels = {"hidden_size", 2304},
               .layers = {"num_hidden_layers", 26},
               .heads = {"num_attention_heads", 8},
               .kv_heads = {"num_key_value_heads", 4},
               .head_dim = {"head_dim", 256},
               .ffn = {"intermediate_size", 9216},
               .context = {"max_position_embeddings", 131072},
               .vocabulary = {"vocab_size", 262208},
               .activation = "hidden_activation",
               .usual_activation = "gelu_pytorch_tanh",
               .usual_tied = true,
               .rotation = {.theta = "rope_theta", .usual_theta = 1e6, .local_theta = "rope_local_base_freq"},
               .window = {.pattern = WindowPattern::all_but_last,
                          .otherwise = 4096,
                          .period = "sliding_window_pattern",
                          .usual_period = 6},
               .flags = kAttentionFlags,
               .numbers = kGemma3Numbers,
               .scales_embeddings = true},
    FamilyKeys{.family = Family::phi3,
               .channels = {"hidden_size", 3072},
               .layers = {"num_hidden_layers", 32},
               .heads = {"num_attention_heads", 32},
               .kv_heads = {"num_key_value_heads"},
               .head_dim = {"head_dim"},
               .ffn = {"intermediate_size", 8192},
               .context = {"max_position_embeddings", 4096},
               .vocabulary = {"vocab_size", 32064},
               .usual_eps = 1e-5,
               .dropout = "resid_pdrop",
               .rotation = {.theta = "rope_theta", .partial = "partial_rotary_factor"},
               .window = {.pattern = WindowPattern::all},
               .root_original_context = true},
    FamilyKeys{.family = Family::gpt_neox,
               .channels = {"hidden_size", 6144},
               .layers = {"num_hidden_layers", 44},
               .heads = {"num_attention_heads", 64},
               .ffn = {"intermediate_size", 24576},
               .context = {"max_position_embeddings", 2048},
               .vocabulary = {"vocab_size", 50432},
               .eps = "layer_norm_eps",
               .usual_eps = 1e-5,
               .usual_activation = "gelu",
               .dropout = "hidden_dropout",
               .rotation = {.theta = "rotary_emb_base", .partial = "rotary_pct", .usual_partial = 0.25},
               .flags = kNeoxFlags},
    FamilyKeys{.family = Family::olmo2,
               .channels = {"hidden_size", 4096},
               .layers = {"num_hidden_layers", 32},
               .heads = {"num_attention_heads", 32},
               .kv_heads = {"num_key_value_heads"},
               .head_dim = {"head_dim"},
               .ffn = {"intermediate_size", 11008},
               .context = {"max_position_embeddings", 2048},
               .vocabulary = {"vocab_size", 50304},
               .usual_eps = 1e-5,
               .rotation = kPlainRotation,
               .flags = kAttentionFlags},
    FamilyKeys{.family = Family::starcoder2,
               .channels = {"hidden_size", 3072},
               .layers = {"num_hidden_layers", 30},
               .heads = {"num_attention_heads", 24},
               .kv_heads = {"num_key_value_heads", 2},
               .head_dim = {"head_dim"},
               .ffn = {"intermediate_size", 12288},
               .context = {"max_position_embeddings", 4096},
               .vocabulary = {"vocab_size", 49152},
               .eps = "norm_epsilon",
               .usual_eps = 1e-5,
               .usual_activation = "gelu_pytorch_tanh",
               .usual_tied = true,
               .dropout = "residual_dropout",
               .rotation = kPlainRotation,
               .window = {.pattern = WindowPattern::all},
               .flags = kStarcoderFlags},
    FamilyKeys{.family = Family::granite,
               .channels = {"hidden_size", 4096},
               .layers = {"num_hidden_layers", 32},
               .heads = {"num_attention_heads", 32},
               .kv_heads = {"num_key_value_heads"},
               .head_dim = {"head_dim"},
               .ffn = {"intermediate_size", 11008},
               .context = {"max_position_embeddings", 2048},
               .vocabulary = {"vocab_size", 32000},
               .rotation = kPlainRotation,
               .flags = kBothFlags,
               .numbers = kGraniteNumbers},
    kBert,
    roberta_keys(Family::roberta),
    roberta_keys(Family::xlm_roberta),
    FamilyKeys{.family = Family::distilbert,
               .channels = {"dim", 768, "hidden_size"},
               .layers = {"n_layers", 6, "num_hidden_layers"},
               .heads = {"n_heads", 12, "num_attention_heads"},
               .ffn = {"hidden_dim", 3072},
               .context = {"max_position_embeddings", 512},
               .vocabulary = {"vocab_size", 30522},
               .eps = nullptr,
               .activation = "activation",
               .usual_activation = "gelu",
               .head_activation = "activation",
               .usual_tied = true,
               .dropout = "dropout",
               .usual_dropout = 0.1},
    FamilyKeys{.family = Family::modernbert,
               .channels = {"hidden_size", 768},
               .layers = {"num_hidden_layers", 22},
               .heads = {"num_attention_heads", 12},
               .ffn = {"intermediate_size", 1152},
               .context = {"max_position_embeddings", 8192},
               .vocabulary = {"vocab_size", 50368},
               .eps = "norm_eps",
               .usual_eps = 1e-5,
               .activation = "hidden_activation",
               .usual_activation = "gelu",
               .head_activation = "classifier_activation",
               .usual_tied = true,
               .dropout = "mlp_dropout",
               .rotation = {.theta = "global_rope_theta", .usual_theta = 160000.0, .local_theta = "local_rope_theta"},
               .window = {.pattern = WindowPattern::all_but_first,
                          .size = "local_attention",
                          .otherwise = 128,
                          .period = "global_attn_every_n_layers",
                          .usual_period = 3,
                          .both_ways = true},
               .flags = kModernbertFlags,
               .first_layer_unnormed = true},
};

}  // namespace

const FamilyKeys& family_keys(Family family) {
  const auto found =
      std::find_if(kFamilies.begin(), kFamilies.end(), [&](const FamilyKeys& keys) { return keys.family == family; });
  LM_CHECK(found != kFamilies.end());
  return *found;
}

}  // namespace lm
