#include "model/files/config_keys.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "model/families.h"
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

TEST_CASE("a family that reads from left to right is refused if it is not to be causal") {
  for (const std::string& type : choice_words<Family>()) {
    CAPTURE(type);
    const auto why = [&](std::string_view value) {
      return test::refusal(
          [&] { config_from_hugging_face(with(JsonValue().set("model_type", type), "is_causal", value), "test"); });
    };
    const bool masked = is_masked_family(parse_choice<Family>(type));
    CHECK(why("true").empty());
    for (const char* value : {"false", "null", "0"}) {  // null is false too
      CAPTURE(value);
      CHECK(why(value).empty() == masked);
      if (!masked) CHECK(test::contains(why(value), "'is_causal' (" + std::string(value) + ")"));
    }
  }
}

TEST_CASE("a value that no model could have is no missing feature, and a missing feature says what to do") {
  const auto why = [](const char* type, std::string_view key, std::string_view value) {
    return test::refusal([&] { config_from_hugging_face(with(JsonValue().set("model_type", type), key, value), "test"); });
  };
  CHECK(why("llama", "hidden_size", "0") == "'hidden_size' of 'test' is 0, expected a number from 1 to 1073741824");
  CHECK(test::contains(why("gpt2", "n_head", "7"), "'n_head' of 'test' is 7, expected a divisor of 768 channels"));
  CHECK(test::contains(why("mistral", "sliding_window", "-1"), "is -1, expected"));
  CHECK(test::contains(why("mistral", "sliding_window", "0"), "is 0, expected"));
  CHECK(test::contains(why("modernbert", "local_attention", "-1"), "'local_attention' of 'test' is -1, expected"));
  CHECK(test::contains(why("gemma2", "sliding_window", "null"), "'sliding_window' of 'test' is null, expected"));
  CHECK(test::contains(why("gemma3_text", "sliding_window_pattern", "0"), "is 0, expected"));
  CHECK(test::contains(why("gemma2", "query_pre_attn_scalar", "0"), "is 0, expected"));
  CHECK(test::contains(why("llama", "quantization_config", R"({"quant_method":"awq"})"), "dequantize()"));
  CHECK(test::contains(why("gpt2", "scale_attn_weights", "false"), "supported only without it"));
  for (const char* type : {"gpt_neox", "modernbert"}) {
    CHECK(test::contains(why(type, "head_dim", "6"), "'head_dim' (6)"));
    CHECK(why(type, "head_dim", std::string_view(type) == "gpt_neox" ? "96" : "64").empty());
  }
  CHECK(why("bert", "head_dim", "6").empty());  // it turns nothing
}

TEST_CASE("windows are those of the keys that the class believes") {
  const auto windows = [](JsonValue json, std::string_view key, std::string_view value) {
    const ModelConfig config = config_from_hugging_face(with(std::move(json), key, value), "test");
    return std::vector{config.layer(0).window, config.layer(1).window, config.layer(2).window};
  };
  using Windows = std::vector<std::int64_t>;
  JsonValue mistral = JsonValue().set("model_type", "mistral").set("num_hidden_layers", 3).set("sliding_window", 9);
  const char* types = R"(["full_attention","sliding_attention","full_attention"])";
  CHECK(windows(mistral, "layer_types", types) == Windows{0, 9, 0});
  CHECK(windows(mistral, "layer_types", "null") == Windows{9, 9, 9});
  CHECK(hugging_face_notes(with(mistral, "layer_types", types)).empty());
  mistral.set("sliding_window", JsonValue());
  CHECK(windows(mistral, "layer_types", "null") == Windows{0, 0, 0});
  CHECK(
      test::contains(test::refusal([&] { windows(mistral, "layer_types", types); }), "'sliding_window' of 'test' is null"));
  CHECK(test::contains(test::refusal([&] { windows(mistral, "layer_types", "[1]"); }), "each of 3 layers"));

  const JsonValue modernbert = JsonValue().set("model_type", "modernbert").set("local_attention", 100);
  CHECK(windows(modernbert, "x", "1") == Windows{0, 51, 51});
  CHECK(windows(modernbert, "sliding_window", "7") == Windows{0, 8, 8});
  CHECK(hugging_face_notes(with(modernbert, "sliding_window", "7")).empty());
  CHECK_THROWS_AS(windows(modernbert, "sliding_window", "null"), Error);
}

