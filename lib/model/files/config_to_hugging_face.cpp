#include "base/error.h"
#include "model/files/config_hugging_face.h"
#include "model/files/family_keys.h"

namespace lm {

namespace {

JsonValue common_keys(const ModelConfig& config, const FolderFacts& facts) {
  JsonValue json;
  json.set("architectures", JsonValue::Array{JsonValue(hugging_face_class(config.family))});
  json.set("model_type", to_string(config.family));
  // The first is what transformers' version 5 reads, the second version 4.
  json.set("dtype", "float32").set("torch_dtype", "float32");
  json.set("bos_token_id", std::int64_t{facts.begin.value_or(facts.end_of_text)});
  json.set("eos_token_id", std::int64_t{facts.end_of_text});
  if (facts.pad) json.set("pad_token_id", std::int64_t{*facts.pad});
  json.set("vocab_size", config.vocab_size);
  json.set("tie_word_embeddings", config.tied_embeddings);
  json.set("initializer_range", 0.02);
  return json;
}

JsonValue gpt2_to_hugging_face(const ModelConfig& config, const FolderFacts& facts) {
  JsonValue json = common_keys(config, facts);
  json.set("n_embd", config.channels).set("n_layer", config.n_layers).set("n_head", config.n_heads);
  json.set("n_inner", config.ffn_dim).set("n_positions", config.context_length);
  json.set("n_ctx", config.context_length);  // which llama.cpp's converter reads
  json.set("activation_function", "gelu_new").set("layer_norm_epsilon", config.norm_eps);
  json.set("resid_pdrop", config.dropout).set("embd_pdrop", config.dropout).set("attn_pdrop", 0.0);
  return json;
}

JsonValue llama_to_hugging_face(const ModelConfig& config, const FolderFacts& facts) {
  JsonValue json = common_keys(config, facts);
  json.set("hidden_size", config.channels).set("num_hidden_layers", config.n_layers);
  json.set("num_attention_heads", config.n_heads)
      .set("num_key_value_heads", config.n_kv_heads)
      .set("head_dim", config.head_dim);
  json.set("intermediate_size", config.ffn_dim).set("max_position_embeddings", config.context_length);
  json.set("hidden_act", "silu").set("rms_norm_eps", config.norm_eps).set("rope_theta", config.rotary.theta);
  json.set("attention_bias", false).set("attention_dropout", 0.0);
  if (config.family == Family::qwen3) json.set("use_sliding_window", false);
  if (config.family == Family::llama) json.set("mlp_bias", false);
  return json;
}

}  // namespace

const char* hugging_face_class(Family family) { return family_keys(family).class_name; }

JsonValue config_to_hugging_face(const ModelConfig& config, const FolderFacts& facts) {
  switch (config.family) {
    case Family::gpt2:
      return gpt2_to_hugging_face(config, facts);
    case Family::llama:
    case Family::qwen3:
      return llama_to_hugging_face(config, facts);
    default:
      throw Error(std::string("cannot write the configuration of a ") + to_string(config.family) +
                  " model: it did not come with the config.json of a folder; write a model file instead, which needs none");
  }
}

}  // namespace lm
