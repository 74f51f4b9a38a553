#include "tasks/text_model.h"

#include <doctest/doctest.h>

#include <fstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/test_data.h"
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

TEST_CASE("a model without a tokenizer, or with one of more ids than it has, is refused by name") {
  const TextModel model = test::byte_model(24, 0);
  test::TemporaryFolder folder;
  ModelRecord record = model.model.record;
  record.tokenizer_json.clear();
  save_model(folder.path("bare.safetensors"), record, model.parameters());
  CHECK(message_of(folder.path("bare.safetensors")).find("no tokenizer") != std::string::npos);
  CHECK(message_of(folder.path("bare.safetensors")).find("bare.safetensors") != std::string::npos);
  record.tokenizer_json = test::byte_tokenizer(5).to_json();
  save_model(folder.path("small.safetensors"), record, model.parameters());
  CHECK(message_of(folder.path("small.safetensors")).find("262") != std::string::npos);
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
