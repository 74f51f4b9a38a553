#include "model/files/folder_files.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "model/files/config_hugging_face.h"
#include "support/test_data.h"
#include "support/tiny_model.h"

namespace {

using namespace lm;

ModelConfig tiny_config_of(Family family) {
  for (const test::NamedConfig& named : test::tiny_configs()) {
    if (named.config.family == family) return named.config;
  }
  throw Error("no such family");
}

ModelRecord folder_record_of(const ModelConfig& config, const std::string& objective = "causal") {
  return {.config = config,
          .objective = objective,
          .tokenizer_json = "{}",
          .progress = "{}",
          .facts = {.end_of_text = 3, .pad = TokenId{4}, .tokenizer_json = "{}\n", .tokenizer_config = "{}\n"}};
}

JsonValue config_json(const ModelRecord& record) {
  return JsonValue::parse(folder_files(record).at("config.json"), "config.json");
}

std::string text_at(const JsonValue& json, const char* key) {
  const JsonValue* value = json.find(key);
  return value == nullptr ? "absent" : value->dump();
}

}  // namespace

TEST_CASE("a model that was made here says its tokens, its context and its type") {
  for (const Family family : {Family::qwen3, Family::llama, Family::gpt2}) {
    const ModelRecord record = folder_record_of(tiny_config_of(family));
    const JsonValue json = config_json(record);
    const bool gpt2 = family == Family::gpt2;
    CHECK(text_at(json, "dtype") == "\"float32\"");
    CHECK(text_at(json, "torch_dtype") == "\"float32\"");
    for (const char* key : {"bos_token_id", "eos_token_id"}) CHECK(text_at(json, key) == "3");
    CHECK(text_at(json, "pad_token_id") == "4");
    CHECK(json.find(gpt2 ? "n_ctx" : "max_position_embeddings") != nullptr);
    CHECK(text_at(json, "auto_map") == "absent");
    const FolderTexts files = folder_files(record);
    const JsonValue generation = JsonValue::parse(files.at("generation_config.json"), "generation_config.json");
    CHECK(text_at(generation, "eos_token_id") == "3");
    CHECK(text_at(generation, "pad_token_id") == "4");
    CHECK(files.count("modeling_lm_tools.py") == 0);
  }
}

TEST_CASE(
    "a folder's config.json comes back as it was, but for the class, the type of the weights, and code that is not there") {
  const std::string text = R"({
  "zeta": [1.5, {"a": null}],
  "architectures": [
    "LlamaModel"
  ],
  "torch_dtype": "bfloat16",
  "auto_map": {"AutoConfig": "configuration_x.X"},
  "model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
  "max_position_embeddings": 16, "vocab_size": 19, "rms_norm_eps": 1e-06, "pretraining_tp": 1
})";
  ModelRecord record = folder_record_of(config_from_hugging_face(JsonValue::parse(text, "test"), "test"));
  record.folder = {{"config.json", text}, {"generation_config.json", "{ }"}, {"chat_template.jinja", "{{x}}"}};
  const FolderTexts files = folder_files(record);
  CHECK(files.at("generation_config.json") == "{ }");
  CHECK(files.at("chat_template.jinja") == "{{x}}");
  JsonValue expected = JsonValue::parse(text, "test");
  expected.set("architectures", JsonValue::Array{JsonValue("LlamaForCausalLM")}).set("torch_dtype", "float32");
  JsonValue::Object members = *expected.if_object();
  std::erase_if(members, [](const JsonValue::Member& member) { return member.first == "auto_map"; });
  CHECK(config_json(record).dump() == JsonValue(members).dump());
  // Nothing to change: not a byte does.
  record.folder["config.json"] = files.at("config.json") + " \n";
  CHECK(folder_files(record).at("config.json") == files.at("config.json") + " \n");
  // A configuration of another model is never written.
  record.config.ffn_dim = 24;
  CHECK_THROWS_AS(folder_files(record), Error);
}

TEST_CASE("a family that is only read has no configuration of its own") {
  for (const test::NamedConfig& named : test::all_configs()) {
    CAPTURE(named.name);
    const Family family = named.config.family;
    if (family == Family::qwen3 || family == Family::llama || family == Family::gpt2) continue;
    CHECK_THROWS_AS(folder_files(folder_record_of(named.config)), Error);
  }
}

