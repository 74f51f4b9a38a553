#include "base/gguf.h"

#include <doctest/doctest.h>

#include <string>

#include "base/error.h"
#include "support/gguf_file.h"
#include "support/memory_limit.h"
#include "support/refusal.h"
#include "support/test_data.h"

using namespace lm;
using test::GgufBuilder;

namespace {

GgufBuilder small_gguf() {
  GgufBuilder builder;
  builder.string("general.architecture", "llama")
      .number("tokenizer.ggml.bos_token_id", 1)
      .boolean("tokenizer.ggml.add_bos_token", true)
      .strings("tokenizer.ggml.tokens", {"a", "", "bc"})
      .floats("tokenizer.ggml.scores", {0.5F, -1.0F, -2.0F})
      .integers("tokenizer.ggml.token_type", {1, -3, 6});
  return builder.tensor("first", 3).tensor("second", 9);
}

/// Reads everything that a file has.
void read_all(const std::string& path) {
  const GgufFile file = GgufFile::open(path);
  for (const char* key : {"tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type"}) {
    const std::optional<GgufArray> array = file.array_at(key);
    if (!array) continue;
    if (array->type == GgufType::string) {
      file.for_each_string(*array, [](std::string_view) {});
    } else if (array->type == GgufType::float32) {
      file.floats(*array);
    } else {
      file.integers(*array);
    }
  }
  for (const GgufTensor& tensor : file.tensors()) {
    std::string bytes(tensor.size, '\0');
    file.read(tensor.offset, bytes.data(), bytes.size());
  }
}

std::string gguf_refusal(const test::TemporaryFolder& folder, const std::string& bytes) {
  test::put(folder.path("a.gguf"), bytes);
  return test::refusal([&] { read_all(folder.path("a.gguf")); });
}

std::string gguf_number(std::uint64_t value) { return little_bytes(value); }

}  // namespace

TEST_CASE("a GGUF file gives its values by key, its arrays and its tensors") {
  const test::TemporaryFolder folder;
  test::put(folder.path("a"), small_gguf().file());
  const GgufFile file = GgufFile::open(folder.path("a"));
  CHECK(file.version() == 3);
  CHECK(file.alignment() == 32);
  CHECK(file.string_at("general.architecture") == "llama");
  CHECK(file.unsigned_at("tokenizer.ggml.bos_token_id") == 1);
  CHECK(file.boolean_at("tokenizer.ggml.add_bos_token") == true);
  CHECK(!file.string_at("general.name"));
  std::vector<std::string> tokens;
  file.for_each_string(*file.array_at("tokenizer.ggml.tokens"), [&](std::string_view token) { tokens.emplace_back(token); });
  CHECK(tokens == std::vector<std::string>{"a", "", "bc"});
  CHECK(file.floats(*file.array_at("tokenizer.ggml.scores")) == std::vector<float>{0.5F, -1.0F, -2.0F});
  CHECK(file.integers(*file.array_at("tokenizer.ggml.token_type")) == std::vector<std::int64_t>{1, -3, 6});
  REQUIRE(file.tensors().size() == 2);
  CHECK(file.tensors()[1].name == "second");
  CHECK(file.tensors()[1].shape[0] == 9);
  CHECK(file.tensors()[1].size == 36);
  CHECK(file.tensors()[1].offset % 32 == 0);
  std::string bytes(36, '\0');
  file.read(file.tensors()[1].offset, bytes.data(), bytes.size());
  CHECK(bytes == std::string(36, 'x'));
}

TEST_CASE("a value of another type is refused by its key") {
  const test::TemporaryFolder folder;
  test::put(folder.path("a"), small_gguf().file(2));
  const GgufFile file = GgufFile::open(folder.path("a"));
  CHECK(test::contains(test::refusal([&] { file.unsigned_at("general.architecture"); }),
                       "its \"general.architecture\" is a string, expected an integer"));
  CHECK(test::contains(test::refusal([&] { file.floats(*file.array_at("tokenizer.ggml.tokens")); }), "a string"));
  CHECK(test::contains(test::refusal([&] { file.integers(*file.array_at("tokenizer.ggml.scores")); }), "a 32-bit float"));
}

TEST_CASE("every truncation of a GGUF file is refused") {
  const test::TemporaryFolder folder;
  const std::string bytes = small_gguf().file();
  const std::size_t padding = 28;  // after the last tensor, which may be missing
  for (std::size_t size = 0; size < bytes.size() - padding; ++size) CHECK(gguf_refusal(folder, bytes.substr(0, size)) != "");
  CHECK(gguf_refusal(folder, bytes.substr(0, bytes.size() - padding)).empty());
  CHECK(test::contains(gguf_refusal(folder, bytes + "x"), "it has 1 bytes after its end"));
}

