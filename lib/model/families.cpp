#include "model/families.h"

#include "base/error.h"

namespace lm {

namespace {

constexpr TensorNames kLlama = {
    .base = "model.",
    .tokens = "embed_tokens",
    .attention_norm = "layers.*.input_layernorm",
    .qkv = {"layers.*.self_attn.q_proj", "layers.*.self_attn.k_proj", "layers.*.self_attn.v_proj"},
    .projection = "layers.*.self_attn.o_proj",
    .ffn_norm = "layers.*.post_attention_layernorm",
    .up = {"layers.*.mlp.gate_proj", "layers.*.mlp.up_proj"},
    .down = "layers.*.mlp.down_proj",
    .final_norm = "norm",
    .head = "lm_head"};

constexpr TensorNames kGpt2 = {.base = "transformer.",
                               .tokens = "wte",
                               .positions = "wpe",
                               .attention_norm = "h.*.ln_1",
                               .qkv = {"h.*.attn.c_attn"},
                               .projection = "h.*.attn.c_proj",
                               .ffn_norm = "h.*.ln_2",
                               .up = {"h.*.mlp.c_fc"},
                               .down = "h.*.mlp.c_proj",
                               .final_norm = "ln_f",
                               .head = "lm_head",
                               .transposed = true};

constexpr TensorNames with_qk_norm(TensorNames names) {
  names.q_norm = "layers.*.self_attn.q_norm";
  names.k_norm = "layers.*.self_attn.k_norm";
  return names;
}

constexpr TensorNames kQwen3 = with_qk_norm(kLlama);

constexpr TensorNames with_both_norms(TensorNames names) {
  names.attention_post_norm = "layers.*.post_attention_layernorm";
  names.ffn_norm = "layers.*.pre_feedforward_layernorm";
  names.ffn_post_norm = "layers.*.post_feedforward_layernorm";
  return names;
}

constexpr TensorNames kGemma2 = with_both_norms(kLlama);
constexpr TensorNames kGemma3 = with_qk_norm(kGemma2);

constexpr TensorNames olmo2_names() {
  TensorNames names = with_qk_norm(kLlama);
  names.attention_norm = names.ffn_norm = nullptr;
  names.attention_post_norm = "layers.*.post_attention_layernorm";
  names.ffn_post_norm = "layers.*.post_feedforward_layernorm";
  return names;
}
constexpr TensorNames kOlmo2 = olmo2_names();

constexpr TensorNames phi3_names() {
  TensorNames names = kLlama;
  names.qkv = {"layers.*.self_attn.qkv_proj"};
  names.up = {"layers.*.mlp.gate_up_proj"};
  return names;
}
constexpr TensorNames kPhi3 = phi3_names();

constexpr TensorNames starcoder2_names() {
  TensorNames names = kLlama;
  names.up = {"layers.*.mlp.c_fc"};
  names.down = "layers.*.mlp.c_proj";
  return names;
}
constexpr TensorNames kStarcoder2 = starcoder2_names();

constexpr TensorNames kGptNeox = {.base = "gpt_neox.",
                                  .tokens = "embed_in",
                                  .attention_norm = "layers.*.input_layernorm",
                                  .qkv = {"layers.*.attention.query_key_value"},
                                  .fused_order = FusedOrder::heads,
                                  .projection = "layers.*.attention.dense",
                                  .ffn_norm = "layers.*.post_attention_layernorm",
                                  .up = {"layers.*.mlp.dense_h_to_4h"},
                                  .down = "layers.*.mlp.dense_4h_to_h",
                                  .final_norm = "final_layer_norm",
                                  .head = "embed_out",
                                  .other_head = "lm_head"};

constexpr TensorNames kBert = {.base = "bert.",
                               .tokens = "embeddings.word_embeddings",
                               .positions = "embeddings.position_embeddings",
                               .token_types = "embeddings.token_type_embeddings",
                               .embedding_norm = "embeddings.LayerNorm",
                               .qkv = {"encoder.layer.*.attention.self.query", "encoder.layer.*.attention.self.key",
                                       "encoder.layer.*.attention.self.value"},
                               .projection = "encoder.layer.*.attention.output.dense",
                               .attention_post_norm = "encoder.layer.*.attention.output.LayerNorm",
                               .up = {"encoder.layer.*.intermediate.dense"},
                               .down = "encoder.layer.*.output.dense",
                               .ffn_post_norm = "encoder.layer.*.output.LayerNorm",
                               .head_dense = "cls.predictions.transform.dense",
                               .head_norm = "cls.predictions.transform.LayerNorm",
                               .head = "cls.predictions.decoder",
                               .head_bias = "cls.predictions.bias"};

constexpr TensorNames roberta_names() {
  TensorNames names = kBert;
  names.base = "roberta.";
  names.head_dense = "lm_head.dense";
  names.head_norm = "lm_head.layer_norm";
  names.head = "lm_head.decoder";
  names.head_bias = "lm_head.bias";
  return names;
}
constexpr TensorNames kRoberta = roberta_names();

constexpr TensorNames kDistilbert = {.base = "distilbert.",
                                     .tokens = "embeddings.word_embeddings",
                                     .positions = "embeddings.position_embeddings",
                                     .embedding_norm = "embeddings.LayerNorm",
                                     .qkv = {"transformer.layer.*.attention.q_lin", "transformer.layer.*.attention.k_lin",
                                             "transformer.layer.*.attention.v_lin"},
                                     .projection = "transformer.layer.*.attention.out_lin",
                                     .attention_post_norm = "transformer.layer.*.sa_layer_norm",
                                     .up = {"transformer.layer.*.ffn.lin1"},
                                     .down = "transformer.layer.*.ffn.lin2",
                                     .ffn_post_norm = "transformer.layer.*.output_layer_norm",
                                     .head_dense = "vocab_transform",
                                     .head_norm = "vocab_layer_norm",
                                     .head = "vocab_projector",
                                     .head_bias = "vocab_projector.bias"};

constexpr TensorNames kModernbert = {.base = "model.",
                                     .tokens = "embeddings.tok_embeddings",
                                     .embedding_norm = "embeddings.norm",
                                     .attention_norm = "layers.*.attn_norm",
                                     .qkv = {"layers.*.attn.Wqkv"},
                                     .projection = "layers.*.attn.Wo",
                                     .ffn_norm = "layers.*.mlp_norm",
                                     .up = {"layers.*.mlp.Wi"},
                                     .down = "layers.*.mlp.Wo",
                                     .final_norm = "final_norm",
                                     .head_dense = "head.dense",
                                     .head_norm = "head.norm",
                                     .head = "decoder",
                                     .head_bias = "decoder.bias"};

/// Returns whether gate and up are one matrix on disk.
bool is_fused_up(Family family) { return family == Family::phi3 || family == Family::modernbert; }

}  // namespace

const TensorNames& tensor_names(Family family) {
  switch (family) {
    case Family::gpt2:
      return kGpt2;
    case Family::llama:
    case Family::mistral:
    case Family::qwen2:
    case Family::smollm3:
    case Family::gemma:
    case Family::granite:
      return kLlama;
    case Family::qwen3:
      return kQwen3;
    case Family::gemma2:
      return kGemma2;
    case Family::gemma3:
      return kGemma3;
    case Family::phi3:
      return kPhi3;
    case Family::gpt_neox:
      return kGptNeox;
    case Family::olmo2:
      return kOlmo2;
    case Family::starcoder2:
      return kStarcoder2;
    case Family::bert:
      return kBert;
    case Family::roberta:
    case Family::xlm_roberta:
      return kRoberta;
    case Family::distilbert:
      return kDistilbert;
    case Family::modernbert:
      return kModernbert;
  }
  throw InternalError("a family without names");
}

ModelConfig family_defaults(Family family) {
  ModelConfig config;
  config.family = family;
  config.qk_norm = QkNorm::none;
  const auto set_biases = [&](bool bias) { config.qkv_bias = config.projection_bias = config.ffn_bias = bias; };
  const auto use_layernorm = [&](double eps) {
    config.norm = Norm::layernorm;
    config.norm_bias = true;
    config.norm_eps = eps;
  };
  const auto use_plain_ffn = [&](Activation activation) {
    config.gated = false;
    config.activation = activation;
  };
  switch (family) {
    case Family::gpt2:
      use_layernorm(1e-5);
      use_plain_ffn(Activation::gelu_tanh);
      set_biases(true);
      config.positions = Positions::learned;
      break;
    case Family::llama:
    case Family::mistral:
    case Family::smollm3:
    case Family::phi3:
    case Family::granite:
      break;
    case Family::qwen2:
      config.qkv_bias = true;
      break;
    case Family::qwen3:
      config.qk_norm = QkNorm::head;
      break;
    case Family::gemma3:
      config.qk_norm = QkNorm::head;
      [[fallthrough]];
    case Family::gemma2:
      config.branch_norm = true;
      [[fallthrough]];
    case Family::gemma:
      config.gain_offset = 1;
      config.activation = Activation::gelu_tanh;
      break;
    case Family::gpt_neox:
      use_layernorm(1e-5);
      use_plain_ffn(Activation::gelu);
      set_biases(true);
      config.parallel_residual = true;
      config.tied_embeddings = false;
      break;
    case Family::olmo2:
      config.qk_norm = QkNorm::width;
      config.input_norm = false;
      config.branch_norm = true;
      break;
    case Family::starcoder2:
      use_layernorm(1e-5);
      use_plain_ffn(Activation::gelu_tanh);
      set_biases(true);
      break;
    case Family::bert:
    case Family::roberta:
    case Family::xlm_roberta:
      config.token_types = 2;
      [[fallthrough]];
    case Family::distilbert:
      use_layernorm(1e-12);
      use_plain_ffn(Activation::gelu);
      set_biases(true);
      config.positions = Positions::learned;
      config.embedding_norm = true;
      config.input_norm = false;
      config.sum_norm = true;
      config.final_norm = false;
      config.head_dense = config.head_dense_bias = config.head_bias = true;
      break;
    case Family::modernbert:
      use_layernorm(1e-5);
      config.norm_bias = false;
      config.activation = Activation::gelu;
      config.embedding_norm = true;
      config.head_dense = config.head_bias = true;
      break;
  }
  return config;
}

std::string layer_name(std::string_view name, std::int64_t layer) {
  const std::size_t star = name.find('*');
  LM_CHECK(star != std::string_view::npos);
  return std::string(name.substr(0, star)) + std::to_string(layer) + std::string(name.substr(star + 1));
}

bool is_masked_family(Family family) { return tensor_names(family).head_dense != nullptr; }

std::optional<TokenId> uncounted_token(const ModelConfig& config) {
  if (config.position_offset == 0) return std::nullopt;
  return static_cast<TokenId>(config.position_offset - 1);
}

void check_names(const ModelConfig& config, std::string_view source) {
  const TensorNames& names = tensor_names(config.family);
  const auto require = [&](bool used, const char* name, const char* what) {
    if (used == (name != nullptr)) return;
    throw Error(std::string("a model of family '") + to_string(config.family) + "' " + (used ? "cannot have" : "needs") +
                " " + what + ", in '" + std::string(source) + "'");
  };
  require(config.positions == Positions::learned, names.positions, "learned positions");
  require(config.token_types > 0, names.token_types, "token types");
  require(config.embedding_norm, names.embedding_norm, "a norm of the embeddings");
  require(config.input_norm, names.ffn_norm, "norms of what branches read");
  require(config.post_norm(), names.ffn_post_norm, "norms at the end of branches");
  require(config.qk_norm != QkNorm::none, names.q_norm, "QK-norm");
  require(config.gated, names.up[1] == nullptr && !is_fused_up(config.family) ? nullptr : names.up[0], "a gate");
  require(config.final_norm, names.final_norm, "a final norm");
  require(config.head_dense, names.head_dense, "a masked model's head");
  if (config.head_bias) require(true, names.head_bias, "a bias of the head");
  if (names.fused_order == FusedOrder::heads && config.n_kv_heads != config.n_heads) {
    throw Error(std::string("a model of family '") + to_string(config.family) + "' needs as many kv heads as heads, in '" +
                std::string(source) + "'");
  }
}

}  // namespace lm
