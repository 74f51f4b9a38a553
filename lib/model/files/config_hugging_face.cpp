#include "model/files/config_hugging_face.h"

#include <algorithm>
#include <array>
#include <span>
#include <string>

#include "base/error.h"
#include "model/files/config_keys.h"

namespace lm {

namespace {

JsonValue common_keys(const ModelConfig& config, TokenId end_of_text, const char* architecture, const char* model_type) {
  JsonValue json;
  json.set("architectures", JsonValue::Array{JsonValue(architecture)});
  json.set("model_type", model_type);
  json.set("torch_dtype", "float32");
  json.set("bos_token_id", std::int64_t{end_of_text});
  json.set("eos_token_id", std::int64_t{end_of_text});
  json.set("vocab_size", config.vocab_size);
  json.set("tie_word_embeddings", config.tied_embeddings);
  json.set("initializer_range", 0.02);
  return json;
}

JsonValue gpt2_to_hugging_face(const ModelConfig& config, TokenId end_of_text) {
  JsonValue json = common_keys(config, end_of_text, "GPT2LMHeadModel", "gpt2");
  json.set("n_embd", config.channels).set("n_layer", config.n_layers).set("n_head", config.n_heads);
  json.set("n_inner", config.ffn_dim).set("n_positions", config.context_length);
  json.set("activation_function", "gelu_new").set("layer_norm_epsilon", config.norm_eps);
  json.set("resid_pdrop", config.dropout).set("embd_pdrop", config.dropout).set("attn_pdrop", 0.0);
  return json;
}

JsonValue llama_to_hugging_face(const ModelConfig& config, TokenId end_of_text) {
  const bool qwen3 = config.family == Family::qwen3;
  JsonValue json =
      common_keys(config, end_of_text, qwen3 ? "Qwen3ForCausalLM" : "LlamaForCausalLM", qwen3 ? "qwen3" : "llama");
  json.set("hidden_size", config.channels).set("num_hidden_layers", config.n_layers);
  json.set("num_attention_heads", config.n_heads)
      .set("num_key_value_heads", config.n_kv_heads)
      .set("head_dim", config.head_dim);
  json.set("intermediate_size", config.ffn_dim).set("max_position_embeddings", config.context_length);
  json.set("hidden_act", "silu").set("rms_norm_eps", config.norm_eps).set("rope_theta", config.rope_theta);
  json.set("attention_bias", false).set("attention_dropout", 0.0);
  if (qwen3) json.set("use_sliding_window", false);
  if (!qwen3) json.set("mlp_bias", false);
  return json;
}

/// Reads keys with defaults, as Hugging Face's own configuration classes fill them in.
class Reader {
 public:
  Reader(const JsonValue& json, std::string_view source) : json_(json), source_(source) {}

  std::int64_t integer(const char* key) const { return json_.integer_at(key, source_); }
  std::int64_t integer(const char* key, std::int64_t otherwise) const { return present(key) ? integer(key) : otherwise; }
  double number(const char* key, double otherwise) const { return present(key) ? json_.number_at(key, source_) : otherwise; }
  bool boolean(const char* key, bool otherwise) const { return present(key) ? json_.boolean_at(key, source_) : otherwise; }
  std::string string(const char* key, const char* otherwise) const {
    return present(key) ? json_.string_at(key, source_) : otherwise;
  }

  [[noreturn]] void refuse(const std::string& key) const {
    throw Error("cannot express '" + key + "' of '" + std::string(source_) +
                "'; only plain GPT-2, Llama and Qwen3 models are supported");
  }
  bool present(const char* key) const {
    const JsonValue* value = json_.find(key);
    return value != nullptr && !value->is_null();
  }
  const JsonValue& json() const { return json_; }
  std::string_view source() const { return source_; }