TEST_CASE("every flipped bit of a GGUF file is read or refused") {
  const test::TemporaryFolder folder;
  const std::string bytes = small_gguf().file();
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    if (bit < 64) CHECK((gguf_refusal(folder, flipped) != "" || bit == 32));  // version 2 reads as 3 does
    gguf_refusal(folder, flipped);
  }
}

TEST_CASE("what a GGUF file cannot be is refused in a sentence of its own") {
  const test::TemporaryFolder folder;
  const std::string start = "GGUF" + little_bytes(std::uint32_t{3});
  const auto key = [](const char* name, std::uint32_t type) { return GgufBuilder::spell(name) + little_bytes(type); };
  const std::pair<std::string, std::string> cases[] = {
      {"GGML" + std::string(20, '\0'), "its first bytes are not GGUF"},
      {"GGUF" + little_bytes(std::uint32_t{1}) + std::string(16, '\0'), "version 1 of the format"},
      {"GGUF" + little_bytes(std::uint32_t{4}) + std::string(16, '\0'), "version 4 of the format"},
      {"GGUF" + little_bytes(std::uint32_t{0x03000000}) + std::string(16, '\0'), "it is big-endian"},
      {start + gguf_number(0) + gguf_number(1ULL << 60), "metadata entries, more than can be"},
      {start + gguf_number(1ULL << 60) + gguf_number(0), "tensors, more than can be"},
      {start + gguf_number(0) + gguf_number(1) + key("a", 99) + "x", "has the type 99"},
      {start + gguf_number(0) + gguf_number(1) + key("a", 8) + gguf_number(UINT64_MAX) + "x", "says that a string has"},
      {start + gguf_number(0) + gguf_number(1) + key("a", 9) + little_bytes(std::uint32_t{10}) + gguf_number(1ULL << 61),
       "more than the rest of the file"},
      {start + gguf_number(0) + gguf_number(1) + key("a", 9) + little_bytes(std::uint32_t{9}) + gguf_number(1),
       "array of arrays"},
      {GgufBuilder().number("a", 1).number("a", 1).file(), "the key \"a\" appears twice"},
      {GgufBuilder().tensor("a", 1).tensor("a", 1).file(), "the tensor \"a\" appears twice"},
      {GgufBuilder().number("general.alignment", 24).file(), "its general.alignment is 24"},
  };
  for (const auto& [bytes, part] : cases) {
    CAPTURE(part);
    CHECK(test::contains(gguf_refusal(folder, bytes), part));
  }
}

TEST_CASE("a tensor out of place, of an unknown type or too large is refused") {
  const test::TemporaryFolder folder;
  const std::string good = GgufBuilder().tensor("a", 8).tensor("b", 8).file();
  const auto changed = [&](std::size_t at, std::uint64_t value, std::size_t size) {
    std::string bytes = good;
    bytes.replace(at, size, little_bytes(value).substr(0, size));
    return gguf_refusal(folder, bytes);
  };
  const std::size_t first = 24 + 9, second = first + 33;  // after their names
  CHECK(test::contains(changed(second + 16, 64, 8), "begins at byte 64 of the data, expected 32"));
  CHECK(test::contains(changed(first + 12, 77, 4), "has the type 77"));
  CHECK(test::contains(changed(first + 12, 2, 4), "expected a multiple of 32"));
  CHECK(test::contains(changed(first + 4, UINT64_MAX, 8), "goes beyond the end"));
  CHECK(test::contains(changed(first, 5, 4), "has 5 dimensions"));
}

TEST_CASE("refusing a bad GGUF file takes little memory") {
  const test::TemporaryFolder folder;
  // As many entries as there may be, then one that breaks off.
  GgufBuilder builder;
  for (int i = 0; i < 60000; ++i) builder.boolean(std::to_string(i), true);
  const std::string bytes = builder.strings("tokens", std::vector<std::string>(500000)).string("last", "text").file();
  test::put(folder.path("a"), std::string_view(bytes).substr(0, bytes.size() - 1));
  CHECK(test::with_memory_limit(2 * bytes.size() + (16U << 20), [&] { GgufFile::open(folder.path("a")); }) ==
        test::Outcome::refused);
}
