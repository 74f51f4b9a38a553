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
                            .class_name = "LlamaForCausalLM",
                            .usual = {4096, 32, 32, 11008, 2048, 32000},
                            .kv_heads = {"num_key_value_heads"},
                            .head_dim = {"head_dim"},
                            .rotation = kPlainRotation,
                            .flags = kBothFlags};

constexpr FamilyKeys with_window(FamilyKeys keys, WindowKeys window) {
  keys.window = window;
  return keys;
}

constexpr WindowKeys kBeyondFirst{.pattern = WindowPattern::beyond_first, .otherwise = 4096};

constexpr FamilyKeys kGemma{.family = Family::gemma,
                            .class_name = "GemmaForCausalLM",
                            .usual = {3072, 28, 16, 24576, 8192, 256000},
                            .kv_heads = {"num_key_value_heads", 16},
                            .head_dim = {"head_dim", 256},
                            .usual_activation = "gelu_pytorch_tanh",
                            .gelu_means_tanh = true,
                            .usual_tied = true,
                            .rotation = kPlainRotation,
                            .flags = kAttentionFlags,
                            .scales_embeddings = true};

constexpr FamilyKeys kGemma2{.family = Family::gemma2,
                             .class_name = "Gemma2ForCausalLM",
                             .usual = {2304, 26, 8, 9216, 8192, 256000},
                             .kv_heads = {"num_key_value_heads", 4},
                             .head_dim = {"head_dim", 256},
                             .activation = "hidden_activation",
                             .usual_activation = "gelu_pytorch_tanh",
                             .usual_tied = true,
                             .rotation = kPlainRotation,
                             .window = {.pattern = WindowPattern::all_but_last, .otherwise = 4096, .usual_period = 2},
                             .flags = kAttentionFlags,
                             .numbers = kGemma2Numbers,
                             .scales_embeddings = true};

constexpr FamilyKeys kBert{.family = Family::bert,
                           .class_name = "BertForMaskedLM",
                           .usual = {768, 12, 12, 3072, 512, 30522},
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
  keys.class_name = family == Family::roberta ? "RobertaForMaskedLM" : "XLMRobertaForMaskedLM";
  keys.positions_after_pad = true;
  keys.usual_pad = 1;
  if (family == Family::roberta) keys.usual.vocabulary = 50265;
  return keys;
}

