// Against what other implementations made (tests/golden/make_tokenizer_golden.py): merges, and ids of all the test data.
#include <doctest/doctest.h>

#include <cstdio>
#include <filesystem>
#include <map>

#include "base/hash.h"
#include "base/json.h"
#include "support/test_data.h"
#include "text/text_support.h"
#include "text/vocabulary/byte_level.h"

namespace {

using lm::JsonValue;
using lm::Tokenizer;

const JsonValue& golden() {
  static const JsonValue value =
      JsonValue::parse(lm::test::read_file(lm::test::golden_path("tok_golden.json")), "tok_golden.json");
  return value;
}

std::string hex_hash(std::string_view bytes) {
  lm::Hasher hasher;
  hasher.update(bytes.data(), bytes.size());
  char text[17];
  std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(hasher.digest64()));
  return text;
}

std::string merges_text(const Tokenizer& tokenizer) {
  std::string text;
  for (const auto& [left, right] : lm::test::merges_of(tokenizer)) {
    text += lm::to_byte_level(tokenizer.bytes_of(left)) + " " + lm::to_byte_level(tokenizer.bytes_of(right)) + "\n";
  }
  return text;
}

std::optional<Tokenizer> train(const JsonValue& entry) {
  const std::optional<std::string> path = lm::test::data_path(entry.string_at("file", "golden"));
  if (!path) return std::nullopt;
  const std::string text = lm::test::read_file(*path);
  lm::test::Training training = {.text = text, .vocab_size = entry.integer_at("vocab_size", "golden")};
  training.pattern = lm::parse_choice<lm::Pattern>(entry.string_at("pattern", "golden"));
  training.min_frequency = static_cast<std::uint64_t>(entry.integer_at("min_frequency", "golden"));
  if (const JsonValue* length = entry.find("max_token_length")) training.max_token_length = *length->if_integer();
  return lm::test::train_tokenizer(training);
}

std::optional<Tokenizer> make(const std::string& name) {
  for (const JsonValue& entry : *golden().find("trained")->if_array()) {
    if (entry.string_at("name", "golden") == name) return train(entry);
  }
  if (name != "gpt2") {
    const std::optional<std::string> path = lm::test::data_path("vocab/" + name + ".tiktoken");
    return path ? std::optional(Tokenizer::load(*path)) : std::nullopt;
  }
  const std::optional<std::string> vocabulary = lm::test::data_path("vocab/gpt2-vocab.json"),
                                   merges = lm::test::data_path("vocab/gpt2-merges.txt");
  if (!vocabulary || !merges) return std::nullopt;
  const lm::test::TemporaryFolder folder;
  std::filesystem::copy_file(*vocabulary, folder.path("vocab.json"));
  std::filesystem::copy_file(*merges, folder.path("merges.txt"));
  return Tokenizer::load(folder.path(""));
}

const Tokenizer* tokenizer_of(const std::string& name) {
  static std::map<std::string, std::optional<Tokenizer>> made;
  auto place = made.find(name);
  if (place == made.end()) place = made.emplace(name, make(name)).first;
  return place->second ? &*place->second : nullptr;
}

}  // namespace

TEST_CASE("merges are those of Hugging Face's trainer, in order") {
  for (const JsonValue& entry : *golden().find("trained")->if_array()) {
    const std::string& name = entry.string_at("name", "golden");
    const Tokenizer* tokenizer = tokenizer_of(name);
    if (tokenizer == nullptr) continue;
    INFO(name);
    const std::string merges = merges_text(*tokenizer);
    CHECK(std::ssize(lm::test::merges_of(*tokenizer)) == entry.integer_at("merges", "golden"));
    CHECK(hex_hash(merges) == entry.string_at("hash", "golden"));
    if (name == "gpt2-4096") CHECK((merges == lm::test::read_file(lm::test::golden_path("tok_merges.txt"))));
  }
}

TEST_CASE("ids of all test data are those of Hugging Face's tokenizers and of tiktoken") {
  for (const JsonValue& entry : *golden().find("encoded")->if_array()) {
    const Tokenizer* tokenizer = tokenizer_of(entry.string_at("tokenizer", "golden"));
    const std::optional<std::string> path = lm::test::data_path(entry.string_at("file", "golden"));
    if (tokenizer == nullptr || !path) continue;
    INFO(entry.dump());
    const std::string text = lm::test::read_file(*path);
    const std::vector<lm::TokenId> ids = tokenizer->encode(text, lm::SpecialTokens::allow);
    CHECK(static_cast<std::int64_t>(ids.size()) == entry.integer_at("count", "golden"));
    CHECK(hex_hash({reinterpret_cast<const char*>(ids.data()), ids.size() * sizeof(lm::TokenId)}) ==
          entry.string_at("hash", "golden"));
    CHECK((tokenizer->decode(ids) == text));
  }
}

TEST_CASE("ids of texts that are hard to split are those of Hugging Face's tokenizers and of tiktoken") {
  for (const JsonValue& entry : *golden().find("listed")->if_array()) {
    const Tokenizer* tokenizer = tokenizer_of(entry.string_at("tokenizer", "golden"));
    if (tokenizer == nullptr) continue;
    INFO(entry.dump());
    std::vector<lm::TokenId> expected;
    for (const JsonValue& id : *entry.find("ids")->if_array())
      expected.push_back(static_cast<lm::TokenId>(*id.if_integer()));
    CHECK(tokenizer->encode(entry.string_at("text", "golden"), lm::SpecialTokens::allow) == expected);
  }
}

TEST_CASE("the published test vectors of three vocabularies come out") {
  const std::optional<std::string> input = lm::test::data_path("tokenizer-vectors/small_input.txt");
  if (!input) return;
  for (const char* name : {"gpt2", "cl100k_base", "o200k_base"}) {
    const Tokenizer* tokenizer = tokenizer_of(name);
    const std::optional<std::string> output =
        lm::test::data_path(std::string("tokenizer-vectors/small_tokens_") + name + ".txt");
    if (tokenizer == nullptr || !output) continue;
    std::string texts = lm::test::read_file(*input), ids;
    for (std::size_t start = 0; start < texts.size();) {
      const std::size_t end = std::min(texts.find('\n', start), texts.size());
      std::string text = texts.substr(start, end - start);
      for (const auto& [escape, meaning] : {std::pair{"\\n", "\n"}, std::pair{"\\s", " "}}) {
        for (std::size_t at = text.find(escape); at != std::string::npos; at = text.find(escape, at + 1))
          text.replace(at, 2, meaning);
      }
      const char* separator = "";
      for (const lm::TokenId id : tokenizer->encode(text, lm::SpecialTokens::allow)) {
        ids += separator + std::to_string(id);
        separator = ", ";
      }
      ids += "\n";
      start = end + 1;
    }
    std::string expected = lm::test::read_file(*output);
    if (!expected.ends_with('\n')) expected += "\n";
    INFO(name);
    CHECK(ids == expected);
  }
}