TEST_CASE("a model that looks both ways has a type that no class of transformers takes for its own, and brings classes") {
  for (const Family family : {Family::qwen3, Family::llama, Family::gpt2}) {
    ModelRecord record = folder_record_of(tiny_config_of(family), "masked");
    record.facts.looks = {.masked = true};
    const JsonValue json = config_json(record);
    CHECK(text_at(json, "model_type") == "\"lm_tools_" + std::string(to_string(family)) + "\"");
    CHECK(text_at(json, "architectures").starts_with("[\"LmTools"));
    CHECK(text_at(json, "lm_masked_output_shift") == "0");
    const FolderTexts files = folder_files(record);
    CHECK(files.count("generation_config.json") == 0);
    CHECK(files.at("modeling_lm_tools.py").find("class _ForMaskedLM") != std::string::npos);
    CHECK(folder_notes(record).size() ==
          (family == Family::gpt2 && record.config.ffn_dim != 4 * record.config.channels ? 2 : 1));
    CHECK(folder_notes(record).front().find("trust_remote_code") != std::string::npos);
  }
}

TEST_CASE("of a mixture with a left-to-right objective the family's class is right, and the map names the other") {
  ModelRecord record = folder_record_of(tiny_config_of(Family::qwen3), "causal:0.5,masked:0.5");
  record.facts.looks = {.masked = true, .masked_by_previous = true, .also_causal = true};
  const JsonValue json = config_json(record);
  CHECK(text_at(json, "model_type") == "\"qwen3\"");
  CHECK(text_at(json, "architectures") == "[\"Qwen3ForCausalLM\"]");
  CHECK(text_at(json, "auto_map") == R"({"AutoModelForMaskedLM":"modeling_lm_tools.LmToolsQwen3MixedForMaskedLM"})");
  CHECK(text_at(json, "lm_masked_output_shift") == "1");
}

TEST_CASE("lm.folder is written only for a model that came from a folder, survives a file, and is refused if it is none") {
  test::TemporaryFolder folder;
  ModelRecord record = folder_record_of(tiny_config_of(Family::gpt2));
  CHECK(model_metadata(record).count("lm.folder") == 0);
  const FolderTexts texts = {{"config.json", "{\"a\": \"\\u00e9\\n\"}"}, {"chat_template.jinja", "\"{% é\"\n"}};
  record.folder = texts;
  save_model(folder.path("m"), record, Parameters<float>(record.config));
  CHECK(load_model(folder.path("m")).record.folder == texts);
  for (const char* wrong : {"[]", "{\"config.json\":1}", "{\"../x\":\"\"}", "{"})
    CHECK_THROWS_AS(folder_texts_from_json(wrong, "m"), Error);
}

TEST_CASE("a folder that another program wrote again keeps what its model was trained on") {
  test::TemporaryFolder folder;
  ModelRecord record = folder_record_of(tiny_config_of(Family::llama), "masked");
  record.facts.looks = {.masked = true};
  save_model(folder.path("m/"), record, Parameters<float>(record.config));
  std::string weights = test::read_file(folder.path("m/model.safetensors"));
  for (std::size_t at = weights.find("\"lm."); at != std::string::npos; at = weights.find("\"lm.")) weights[at + 1] = 'x';
  std::ofstream(folder.path("m/model.safetensors"), std::ios::binary) << weights;
  const LoadedModel again = load_model(folder.path("m"));
  CHECK(again.record.objective == "masked");
  CHECK(again.record.config == record.config);
  // It is now one from elsewhere, and is replaced only if it has no more than the oldest folders.
  CHECK_THROWS_AS(save_model(folder.path("m/"), record, again.parameters), Error);
  CHECK(std::filesystem::exists(folder.path("m/modeling_lm_tools.py")));
}

TEST_CASE("a folder that is replaced keeps no file of the old one") {
  test::TemporaryFolder folder;
  ModelRecord record = folder_record_of(tiny_config_of(Family::llama), "masked");
  record.facts.looks = {.masked = true};
  const Parameters<float> weights(record.config);
  save_model(folder.path("m/"), record, weights);
  CHECK(std::filesystem::exists(folder.path("m/modeling_lm_tools.py")));
  save_model(folder.path("m/"), folder_record_of(record.config), weights);
  CHECK(!std::filesystem::exists(folder.path("m/modeling_lm_tools.py")));
}

TEST_CASE("a gpt2 folder that llama.cpp's converter would take for another model says so") {
  ModelRecord record = folder_record_of(tiny_config_of(Family::gpt2));
  record.config.ffn_dim = 4 * record.config.channels;
  CHECK(folder_notes(record).empty());
  record.config.ffn_dim += 4;
  CHECK(folder_notes(record).front().find("n_inner") != std::string::npos);
}
