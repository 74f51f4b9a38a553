#include "model/files/config_keys.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "model/files/config_hugging_face.h"
#include "support/refusal.h"
#include "support/tiny_model.h"

namespace {

using namespace lm;

JsonValue config_of(Family family) {
  for (const test::NamedConfig& named : test::tiny_configs()) {
    if (named.config.family == family) return config_to_hugging_face(named.config, {});
  }
  return {};
}

JsonValue with(JsonValue json, std::string_view key, std::string_view value) {
  json.set(key, JsonValue::parse(value, "test"));
  return json;
}

constexpr Family kFamilies[] = {Family::gpt2, Family::llama, Family::qwen3};

}  // namespace

TEST_CASE("a key that the family's class reads is refused by name if it cannot be expressed") {
  const auto why = [](Family family, std::string_view key, std::string_view value) {
    return test::refusal([&] { config_from_hugging_face(with(config_of(family), key, value), "test"); });
  };
  const auto refuses = [&](Family family, std::string_view key, std::string_view value) {
    INFO(to_string(family), " ", key, " ", value);
    CHECK(test::contains(why(family, key, value), "'" + std::string(key) + "'"));
  };
  for (const Family family : kFamilies) {
    refuses(family, "quantization_config", R"({"quant_method":"awq"})");
    refuses(family, "per_layer_config", R"([{"hidden_size":4}])");
  }
  refuses(Family::gpt2, "scale_attn_weights", "false");
  refuses(Family::gpt2, "scale_attn_by_inverse_layer_idx", "true");
  refuses(Family::gpt2, "add_cross_attention", "true");
  refuses(Family::gpt2, "activation_function", "\"quick_gelu\"");
  for (const Family family : {Family::llama, Family::qwen3}) {
    refuses(family, "hidden_act", "\"relu2\"");
    refuses(family, "rope_scaling", R"({"rope_type":"proportional","factor":2.0})");
    refuses(family, "rope_scaling", R"({"factor":2.0})");
    refuses(family, "rope_scaling", R"({"rope_type":"linear"})");
    refuses(family, "rope_parameters", R"({"full_attention":{"rope_theta":1e4}})");
  }
  refuses(Family::qwen3, "layer_types", R"(["full_attention","sliding_attention"])");
}

TEST_CASE("what the class ignores is ignored, with a note if it would change another family's model") {
  const auto notes = [](Family family, std::string_view key, std::string_view value) {
    const JsonValue json = with(config_of(family), key, value);
    CHECK(config_from_hugging_face(json, "test") == config_from_hugging_face(config_of(family), "test"));
    return hugging_face_notes(json);
  };
  const auto noted = [&](Family family, std::string_view key, std::string_view value, std::string_view name) {
    INFO(to_string(family), " ", key, " ", value);
    const std::vector<std::string> found = notes(family, key, value);
    REQUIRE(found.size() == 1);
    CHECK(test::contains(found[0], "'" + std::string(name) + "'"));
    CHECK(test::contains(found[0], to_string(family)));
  };
  noted(Family::llama, "partial_rotary_factor", "0.5", "partial_rotary_factor");
  noted(Family::llama, "attention_multiplier", "0.015625", "attention_multiplier");
  noted(Family::qwen3, "partial_rotary_factor", "0.25", "partial_rotary_factor");
  noted(Family::llama, "rope_scaling", R"({"rope_type":"default","partial_rotary_factor":0.5})",
        "rope_scaling.partial_rotary_factor");
  noted(Family::llama, "sliding_window", "4096", "sliding_window");
  noted(Family::llama, "use_qk_norm", "true", "use_qk_norm");
  noted(Family::qwen3, "mlp_bias", "true", "mlp_bias");
  noted(Family::gpt2, "sliding_window", "16", "sliding_window");
  noted(Family::llama, "num_local_experts", "8", "num_local_experts");
  for (const Family family : kFamilies) {
    for (const auto& [key, value] :
         {std::pair{"torch_dtype", "\"bfloat16\""}, std::pair{"use_cache", "true"}, std::pair{"_name_or_path", "\"a/b\""},
          std::pair{"pretraining_tp", "2"}, std::pair{"eos_token_id", "[1, 2]"}, std::pair{"pad_token_id", "null"},
          std::pair{"attention_dropout", "0.1"}, std::pair{"reorder_and_upcast_attn", "true"},
          std::pair{"summary_type", "\"cls_index\""}, std::pair{"partial_rotary_factor", "1.0"},
          std::pair{"temperature", "0.7"}, std::pair{"quantization_config", "null"}}) {
      INFO(to_string(family), " ", key);
      CHECK(notes(family, key, value).empty());
    }
  }
  CHECK(notes(Family::qwen3, "sliding_window", "4096").empty());
  CHECK(notes(Family::qwen3, "max_window_layers", "1").empty());
  CHECK(notes(Family::llama, "hidden_act", "\"swish\"").empty());
  CHECK(notes(Family::gpt2, "activation_function", "\"gelu_fast\"").empty());
}

