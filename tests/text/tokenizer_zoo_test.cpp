// Against what Hugging Face's library makes of small tokenizers of every kind (tests/golden/make_tokenizer_zoo.py).
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/rng.h"
#include "support/test_data.h"
#include "text/post_processor.h"
#include "text/tokenizer.h"

namespace {

using lm::JsonValue;
using lm::SpecialTokens;
using lm::TokenId;
using lm::Tokenizer;

constexpr std::string_view kIds = ".ids.json";

JsonValue read_json(const std::string& name) {
  return JsonValue::parse(lm::test::read_file(lm::test::golden_path("tokenizers/" + name)), name);
}

/// Returns the names of the golden tokenizers, in order.
std::vector<std::string> zoo() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(lm::test::golden_path("tokenizers"))) {
    const std::string name = entry.path().filename();
    if (name.ends_with(kIds)) names.push_back(name.substr(0, name.size() - kIds.size()));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<TokenId> ids_of(const JsonValue& value) {
  std::vector<TokenId> ids;
  for (const JsonValue& id : *value.if_array()) ids.push_back(static_cast<TokenId>(*id.if_integer()));
  return ids;
}

struct Golden {
  explicit Golden(const std::string& name) : value(read_json(name + std::string(kIds))) {
    if (const std::string* end = value.find("end")->if_string()) options.end_of_text = *end;
    path = lm::test::golden_path("tokenizers/" + name + ".json");
    const JsonValue common = read_json("texts.json");
    for (const JsonValue* list : {&common, value.find("own")}) {
      for (const JsonValue& text : *list->if_array()) texts.push_back(*text.if_string());
    }
  }
  const JsonValue& at(const char* key, std::size_t i) const { return (*value.find(key)->if_array())[i]; }
  std::vector<TokenId> allowed(std::size_t i) const { return ids_of(at("allow", i)); }
  std::vector<TokenId> plain(std::size_t i) const { return at("plain", i).is_null() ? allowed(i) : ids_of(at("plain", i)); }

  JsonValue value;
  std::string path;
  lm::TokenizerOptions options;
  std::vector<std::string> texts;
};

std::vector<TokenId> encode_in_pieces(lm::StreamEncoder& encoder, std::string_view text, lm::Rng& rng) {
  std::vector<TokenId> ids;
  while (!text.empty()) {
    const std::size_t size = std::min<std::size_t>(text.size(), 1 + rng.below(7));
    encoder.feed(text.substr(0, size), ids);
    text.remove_prefix(size);
  }
  encoder.finish(ids);
  return ids;
}

}  // namespace

TEST_CASE("small tokenizers of every kind give the ids of Hugging Face's library") {
  REQUIRE(zoo().size() >= 40);
  for (const std::string& name : zoo()) {
    const Golden golden(name);
    const Tokenizer tokenizer = Tokenizer::load(golden.path, golden.options);
    INFO(name);
    std::vector<TokenId> begin = ids_of(*golden.value.find("begin"));
    std::erase(begin, tokenizer.end_of_text());  // it precedes every text as it is
    CHECK(tokenizer.begin_tokens() == begin);
    for (std::size_t i = 0; i < golden.texts.size(); ++i) {
      INFO(lm::json_quote(golden.texts[i]));
      CHECK(tokenizer.encode(golden.texts[i], SpecialTokens::allow) == golden.allowed(i));
      CHECK(tokenizer.encode(golden.texts[i], SpecialTokens::plain) == golden.plain(i));
    }
  }
}

TEST_CASE("small tokenizers of every kind give the decoded text of Hugging Face's library") {
  for (const std::string& name : zoo()) {
    const Golden golden(name);
    const Tokenizer tokenizer = Tokenizer::load(golden.path, golden.options);
    INFO(name);
    for (std::size_t i = 0; i < golden.texts.size(); ++i) {
      const JsonValue& decoded = golden.at("decoded", i);
      if (decoded.if_bool() != nullptr) continue;  // it has U+FFFD for bytes that we keep
      INFO(lm::json_quote(golden.texts[i]));
      CHECK(tokenizer.decode(golden.allowed(i)) == (decoded.is_null() ? golden.texts[i] : *decoded.if_string()));
    }
  }
}

TEST_CASE("tokenizers of every kind give the same ids however the text is cut into calls") {
  lm::Rng rng(5, lm::RngPurpose::test);
  for (const std::string& name : zoo()) {
    const Golden golden(name);
    const Tokenizer tokenizer = Tokenizer::load(golden.path, golden.options);
    lm::StreamEncoder allow(tokenizer, SpecialTokens::allow), plain(tokenizer, SpecialTokens::plain);
    INFO(name);
    std::string all;
    for (std::size_t i = 0; i < golden.texts.size(); ++i) {
      INFO(lm::json_quote(golden.texts[i]));
      CHECK(encode_in_pieces(allow, golden.texts[i], rng) == golden.allowed(i));
      CHECK(encode_in_pieces(plain, golden.texts[i], rng) == golden.plain(i));
      all += golden.texts[i];
    }
    CHECK((encode_in_pieces(allow, all, rng) == tokenizer.encode(all, SpecialTokens::allow)));
  }
}

TEST_CASE(
    "in a folder of a model made here, other libraries put before a text what is put here; read here, it is the same") {
  for (const std::string& name : zoo()) {
    CAPTURE(name);
    const Golden golden(name);
    for (const char* begin : {"", "none"}) {
      lm::TokenizerOptions options = golden.options;
      if (*begin != '\0') options.begin = begin;
      const lm::Tokenizer tokenizer = lm::Tokenizer::load(golden.path, options);
      const std::string json = tokenizer.to_folder_json();
      const lm::Tokenizer again = lm::Tokenizer::from_json(json, name);
      CHECK(again.fingerprint() == tokenizer.fingerprint());
      CHECK(again.opening() == tokenizer.opening());
      CHECK(again.to_json() == tokenizer.to_json());
      const JsonValue read = JsonValue::parse(json.substr(json.find("\"post_processor\":") + 17,
                                                          json.find("\"decoder\":") - json.find("\"post_processor\":") - 19),
                                              name);
      const lm::TokensAround around = lm::read_post_processor(read, name);
      CHECK(around.before == tokenizer.opening());
      CHECK(around.after.empty());
    }
  }
}
