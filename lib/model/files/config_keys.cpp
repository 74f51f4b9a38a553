#include "model/files/config_keys.h"

#include <array>

#include "model/families.h"
#include "model/files/rotation_reader.h"

namespace lm {

namespace {

// As transformers 5.24 has it (configuration_*.py and modeling_*.py of the families; configuration_utils.py). What is in no
// list, nor read elsewhere, does not change what a model computes: names, ids, dtypes, dropout of attention,
// initializer_range, use_cache, pretraining_tp, reorder_and_upcast_attn, summary_*, n_ctx, settings of generation.

/// The values that change nothing. So does null, except where only what Python takes for true does not.
enum class Neutral { falsy, truthy, one, absolute };

struct Key {
  std::string_view name;
  Neutral neutral = Neutral::falsy;
};

/// A key that the classes of some families read, and that cannot be expressed.
struct RefusedKey {
  Key key;
  bool (*is_read_by)(Family family);
  const char* remedy = "";
};

bool any_family(Family) { return true; }
bool is_left_to_right(Family family) { return !is_masked_family(family); }
template <Family... families>
bool is_any(Family family) {
  return ((family == families) || ...);
}
constexpr auto kIsGpt2 = is_any<Family::gpt2>;
constexpr auto kIsBert = is_any<Family::bert, Family::roberta, Family::xlm_roberta>;

constexpr std::array kRefused = {
    RefusedKey{{"quantization_config"},
               any_family,
               "save the model with its weights as numbers: in transformers, after dequantize()"},
    RefusedKey{{"per_layer_config"}, any_family},
    RefusedKey{{"pruned_heads"}, any_family},
    RefusedKey{{"is_causal", Neutral::truthy},
               is_left_to_right,
               "this family is read from left to right only; without the key, its classes in transformers do so too"},
    RefusedKey{{"alibi"}, is_any<Family::gpt2, Family::gpt_neox>},
    RefusedKey{{"scale_attn_weights", Neutral::truthy}, kIsGpt2},
    RefusedKey{{"scale_attn_by_inverse_layer_idx"}, kIsGpt2},
    RefusedKey{{"add_cross_attention"}, is_any<Family::gpt2, Family::bert, Family::roberta, Family::xlm_roberta>},
    RefusedKey{{"is_decoder"}, kIsBert},
    RefusedKey{{"position_embedding_type", Neutral::absolute}, kIsBert},
    RefusedKey{{"use_bidirectional_attention"}, is_any<Family::gemma, Family::gemma2, Family::gemma3>},
};

/// Keys that change the models of some family.
constexpr std::array<Key, 39> kChanging = {{
    {"scale_attn_by_inverse_layer_idx"},
    {"add_cross_attention"},
    {"attention_bias"},
    {"mlp_bias"},
    {"use_bias"},
    {"qkv_bias"},
    {"use_sliding_window"},
    {"sliding_window"},
    {"local_attention"},
    {"layer_types"},
    {"rope_scaling"},
    {"rope_parameters"},
    {"partial_rotary_factor", Neutral::one},
    {"rotary_pct", Neutral::one},
    {"rope_interleaved"},
    {"no_rope_layers"},
    {"alibi"},
    {"qk_norm"},
    {"use_qk_norm"},
    {"qk_layernorm"},
    {"attn_logit_softcapping"},
    {"final_logit_softcapping"},
    {"query_pre_attn_scalar"},
    {"logit_scale", Neutral::one},
    {"logits_scaling", Neutral::one},
    {"attention_multiplier", Neutral::one},
    {"embedding_multiplier", Neutral::one},
    {"residual_multiplier", Neutral::one},
    {"use_parallel_residual"},
    {"parallel_attn"},
    {"num_local_experts", Neutral::one},
    {"num_experts", Neutral::one},
    {"n_routed_experts", Neutral::one},
    {"auto_map"},
    {"global_attn_every_n_layers"},
    {"sliding_window_pattern"},
    {"rope_local_base_freq"},
    {"local_rope_theta"},
    {"norm_bias"},
}};

bool is_neutral(const JsonValue& value, Neutral neutral) {
  double number = 0;
  if (value.is_null()) return neutral != Neutral::truthy;
  switch (neutral) {
    case Neutral::falsy:
      return is_falsy(value);
    case Neutral::truthy:
      return !is_falsy(value);
    case Neutral::one:
      return value.to_double(number) && (number == 1 || number == 0);
    case Neutral::absolute:
      break;
  }
  return value.if_string() != nullptr && *value.if_string() == "absolute";
}

bool is_set(const JsonValue& json, const Key& key) {
  const JsonValue* value = json.find(key.name);
  return value != nullptr && !is_neutral(*value, key.neutral);
}

}  // namespace

void check_expressible(const ConfigReader& reader, Family family) {
  for (const RefusedKey& refused : kRefused) {
    if (refused.is_read_by(family) && is_set(reader.json(), refused.key))
      reader.refuse(std::string(refused.key.name), "", refused.remedy);
  }
}

std::vector<std::string> keys_ignored(const ConfigReader& reader, const ModelConfig& config) {
  std::vector<std::string> names;
  for (const Key& key : kChanging) {
    if (!reader.was_asked(key.name) && is_set(reader.json(), key)) names.emplace_back(key.name);
  }
  if (config.positions == Positions::learned || config.rotary.scaling != RotaryScaling::none) return names;
  const char* rope_key = "";
  const JsonValue* rope = find_rope(reader, rope_key);
  if (rope == nullptr || rope->if_object() == nullptr) return names;
  for (const auto& [name, value] : *rope->if_object()) {
    const bool read = name == "rope_type" || name == "type" || name == "rope_theta" || value.is_null() ||
                      value.if_object() != nullptr || (name == "partial_rotary_factor" && config.rotary_dim != 0);
    if (!read && !(name == "partial_rotary_factor" && is_neutral(value, Neutral::one)))
      names.push_back(std::string(rope_key) + "." + name);
  }
  return names;
}

}  // namespace lm
