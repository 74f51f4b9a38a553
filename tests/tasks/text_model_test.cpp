#include "tasks/text_model.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "support/test_data.h"
#include "tasks/byte_model.h"

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

TEST_CASE("sampling may choose text and end-of-text, and no other special token") {
  const TextModel model = test::byte_model(24, 5);
  const std::vector<std::uint8_t> allowed = model.samplable();
  CHECK(std::vector<std::uint8_t>(262, 1) == allowed);
  CHECK(model.bytes_of(257) == "ab");
  CHECK(model.bytes_of(262).empty());
}
