#include "model/files/text_ends.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/files/checkpoint.h"
#include "support/test_data.h"
#include "support/tiny_model.h"

namespace {

using namespace lm;

struct Folder {
  void write(const char* name, const std::string& json) const { std::ofstream(folder.path(name)) << json; }
  TextEnds read() {
    notes.clear();
    return read_text_ends(read_folder_texts(folder.path("")), folder.path(""), 10, notes);
  }
  std::string refusal() {
    try {
      read();
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  }
  test::TemporaryFolder folder;
  std::vector<std::string> notes;
};

}  // namespace

TEST_CASE("what ends a text is what any of a folder's three files names, as one value or a list") {
  Folder folder;
  CHECK(folder.read() == TextEnds{});
  folder.write("config.json", R"({"eos_token_id": 7})");
  CHECK(folder.read() == TextEnds{.ids = {7}, .tokens = {}});
  folder.write("generation_config.json", R"({"eos_token_id": [9, 2, 7, 2]})");
  CHECK(folder.read() == TextEnds{.ids = {2, 7, 9}, .tokens = {}});
  folder.write("tokenizer_config.json", R"({"eos_token": "<|im_end|>", "bos_token": "<s>"})");
  CHECK(folder.read() == TextEnds{.ids = {2, 7, 9}, .tokens = {"<|im_end|>"}});
  folder.write("tokenizer_config.json", R"({"eos_token": {"__type": "AddedToken", "content": "</s>", "special": true}})");
  CHECK(folder.read().tokens == std::vector<std::string>{"</s>"});
  folder.write("tokenizer_config.json", R"({"eos_token": ["</s>", {"content": "<e>"}, "</s>"]})");
  CHECK(folder.read().tokens == std::vector<std::string>{"</s>", "<e>"});
  CHECK(folder.notes.empty());
}

TEST_CASE("null, an empty name and an absent key end nothing") {
  Folder folder;
  folder.write("config.json", R"({"eos_token_id": null})");
  folder.write("generation_config.json", R"({"eos_token_id": []})");
  folder.write("tokenizer_config.json", R"({"eos_token": null})");
  CHECK(folder.read() == TextEnds{});
  folder.write("config.json", "{}");
  folder.write("tokenizer_config.json", R"({"eos_token": ""})");
  CHECK(folder.read() == TextEnds{});
}

TEST_CASE("an id beyond the vocabulary is left out with a note, anything else that is no id is refused by file and key") {
  Folder folder;
  folder.write("generation_config.json", R"({"eos_token_id": [3, 10, -1]})");
  CHECK(folder.read().ids == std::vector<TokenId>{3});
  REQUIRE(folder.notes.size() == 2);
  CHECK(folder.notes[0].find("generation_config.json names 10 as 'eos_token_id'") != std::string::npos);
  CHECK(folder.notes[1].find("-1") != std::string::npos);
  for (const char* value : {R"("3")", "true", "1.5", "{}", "[[3]]", "[3, null]"}) {
    CAPTURE(value);
    folder.write("generation_config.json", std::string(R"({"eos_token_id": )") + value + "}");
    CHECK(folder.refusal().find("generation_config.json': 'eos_token_id' is ") != std::string::npos);
  }
  folder.write("generation_config.json", "{}");
  for (const char* value : {"5", "false", "{}", R"({"content": 5})", "[5]"}) {
    CAPTURE(value);
    folder.write("tokenizer_config.json", std::string(R"({"eos_token": )") + value + "}");
    CHECK(folder.refusal().find("tokenizer_config.json': 'eos_token' is ") != std::string::npos);
  }
  folder.write("tokenizer_config.json", "{}");
  folder.write("config.json", "{");
  CHECK(folder.refusal().find("config.json") != std::string::npos);
}

TEST_CASE("lm.ends is written only if there is something to say, and read back; config.json of a folder says it too") {
  test::TemporaryFolder folder;
  const ModelConfig config = test::tiny_configs().back().config;  // a vocabulary of 19
  const Parameters<float> weights(config);
  ModelRecord record{.config = config, .tokenizer_json = "{}", .progress = "{}"};
  CHECK(model_metadata(record).count("lm.ends") == 0);
  const std::string before = model_metadata(record).at("lm.config");
  record.ends.ids = {2, 18};
  CHECK(model_metadata(record).at("lm.ends") == "[2,18]");
  CHECK(model_metadata(record).at("lm.config") == before);
  save_model(folder.path("m"), record, weights);
  CHECK(load_model(folder.path("m")).record.ends == record.ends);
  save_model(folder.path("f/"), record, weights);
  CHECK(load_model(folder.path("f")).record.ends == record.ends);
  const JsonValue written = JsonValue::parse(test::read_file(folder.path("f/config.json")), "config.json");
  CHECK(written.find("eos_token_id")->dump() == "[2,18]");
  for (const char* wrong : {"[19]", "[-1]", "3", "[\"2\"]", "{}", "[2"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(text_ends_from_json(wrong, 19, "m"), Error);
  }
}
