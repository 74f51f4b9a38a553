#include "model/files/gguf_config.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/files/config_hugging_face.h"
#include "model/files/family_keys.h"
#include "model/files/gguf_keys.h"
#include "model/files/gguf_rotation.h"

namespace lm {

namespace {

/// Translates one file's keys; each function sets some of config.json's.
class GgufConfig {
 public:
  GgufConfig(const GgufParts& parts, const GgufArchitecture& architecture)
      : parts_(parts),
        architecture_(architecture),
        family_(family_keys(architecture.family)),
        keys_(parts.first(), architecture.name) {}

  JsonValue read() {
    config_.set("architectures", JsonValue::Array{JsonValue(family_.class_name)});
    config_.set("model_type", to_string(architecture_.family)).set("dtype", "float32");
    set_sizes();
    set_features();
    if (family_.rotation.theta != nullptr)
      set_rotation_from_gguf(config_, keys_, parts_, architecture_, {.head_dim = head_dim_, .context_length = context_});
    set_windows();
    set_tokens();
    keys_.check_all_read();
    return std::move(config_);
  }

 private:
  void set_sizes() {
    channels_ = keys_.required_integer("embedding_length");
    layers_ = keys_.required_integer("block_count");
    context_ = keys_.required_integer("context_length");
    if (layers_ < 1 || static_cast<std::size_t>(layers_) > parts_.tensor_count())
      keys_.refuse("block_count", "is " + std::to_string(layers_) + ", and there are " +
                                      std::to_string(parts_.tensor_count()) + " tensors");
    heads_ = required_of_layers("attention.head_count");
    if (heads_ < 1 || channels_ < 1) keys_.refuse("attention.head_count", "or its width is 0");
    config_.set(family_.channels.name, channels_).set(family_.layers.name, layers_);
    config_.set(family_.heads.name, heads_).set(family_.context.name, context_);
    config_.set(family_.ffn.name, required_of_layers("feed_forward_length"));
    set_head_sizes();
    const GgufFound tokens = parts_.find("token_embd.weight");
    if (tokens.tensor == nullptr) throw Error("no tensor 'token_embd.weight' in '" + parts_.name() + "'");
    vocabulary_ = static_cast<std::int64_t>(std::min<std::uint64_t>(tokens.tensor->shape[1], INT64_MAX));
    config_.set(family_.vocabulary.name, vocabulary_);
  }

  std::int64_t required_of_layers(std::string_view key) const {
    const std::optional<std::int64_t> value = keys_.integer_of_layers(key, layers_);
    if (!value) keys_.refuse(key, "is missing");
    return *value;
  }

  void set_head_sizes() {
    const std::int64_t kv_heads = keys_.integer_of_layers("attention.head_count_kv", layers_).value_or(heads_);
    if (family_.kv_heads.name != nullptr) {
      config_.set(family_.kv_heads.name, kv_heads);
    } else if (kv_heads != heads_) {
      keys_.refuse("attention.head_count_kv",
                   "is " + std::to_string(kv_heads) + ", expected as many as heads, " + std::to_string(heads_));
    }
    head_dim_ = keys_.integer("attention.key_length").value_or(channels_ / heads_);
    const std::int64_t values = keys_.integer("attention.value_length").value_or(channels_ / heads_);
    if (values != head_dim_)
      keys_.refuse("attention.value_length",
                   "is " + std::to_string(values) + ", and keys have " + std::to_string(head_dim_));
    if (family_.head_dim.name != nullptr) {
      config_.set(family_.head_dim.name, head_dim_);
    } else if (head_dim_ * heads_ != channels_) {
      keys_.refuse("attention.key_length", "is " + std::to_string(head_dim_) + ", expected the channels by the heads");
    }
  }

  void set_features() {
    const bool layernorm = family_defaults(architecture_.family).norm == Norm::layernorm;
    const char* eps = layernorm ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon";
    if (family_.eps != nullptr) config_.set(family_.eps, plain_number(keys_.required_number(eps)));
    config_.set("tie_word_embeddings", !parts_.has("output.weight"));
    for (const FlagKey& flag : family_.flags) config_.set(flag.name, flag_of(flag));
    for (const NumberKey& number : family_.numbers) set_number(number);
    if (!keys_.boolean("attention.causal").value_or(true))
      keys_.refuse("attention.causal", "is false, and this architecture is read from left to right only");
    if (family_.skips_rotations) config_.set("no_rope_layer_interval", 4);
    // There the flag says whether there is a rotation at all.
    if (architecture_.family == Family::granite && !keys_.boolean("rope.scaling.finetuned").value_or(true))
      keys_.refuse("rope.scaling.finetuned", "is false, which means no rotation; that is not known");
  }