 private:
  const JsonValue& json_;
  std::string_view source_;
};

/// Reads a size of GPT-2's class, which takes the names of other classes too and believes them over its own.
std::int64_t gpt2_size(const Reader& reader, const char* name, const char* other_name, std::int64_t otherwise) {
  return reader.present(other_name) ? reader.integer(other_name) : reader.integer(name, otherwise);
}

void refuse_activation(const Reader& reader, const char* key, const char* otherwise, std::span<const char* const> same) {
  const std::string name = reader.string(key, otherwise);
  if (std::find(same.begin(), same.end(), name) == same.end()) reader.refuse(key);
}

ModelConfig gpt2_from_hugging_face(const Reader& reader) {
  // Names of one function, of which some compute it in another order.
  constexpr std::array<const char*, 4> kTanhGelu = {"gelu_new", "gelu_pytorch_tanh", "gelu_fast", "gelu_accurate"};
  ModelConfig config = family_defaults(Family::gpt2);
  config.channels = gpt2_size(reader, "n_embd", "hidden_size", 768);
  config.n_layers = gpt2_size(reader, "n_layer", "num_hidden_layers", 12);
  config.n_heads = config.n_kv_heads = gpt2_size(reader, "n_head", "num_attention_heads", 12);
  if (config.n_heads < 1 || config.channels % config.n_heads != 0) reader.refuse("n_head");
  config.head_dim = config.channels / config.n_heads;
  if (config.channels > (std::int64_t{1} << 30)) reader.refuse("n_embd");
  config.ffn_dim = reader.integer("n_inner", 4 * config.channels);
  config.context_length = gpt2_size(reader, "n_positions", "max_position_embeddings", 1024);
  config.vocab_size = reader.integer("vocab_size", 50257);
  config.norm_eps = reader.number("layer_norm_epsilon", 1e-5);
  config.tied_embeddings = reader.boolean("tie_word_embeddings", true);
  config.dropout = reader.number("resid_pdrop", 0.1);
  refuse_activation(reader, "activation_function", "gelu_new", kTanhGelu);
  return config;
}

/// Reads rope_theta at the top (until transformers 4) or inside rope_parameters (from 5). Throws Error for scaled rotations.
double read_rope_theta(const Reader& reader) {
  const char* key = "";
  const JsonValue* rope = find_rope(reader.json(), key);
  if (rope != nullptr) {
    if (rope->if_object() == nullptr || rope->find("full_attention") != nullptr) reader.refuse(key);
    bool typed = false;
    for (const char* type_key : {"rope_type", "type"}) {
      const JsonValue* type = rope->find(type_key);
      if (type != nullptr && (type->if_string() == nullptr || *type->if_string() != "default")) reader.refuse(key);
      typed = typed || type != nullptr;
    }
    if (!typed && rope->find("factor") != nullptr) reader.refuse(key);
    if (rope->find("rope_theta") != nullptr) return rope->number_at("rope_theta", reader.source());
  }
  return reader.number("rope_theta", 10000.0);
}

ModelConfig llama_from_hugging_face(const Reader& reader, Family family) {
  constexpr std::array<const char*, 2> kSilu = {"silu", "swish"};
  const bool qwen3 = family == Family::qwen3;
  ModelConfig config = family_defaults(family);
  config.channels = reader.integer("hidden_size");
  config.n_layers = reader.integer("num_hidden_layers");
  config.n_heads = reader.integer("num_attention_heads");
  // Absent, it is 32 in Qwen3's class; null is as many as there are heads.
  const bool absent = reader.json().find("num_key_value_heads") == nullptr;
  config.n_kv_heads = reader.integer("num_key_value_heads", qwen3 && absent ? 32 : config.n_heads);
  if (config.n_heads < 1) reader.refuse("num_attention_heads");
  config.head_dim = reader.integer("head_dim", qwen3 ? 128 : config.channels / config.n_heads);
  config.ffn_dim = reader.integer("intermediate_size");
  config.context_length = reader.integer("max_position_embeddings", qwen3 ? 32768 : 2048);
  config.vocab_size = reader.integer("vocab_size");
  config.norm_eps = reader.number("rms_norm_eps", 1e-6);
  config.rope_theta = read_rope_theta(reader);
  config.tied_embeddings = reader.boolean("tie_word_embeddings", false);
  refuse_activation(reader, "hidden_act", "silu", kSilu);
  return config;
}

}  // namespace

JsonValue config_to_hugging_face(const ModelConfig& config, TokenId end_of_text, std::optional<TokenId> begin) {
  JsonValue json =
      config.family == Family::gpt2 ? gpt2_to_hugging_face(config, end_of_text) : llama_to_hugging_face(config, end_of_text);
  if (begin) json.set("bos_token_id", std::int64_t{*begin});
  return json;
}

ModelConfig config_from_hugging_face(const JsonValue& json, std::string_view source) {
  const Reader reader(json, source);
  const std::string type = reader.string("model_type", "");
  ModelConfig config;
  if (type == "gpt2") {
    config = gpt2_from_hugging_face(reader);
  } else if (type == "llama" || type == "qwen3") {
    config = llama_from_hugging_face(reader, parse_choice<Family>(type));
  } else {
    throw Error("cannot use model type '" + type + "' of '" + std::string(source) + "'; known are gpt2, llama and qwen3");
  }
  const std::string stranger = key_not_expressible(json, config.family);
  if (!stranger.empty()) reader.refuse(stranger);
  check_config(config, source);
  return config;
}

std::vector<std::string> hugging_face_notes(const JsonValue& json) {
  std::vector<std::string> notes;
  const std::string* type = json.find("model_type") == nullptr ? nullptr : json.find("model_type")->if_string();
  if (type == nullptr) return notes;
  for (const std::string& key : keys_ignored(json, parse_choice<Family>(*type))) {
    notes.push_back("config.json sets '" + key + "', which the class of " + *type +
                    " models ignores, and so does this program");
  }
  return notes;
}

}  // namespace lm
