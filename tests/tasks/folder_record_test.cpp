#include "tasks/folder_record.h"

#include <doctest/doctest.h>

#include "base/json.h"
#include "tasks/byte_model.h"

namespace {

using namespace lm;

std::string member(const FolderTexts& folder, const char* file, const char* key) {
  const JsonValue json = JsonValue::parse(folder.at(file), file);
  return json.find(key) == nullptr ? "absent" : json.find(key)->dump();
}

}  // namespace

TEST_CASE("a model made here is fed by other libraries what these programs feed it") {
  const TextModel model = test::byte_model();
  const ModelRecord record = with_folder_facts(model.model.record, model.tokenizer);
  CHECK(record.facts.end_of_text == 0);
  CHECK(record.facts.begin == TokenId{0});
  CHECK(record.facts.tokenizer_json == model.tokenizer.to_folder_json());
  CHECK(record.tokenizer_json == model.tokenizer.to_json());
  CHECK(record.facts.tokenizer_config.find("model_max_length") != std::string::npos);
}

TEST_CASE("how an objective reads: both ways, and whether the family's class may be claimed") {
  ModelRecord record = test::byte_model().model.record;
  const auto looks = [&](const char* objective) {
    record.objective = objective;
    return looks_of(record);
  };
  CHECK(!looks("causal").any());
  CHECK(!looks("causal:0.5,fim:0.5").any());
  CHECK(looks("masked").masked);
  CHECK(!looks("masked").masked_by_previous);
  CHECK(!looks("masked").also_causal);
  CHECK(looks("causal:0.5,masked:0.5").masked_by_previous);
  CHECK(looks("causal:0.5,masked:0.5").also_causal);
  CHECK(looks("prefix").reads_prompt);
  // A prompt is read both ways whenever the model knows prefixes: the family's class would not.
  CHECK(!looks("causal:0.5,prefix:0.5").also_causal);
  CHECK(looks("span").reads_prompt);
  CHECK(!looks("causal:0.5,span:0.5").reads_prompt);
  record.config.family = Family::bert;
  CHECK(!looks("masked").any());
}

TEST_CASE("a folder's files stay as they are until other tokens end a text") {
  const TextModel model = test::byte_model();
  ModelRecord record = model.model.record;
  const FolderTexts texts = {{"config.json", "{ \"eos_token_id\": 0, \"x\": 1 }"},
                             {"generation_config.json", "{\"eos_token_id\":[0]}"},
                             {"tokenizer_config.json", "{\"eos_token\": \"<|endoftext|>\"}"}};
  record.folder = texts;
  ModelRecord same = with_folder_facts(record, model.tokenizer);
  CHECK(same.folder == texts);
  CHECK(same.facts.tokenizer_config == texts.at("tokenizer_config.json"));
  CHECK(same.facts.tokenizer_json == model.tokenizer.to_json());
  record.ends.ids = {0, 7};
  const ModelRecord changed = with_folder_facts(record, model.tokenizer);
  CHECK(member(changed.folder, "config.json", "eos_token_id") == "[0,7]");
  CHECK(member(changed.folder, "config.json", "x") == "1");
  CHECK(member(changed.folder, "generation_config.json", "eos_token_id") == "[0,7]");
  CHECK(changed.folder.at("tokenizer_config.json") == texts.at("tokenizer_config.json"));
}

TEST_CASE("a masked model's files stay as they are: nothing ends its texts") {
  const TextModel model = test::byte_model();
  ModelRecord record = model.model.record;
  record.config.family = Family::bert;
  record.objective = "masked";
  record.folder = {{"config.json", "{ \"eos_token_id\": 9 }"}, {"generation_config.json", "{ }"}};
  record.ends.ids = {0, 9};
  CHECK(with_folder_facts(record, model.tokenizer).folder == record.folder);
}

TEST_CASE("with another tokenizer nothing is said of the old one") {
  FolderTexts folder = {{"config.json", "{\"bos_token_id\":5,\"eos_token_id\":[6,7],\"pad_token_id\":8,\"x\":1}"},
                        {"generation_config.json", "{\"pad_token_id\":8}"},
                        {"tokenizer_config.json", "{}"},
                        {"special_tokens_map.json", "{}"},
                        {"added_tokens.json", "{}"},
                        {"chat_template.jinja", "x"}};
  replace_tokenizer(folder, test::byte_tokenizer());
  CHECK(folder.size() == 2);
  CHECK(JsonValue::parse(folder.at("config.json"), "").dump() ==
        R"({"bos_token_id":0,"eos_token_id":0,"pad_token_id":null,"x":1})");
  CHECK(JsonValue::parse(folder.at("generation_config.json"), "").dump() == R"({"pad_token_id":null})");
}