  /// Returns a flag by the tensors that it gives a model, or by the key that says the same.
  bool flag_of(const FlagKey& flag) const {
    const auto has = [&](const char* tensor) { return parts_.has("blk.0." + std::string(tensor) + ".bias"); };
    for (bool ModelConfig::*member : flag.members) {
      if (member == &ModelConfig::parallel_residual) return keys_.boolean("use_parallel_residual").value_or(flag.otherwise);
      if (member == &ModelConfig::qkv_bias && (has("attn_q") || has("attn_qkv"))) return true;
      if (member == &ModelConfig::projection_bias && has("attn_output")) return true;
      if (member == &ModelConfig::ffn_bias && (has("ffn_up") || has("ffn_down"))) return true;
    }
    return false;
  }

  void set_number(const NumberKey& number) {
    const std::int64_t by_heads = channels_ / heads_;
    const auto head_dim = static_cast<double>(head_dim_);
    const auto set_if = [&](const char* key, double neutral) {
      const double value = keys_.number(key).value_or(0);
      if (value != 0) config_.set(number.name, plain_number(value));
      if (value == 0 && neutral != 0) config_.set(number.name, neutral);
    };
    if (number.meaning == Meaning::inverse_root) {
      config_.set(number.name, architecture_.layers_scaled_by_channels == layers_ ? by_heads : head_dim_);
    } else if (number.member == &ModelConfig::attention_scale) {
      set_if("attention.scale", 1 / std::sqrt(head_dim));
    } else if (number.member == &ModelConfig::score_cap) {
      set_if("attn_logit_softcapping", 0);
    } else if (number.member == &ModelConfig::logit_cap) {
      set_if("final_logit_softcapping", 0);
    } else if (number.member == &ModelConfig::embedding_scale) {
      set_if("embedding_scale", 1);
    } else if (number.member == &ModelConfig::residual_scale) {
      set_if("residual_scale", 1);
    } else if (number.member == &ModelConfig::logit_scale) {
      set_if("logit_scale", 1);
    } else {
      throw InternalError("a number of a family that GGUF files do not have");
    }
  }

  void set_windows() {
    const WindowKeys& window = family_.window;
    const std::int64_t size = keys_.integer("attention.sliding_window").value_or(0);
    if (window.pattern == WindowPattern::all) {
      config_.set(window.size, size == 0 ? JsonValue() : JsonValue(size));
    } else if (window.pattern == WindowPattern::all_but_last) {
      set_windowed_layers(size);
    } else if (size != 0) {
      keys_.refuse("attention.sliding_window", "is " + std::to_string(size) +
                                                   ", and windows are not known of this architecture; give the Hugging "
                                                   "Face folder that the model was made from");
    }
  }

  /// Says of every layer whether it sees a window: by the file's list or period, or as the family's models have it.
  void set_windowed_layers(std::int64_t size) {
    constexpr const char* kPattern = "attention.sliding_window_pattern";
    const bool always = architecture_.family == Family::gemma2;
    if (size == 0 && always) size = *family_.window.otherwise;
    std::vector<std::int64_t> listed;
    std::int64_t period = family_.window.usual_period;
    if (const std::optional<GgufArray> array = keys_.array(kPattern)) {
      listed = booleans(*array, kPattern);
    } else {
      period = keys_.integer(kPattern).value_or(period);
    }
    JsonValue::Array types;
    for (std::int64_t i = 0; i < layers_; ++i) {
      const bool by_period = period == 0 || i % period < period - 1;
      const bool windowed = size != 0 && (listed.empty() ? by_period : listed[static_cast<std::size_t>(i)] != 0);
      types.emplace_back(windowed ? "sliding_attention" : "full_attention");
    }
    config_.set("layer_types", std::move(types)).set(family_.window.size, size == 0 ? JsonValue() : JsonValue(size));
  }

  std::vector<std::int64_t> booleans(const GgufArray& array, const char* key) const {
    if (array.count < static_cast<std::uint64_t>(layers_) || array.type == GgufType::string)
      keys_.refuse(key, "has " + std::to_string(array.count) + " entries, expected a number for each of " +
                            std::to_string(layers_) + " layers");
    return keys_.file().integers(array, static_cast<std::uint64_t>(layers_));
  }

  void set_tokens() {
    for (const auto& [name, key] :
         {std::pair("bos_token_id", "tokenizer.ggml.bos_token_id"), std::pair("eos_token_id", "tokenizer.ggml.eos_token_id"),
          std::pair("pad_token_id", "tokenizer.ggml.padding_token_id")}) {
      const std::optional<std::uint64_t> id = keys_.file().unsigned_at(key);
      const bool is_id = id && *id < static_cast<std::uint64_t>(vocabulary_);
      config_.set(name, is_id ? JsonValue(static_cast<std::int64_t>(*id)) : JsonValue());
    }
  }

  const GgufParts& parts_;
  const GgufArchitecture& architecture_;
  const FamilyKeys& family_;
  GgufKeys keys_;
  std::int64_t channels_ = 0, layers_ = 0, heads_ = 0, head_dim_ = 0, context_ = 0, vocabulary_ = 0;
  JsonValue config_;
};

}  // namespace

JsonValue config_from_gguf(const GgufParts& parts, const GgufArchitecture& architecture) {
  return GgufConfig(parts, architecture).read();
}

}  // namespace lm
