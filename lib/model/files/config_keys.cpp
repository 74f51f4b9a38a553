#include "model/files/config_keys.h"

#include <algorithm>
#include <array>

namespace lm {

namespace {

// As transformers 5.24 has it (configuration_*.py and modeling_*.py of gpt2, llama and qwen3; configuration_utils.py). What
// is in no list does not change what a model computes: names, ids, dtypes, dropout of attention, initializer_range,
// use_cache, pretraining_tp, reorder_and_upcast_attn, summary_*, n_ctx, max_window_layers and sliding_window beside
// use_sliding_window false, settings of generation.

/// The values that change nothing; null never does.
enum class Neutral { falsy, truthy, one, full_attention };
enum : unsigned { kGpt2 = 1, kLlama = 2, kQwen3 = 4, kAll = 7 };

struct Key {
  std::string_view name;
  Neutral neutral;
  unsigned read;     // families whose class reads it
  unsigned ignored;  // families whose class does not, though it names something that would change them
};

constexpr std::array<Key, 34> kKeys = {{
    {"scale_attn_weights", Neutral::truthy, kGpt2, 0},
    {"scale_attn_by_inverse_layer_idx", Neutral::falsy, kGpt2, kLlama | kQwen3},
    {"add_cross_attention", Neutral::falsy, kGpt2, kLlama | kQwen3},
    {"attention_bias", Neutral::falsy, kLlama | kQwen3, 0},
    {"mlp_bias", Neutral::falsy, kLlama, kQwen3},
    {"use_sliding_window", Neutral::falsy, kQwen3, kGpt2 | kLlama},
    {"layer_types", Neutral::full_attention, kQwen3, kGpt2 | kLlama},
    {"quantization_config", Neutral::falsy, kAll, 0},
    {"per_layer_config", Neutral::falsy, kAll, 0},
    {"pruned_heads", Neutral::falsy, kAll, 0},
    {"sliding_window", Neutral::falsy, 0, kGpt2 | kLlama},
    {"rope_scaling", Neutral::falsy, 0, kGpt2},
    {"rope_parameters", Neutral::falsy, 0, kGpt2},
    {"partial_rotary_factor", Neutral::one, 0, kAll},
    {"rotary_pct", Neutral::one, 0, kAll},
    {"rope_interleaved", Neutral::falsy, 0, kAll},
    {"no_rope_layers", Neutral::falsy, 0, kAll},
    {"alibi", Neutral::falsy, 0, kAll},
    {"qk_norm", Neutral::falsy, 0, kGpt2 | kLlama},
    {"use_qk_norm", Neutral::falsy, 0, kGpt2 | kLlama},
    {"qk_layernorm", Neutral::falsy, 0, kGpt2 | kLlama},
    {"use_bias", Neutral::falsy, 0, kLlama | kQwen3},
    {"qkv_bias", Neutral::falsy, 0, kLlama | kQwen3},
    {"attn_logit_softcapping", Neutral::falsy, 0, kAll},
    {"final_logit_softcapping", Neutral::falsy, 0, kAll},
    {"logit_scale", Neutral::one, 0, kAll},
    {"logits_scaling", Neutral::one, 0, kAll},
    {"attention_multiplier", Neutral::one, 0, kAll},
    {"embedding_multiplier", Neutral::one, 0, kAll},
    {"residual_multiplier", Neutral::one, 0, kAll},
    {"use_parallel_residual", Neutral::falsy, 0, kAll},
    {"num_local_experts", Neutral::one, 0, kAll},
    {"num_experts", Neutral::one, 0, kAll},
    {"auto_map", Neutral::falsy, 0, kAll},
}};

unsigned bit_of(Family family) { return family == Family::gpt2 ? kGpt2 : family == Family::llama ? kLlama : kQwen3; }

bool is_falsy(const JsonValue& value) {
  double number = 0;
  if (value.to_double(number)) return number == 0;
  if (const bool* truth = value.if_bool()) return !*truth;
  if (const std::string* text = value.if_string()) return text->empty();
  if (const JsonValue::Array* array = value.if_array()) return array->empty();
  const JsonValue::Object* object = value.if_object();
  return object == nullptr || object->empty();
}

bool is_neutral(const JsonValue& value, Neutral neutral) {
  double number = 0;
  if (value.is_null()) return true;
  switch (neutral) {
    case Neutral::falsy:
      return is_falsy(value);
    case Neutral::truthy:
      return !is_falsy(value);
    case Neutral::one:
      return value.to_double(number) && (number == 1 || number == 0);
    case Neutral::full_attention:
      break;
  }
  const JsonValue::Array* layers = value.if_array();
  return layers != nullptr && std::all_of(layers->begin(), layers->end(), [](const JsonValue& layer) {
           return layer.if_string() != nullptr && *layer.if_string() == "full_attention";
         });
}

bool is_set(const JsonValue& json, const Key& key) {
  const JsonValue* value = json.find(key.name);
  return value != nullptr && !is_neutral(*value, key.neutral);
}

}  // namespace

const JsonValue* find_rope(const JsonValue& json, const char*& key) {
  for (const char* name : {"rope_scaling", "rope_parameters"}) {
    const JsonValue* rope = json.find(name);
    if (rope == nullptr || is_falsy(*rope)) continue;
    key = name;
    return rope;
  }
  return nullptr;
}

std::string key_not_expressible(const JsonValue& json, Family family) {
  for (const Key& key : kKeys) {
    if ((key.read & bit_of(family)) != 0 && is_set(json, key)) return std::string(key.name);
  }
  return "";
}

std::vector<std::string> keys_ignored(const JsonValue& json, Family family) {
  std::vector<std::string> names;
  for (const Key& key : kKeys) {
    if ((key.ignored & bit_of(family)) != 0 && is_set(json, key)) names.emplace_back(key.name);
  }
  const char* rope_key = "";
  const JsonValue* rope = family == Family::gpt2 ? nullptr : find_rope(json, rope_key);
  if (rope == nullptr || rope->if_object() == nullptr) return names;
  for (const auto& [name, value] : *rope->if_object()) {
    const bool read = name == "rope_type" || name == "type" || name == "rope_theta" || value.is_null();
    if (!read && !(name == "partial_rotary_factor" && is_neutral(value, Neutral::one)))
      names.push_back(std::string(rope_key) + "." + name);
  }
  return names;
}

}  // namespace lm
