#include "tasks/text_model.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "model/families.h"
#include "support/test_data.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/infill/infill.h"
#include "tasks/prompt/prompt.h"
#include "tasks/prompt/span_fill.h"
#include "tasks/special_model.h"
#include "tasks/weights_only.h"

using namespace lm;

namespace {

std::string message_of(const std::string& path) {
  try {
    load_text_model(path);
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

}  // namespace

TEST_CASE("a model comes back from a file and from a folder with its tokenizer and weights") {
  const TextModel model = test::byte_model(24, 5);
  test::TemporaryFolder folder;
  for (const std::string& path : {folder.path("model.safetensors"), folder.path("model/")}) {
    CAPTURE(path);
    save_model(path, model.model.record, model.parameters());
    const TextModel loaded = load_text_model(path);
    CHECK(loaded.config() == model.config());
    CHECK(loaded.tokenizer.fingerprint() == model.tokenizer.fingerprint());
    CHECK(loaded.parameters().head(5, 3) == model.parameters().head(5, 3));
  }
}

TEST_CASE("a model without a tokenizer is refused by name") {
  const TextModel model = test::byte_model(24, 0);
  test::TemporaryFolder folder;
  ModelRecord record = model.model.record;
  record.tokenizer_json.clear();
  save_model(folder.path("bare.safetensors"), record, model.parameters());
  CHECK(message_of(folder.path("bare.safetensors")).find("no tokenizer") != std::string::npos);
  CHECK(message_of(folder.path("bare.safetensors")).find("bare.safetensors") != std::string::npos);
}

TEST_CASE(
    "of a tokenizer with more ids than the model has, only these can be sampled, and others are refused when they occur") {
  TextModel model = test::byte_model(24, 0);  // 257 ids
  model.tokenizer = test::byte_tokenizer(5);
  CHECK(model.samplable() == std::vector<std::uint8_t>(257, 1));
  CHECK(model.ends() == std::vector<TokenId>{0});
  const auto refusal = [&](const std::string& text) -> std::string {
    try {
      model.require_embedded(model.tokenizer.encode(text));
    } catch (const Error& error) {
      return error.what();
    }
    return {};
  };
  CHECK(refusal("acbd").empty());
  CHECK(refusal("xaby").find("'byte-model' with this text: it has token 257 (\"ab\"), and the model's vocabulary of 257") !=
        std::string::npos);
  Compute compute(1, best_simd_tier());
  Prompter prompter(compute, model, {.max_tokens = 100, .sampling = {.temperature = 3}});
  CHECK_THROWS_WITH_AS(prompter.read({.ids = model.tokenizer.encode("ab")}), doctest::Contains("token 257"), Error);
  prompter.read({.ids = model.tokenizer.encode("ac")});
  CHECK(prompter.sample(0, [](std::string_view) {}).ids.size() > 1);
}

TEST_CASE(
    "a token that has no position of its own in its model is refused, in a text by name and around all texts at once") {
  test::TemporaryFolder folder;
  TextModel model = test::byte_model();
  const auto saved_with_pad = [&](TokenId pad) {
    for (const test::NamedConfig& named : test::all_configs()) {
      if (named.config.family != Family::roberta) continue;
      ModelRecord record = model.model.record;
      record.config = named.config;
      record.config.vocab_size = model.tokenizer.vocab_size();
      record.config.position_offset = static_cast<std::int64_t>(pad) + 1;
      record.objective = "masked";
      save_model(folder.path("m"), record, Parameters<float>(record.config));
    }
    return folder.path("m");
  };
  const TextModel loaded = load_text_model(saved_with_pad('a' + 1));
  loaded.require_embedded(loaded.tokenizer.encode("bcd"));
  CHECK_THROWS_WITH_AS(loaded.require_embedded(loaded.tokenizer.encode("bad")), doctest::Contains("token 98 (\"a\")"),
                       Error);
  CHECK(message_of(saved_with_pad(0)).find("what its tokenizer puts around a text: it has token 0") != std::string::npos);
  CHECK(!uncounted_token(model.config()));
}

TEST_CASE("special tokens that the model has no row for are refused by name where they are needed") {
  const auto without = [](const std::string& objective, const std::string& name) {
    TextModel model = test::special_model(objective);
    ModelConfig config = model.config();
    config.vocab_size = *model.tokenizer.id_of(name);
    model.model.record.config = config;
    model.model.parameters = Parameters<float>(config);
    return model;
  };
  Compute compute(1, best_simd_tier());
  const TextModel fim = without("fim", "<|fim_middle|>");
  CHECK_THROWS_WITH_AS(Infiller(compute, fim, "psm"), doctest::Contains("<|fim_middle|>"), Error);
  const TextModel masked = without("masked", "<|mask|>");
  CHECK_THROWS_WITH_AS(complete_plan({.pseudo = Pseudo::token}, masked), doctest::Contains("<|mask|>"), Error);
  const TextModel span = without("span", "<|extra_1|>");
  SpanFiller filler(compute, span, {});
  const std::vector<TokenId> gaps = {*span.tokenizer.id_of("<|extra_0|>"), 70, *span.tokenizer.id_of("<|extra_1|>")};
  CHECK_THROWS_WITH_AS(filler.read(gaps), doctest::Contains("<|extra_1|>"), Error);
}

TEST_CASE("a folder's names become ids by its tokenizer, and end texts beside end-of-text; what is unknown is noted") {
  const TextModel model = test::special_model("causal");
  test::TemporaryFolder folder;
  save_model(folder.path("model/"), model.model.record, model.parameters());
  const auto write = [&](const char* name, const std::string& json) { std::ofstream(folder.path(name)) << json; };
  write("model/generation_config.json", R"({"eos_token_id": [5, 0]})");
  write("model/tokenizer_config.json", R"({"eos_token": {"content": "<|pad|>"}})");
  CHECK(load_text_model(folder.path("model")).ends() == std::vector<TokenId>{0});  // one of ours says so itself
  test::write_weights_only(folder.path("model/model.safetensors"), model.parameters());
  const TextModel loaded = load_text_model(folder.path("model"));
  const TokenId pad = *loaded.tokenizer.id_of("<|pad|>");
  CHECK(loaded.ends() == std::vector<TokenId>{0, 5, pad});
  CHECK(loaded.model.record.notes.empty());
  const std::vector<std::uint8_t> allowed = loaded.samplable();
  for (const char* name : {"<|pad|>", "<|endoftext|>"}) CHECK(allowed[*loaded.tokenizer.id_of(name)] == 1);
  for (const char* name : {"<|mask|>", "<|extra_0|>"}) CHECK(allowed[*loaded.tokenizer.id_of(name)] == 0);
  write("model/tokenizer_config.json", R"({"eos_token": "<|none|>"})");
  const TextModel without = load_text_model(folder.path("model"));
  CHECK(without.ends() == std::vector<TokenId>{0, 5});
  REQUIRE(without.model.record.notes.size() == 1);
  CHECK(without.model.record.notes[0].find(R"("<|none|>" as 'eos_token')") != std::string::npos);
}

TEST_CASE("sampling may choose text and end-of-text, and no other special token") {
  const TextModel model = test::byte_model(24, 5);
  const std::vector<std::uint8_t> allowed = model.samplable();
  CHECK(std::vector<std::uint8_t>(262, 1) == allowed);
  CHECK(model.bytes_of(257) == "ab");
  CHECK(model.bytes_of(262).empty());
}