TEST_CASE("the context before scaling is believed outside of the rotation's parameters first") {
  const auto original = [](const char* type, std::string_view scaling, bool outside) {
    JsonValue json = with(JsonValue().set("model_type", type), "rope_scaling", scaling);
    if (outside) json.set("original_max_position_embeddings", 64);
    return config_from_hugging_face(json, "test").rotary.original_context;
  };
  const std::string yarn = R"({"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":128})";
  const std::string llama3 = R"({"rope_type":"llama3","factor":4.0,"low_freq_factor":1.0,"high_freq_factor":4.0,)"
                             R"("original_max_position_embeddings":128})";
  for (const std::string& scaling : {yarn, llama3}) {
    CAPTURE(scaling);
    for (const char* type : {"llama", "qwen3", "gpt_neox"}) {
      CHECK(original(type, scaling, false) == 128);
      CHECK(original(type, scaling, true) == 64);
    }
    for (const char* type : {"gemma3_text", "modernbert"}) CHECK(original(type, scaling, true) == 128);  // nested
  }
  JsonValue json = with(JsonValue().set("model_type", "llama"), "rope_scaling", yarn);
  CHECK_THROWS_AS(config_from_hugging_face(with(json, "original_max_position_embeddings", "null"), "test"), Error);
  CHECK_THROWS_AS(config_from_hugging_face(with(json, "original_max_position_embeddings", "0"), "test"), Error);
}

TEST_CASE("two rotations are read by kind of layer, and rope_scaling changes what stands there") {
  const auto read = [](const char* type, std::string_view scaling, std::string_view parameters) {
    JsonValue json = with(with(JsonValue().set("model_type", type), "rope_scaling", scaling), "rope_parameters", parameters);
    CHECK(hugging_face_notes(json).empty());
    return config_from_hugging_face(json, "test");
  };
  const char* nested = R"({"full_attention":{"rope_type":"default","rope_theta":77.0},)"
                       R"("sliding_attention":{"rope_type":"default","rope_theta":5.0}})";
  const char* linear = R"({"rope_type":"linear","factor":8.0})";
  for (const char* type : {"gemma3_text", "modernbert"}) {
    CAPTURE(type);
    const bool both = std::string_view(type) == "modernbert";
    const ModelConfig merged = read(type, linear, nested);
    CHECK(merged.rotary.theta == 77);
    CHECK(merged.rotary.scaling == RotaryScaling::linear);
    CHECK(merged.local_rotary.theta == 5);
    CHECK((merged.local_rotary.scaling == RotaryScaling::linear) == both);
    CHECK(read(type, R"({"rope_type":"linear","factor":8.0,"rope_theta":3.0})", nested).rotary.theta == 3);
    CHECK(read(type, linear, "null").rotary.scaling == RotaryScaling::linear);
    CHECK(read(type, "{}", nested).rotary.scaling == RotaryScaling::none);
    const auto why = [&](std::string_view scaling, std::string_view parameters) {
      return test::refusal([&] { read(type, scaling, parameters); });
    };
    CHECK(test::contains(why("null", linear), "'rope_parameters'"));  // which the class would ignore
    CHECK(test::contains(why(nested, "null"), "'rope_scaling'"));
    CHECK(test::contains(why(R"({"type":"linear","factor":8.0})", "null"), "ignores 'type'"));
    CHECK(test::contains(why(linear, R"({"sliding_attention":{"rope_theta":5.0}})"), "'full_attention'"));
    // What rounds yarn's bounds is looked up outside of a kind of layer.
    const auto rounded = [&](const char* before, const char* inside) {
      return read(type, "null",
                  "{" + std::string(before) + R"("full_attention":{"rope_type":"yarn","factor":2.0)" + inside + "}}")
          .rotary.whole_bounds;
    };
    CHECK(rounded("", ""));
    CHECK(rounded("", R"(,"truncate":false)"));
    CHECK(!rounded(R"("truncate":false,)", ""));
  }
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