constexpr std::array kFamilies = {
    FamilyKeys{.family = Family::gpt2,
               .class_name = "GPT2LMHeadModel",
               .usual = {768, 12, 12, 0, 1024, 50257},
               .channels = {"n_embd", "hidden_size"},
               .layers = {"n_layer", "num_hidden_layers"},
               .heads = {"n_head", "num_attention_heads"},
               .ffn = {"n_inner"},
               .context = {"n_positions", "max_position_embeddings"},
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
               .class_name = "MistralForCausalLM",
               .usual = {4096, 32, 32, 14336, 131072, 32000},
               .kv_heads = {"num_key_value_heads", 8},
               .head_dim = {"head_dim"},
               .rotation = kPlainRotation,
               // With layer_types, transformers take its class for Ministral's, which is the same otherwise.
               .window = {.pattern = WindowPattern::all, .otherwise = 4096, .reads_types = true}},
    with_window(FamilyKeys{.family = Family::qwen2,
                           .class_name = "Qwen2ForCausalLM",
                           .usual = {4096, 32, 32, 22016, 32768, 151936},
                           .kv_heads = {"num_key_value_heads", 32},
                           .head_dim = {"head_dim"},
                           .rotation = kPlainRotation},
                kBeyondFirst),
    with_window(FamilyKeys{.family = Family::qwen3,
                           .class_name = "Qwen3ForCausalLM",
                           .usual = {4096, 32, 32, 22016, 32768, 151936},
                           .kv_heads = {"num_key_value_heads", 32},
                           .head_dim = {"head_dim", 128},
                           .rotation = kPlainRotation,
                           .flags = kAttentionFlags},
                kBeyondFirst),
    FamilyKeys{.family = Family::smollm3,
               .class_name = "SmolLM3ForCausalLM",
               .usual = {2048, 36, 16, 11008, 32768, 128256},
               .kv_heads = {"num_key_value_heads", 4},
               .head_dim = {"head_dim"},
               .usual_tied = true,
               .rotation = {.theta = "rope_theta", .usual_theta = 2e6},
               .window = {.pattern = WindowPattern::unrotated},
               .flags = kBothFlags,
               .skips_rotations = true},
    kGemma,
    kGemma2,
    FamilyKeys{.family = Family::gemma3,
               .class_name = "Gemma3ForCausalLM",
               .usual = {2304, 26, 8, 9216, 131072, 262208},
               .kv_heads = {"num_key_value_heads", 4},
               .head_dim = {"head_dim", 256},
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
               .class_name = "Phi3ForCausalLM",
               .usual = {3072, 32, 32, 8192, 4096, 32064},
               .kv_heads = {"num_key_value_heads"},
               .head_dim = {"head_dim"},
               .usual_eps = 1e-5,
               .dropout = "resid_pdrop",
               .rotation = {.theta = "rope_theta", .partial = "partial_rotary_factor"},
               .window = {.pattern = WindowPattern::all},
               .root_original_context = true},
    FamilyKeys{.family = Family::gpt_neox,
               .class_name = "GPTNeoXForCausalLM",
               .usual = {6144, 44, 64, 24576, 2048, 50432},
               .eps = "layer_norm_eps",
               .usual_eps = 1e-5,
               .usual_activation = "gelu",
               .dropout = "hidden_dropout",
               .rotation = {.theta = "rotary_emb_base", .partial = "rotary_pct", .usual_partial = 0.25},
               .flags = kNeoxFlags},
    FamilyKeys{.family = Family::olmo2,
               .class_name = "Olmo2ForCausalLM",
               .usual = {4096, 32, 32, 11008, 2048, 50304},
               .kv_heads = {"num_key_value_heads"},
               .head_dim = {"head_dim"},
               .usual_eps = 1e-5,
               .rotation = kPlainRotation,
               .flags = kAttentionFlags},
    FamilyKeys{.family = Family::starcoder2,
               .class_name = "Starcoder2ForCausalLM",
               .usual = {3072, 30, 24, 12288, 4096, 49152},
               .kv_heads = {"num_key_value_heads", 2},
               .head_dim = {"head_dim"},
               .eps = "norm_epsilon",
               .usual_eps = 1e-5,
               .usual_activation = "gelu_pytorch_tanh",
               .usual_tied = true,
               .dropout = "residual_dropout",
               .rotation = kPlainRotation,
               .window = {.pattern = WindowPattern::all},
               .flags = kStarcoderFlags},
    FamilyKeys{.family = Family::granite,
               .class_name = "GraniteForCausalLM",
               .usual = {4096, 32, 32, 11008, 2048, 32000},
               .kv_heads = {"num_key_value_heads"},
               .head_dim = {"head_dim"},
               .rotation = kPlainRotation,
               .flags = kBothFlags,
               .numbers = kGraniteNumbers},
    kBert,
    roberta_keys(Family::roberta),
    roberta_keys(Family::xlm_roberta),
    FamilyKeys{.family = Family::distilbert,
               .class_name = "DistilBertForMaskedLM",
               .usual = {768, 6, 12, 3072, 512, 30522},
               .channels = {"dim", "hidden_size"},
               .layers = {"n_layers", "num_hidden_layers"},
               .heads = {"n_heads", "num_attention_heads"},
               .ffn = {"hidden_dim"},
               .eps = nullptr,
               .activation = "activation",
               .usual_activation = "gelu",
               .head_activation = "activation",
               .usual_tied = true,
               .dropout = "dropout",
               .usual_dropout = 0.1},
    FamilyKeys{.family = Family::modernbert,
               .class_name = "ModernBertForMaskedLM",
               .usual = {768, 22, 12, 1152, 8192, 50368},
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
                          .both_ways = true,
                          .half = "sliding_window"},
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