TEST_CASE("keys are used as the class uses them: other names, absent ones, and the rotation's parameters") {
  JsonValue gpt2 = config_of(Family::gpt2);
  gpt2.set("n_inner", JsonValue());
  gpt2.set("max_position_embeddings", 77);
  CHECK(config_from_hugging_face(gpt2, "test").context_length == 77);
  CHECK(config_from_hugging_face(gpt2, "test").ffn_dim == 4 * config_from_hugging_face(gpt2, "test").channels);
  const auto theta = [](std::string_view key, std::string_view value) {
    JsonValue json = with(config_of(Family::llama), "rope_theta", "5000");
    if (key == "rope_scaling") json = with(json, "rope_parameters", R"({"rope_type":"default","rope_theta":7})");
    return config_from_hugging_face(with(json, key, value), "test").rotary.theta;
  };
  CHECK(theta("rope_parameters", "{}") == 5000);
  CHECK(theta("rope_parameters", R"({"rope_type":"default","rope_theta":9})") == 9);
  // rope_scaling comes first, even if it leaves the base to the key outside.
  CHECK(theta("rope_scaling", R"({"rope_type":"default"})") == 5000);
  CHECK(theta("rope_scaling", "null") == 7);
  JsonValue qwen3;
  const JsonValue whole = config_of(Family::qwen3);
  for (const auto& [key, value] : *whole.if_object()) {
    if (key != "num_key_value_heads" && key != "max_position_embeddings") qwen3.set(key, value);
  }
  qwen3.set("num_attention_heads", 64).set("head_dim", 4);
  CHECK(config_from_hugging_face(qwen3, "test").n_kv_heads == 32);
  CHECK(config_from_hugging_face(qwen3, "test").context_length == 32768);
  qwen3.set("num_key_value_heads", JsonValue());
  CHECK(config_from_hugging_face(qwen3, "test").n_kv_heads == 64);
}

TEST_CASE("a config.json that says nothing but its type has all of the class's defaults") {
  for (const std::string& type : choice_words<Family>()) {
    CAPTURE(type);
    JsonValue json;
    json.set("model_type", type);
    const ModelConfig config = config_from_hugging_face(json, "test");
    CHECK(config.family == parse_choice<Family>(type));
    CHECK(config.n_layers >= 6);
  }
  const auto of = [](const char* type) { return config_from_hugging_face(JsonValue().set("model_type", type), "test"); };
  CHECK(of("mistral").layer(0).window == 4096);
  CHECK(of("gemma2").layer(0).window == 4096);
  CHECK(of("gemma2").layer(1).window == 0);
  CHECK(of("gemma2").logit_cap == 30);
  CHECK(of("gemma3_text").local_rotary.theta == 10000);
  CHECK(of("gemma3_text").rotary.theta == 1e6);
  CHECK(of("gpt_neox").rotary_dim == 24);
  CHECK(of("smollm3").layer(3).rotation == Rotation::none);
  CHECK(of("smollm3").rotary.theta == 2e6);
  CHECK(of("roberta").context_length == 510);
  CHECK(of("modernbert").layer(1).window == 65);
  CHECK(!of("modernbert").layer(0).attention_norm);
}
