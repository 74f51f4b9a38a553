// Vocabularies for GGUF files, read back as llama.cpp reads them. tests/conformance asks llama.cpp itself.
#include "text/files/gguf_export.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "support/refusal.h"
#include "support/test_data.h"
#include "text/files/gguf_export_check.h"
#include "text/files/llama_pre_tokenizers.h"

using namespace lm;

namespace {

Tokenizer golden_tokenizer(const std::string& name) {
  return Tokenizer::load(test::golden_path("tokenizers/" + name + ".json"));
}

GgufVocabulary exported(const Tokenizer& tokenizer, std::int64_t spare = 0) {
  return gguf_vocabulary(tokenizer, {.vocab_size = tokenizer.vocab_size() + spare, .begin = tokenizer.stated_begin()},
                         "x.gguf");
}

template <class T>
T field(const GgufFields& fields, const std::string& key) {
  const GgufField* found = fields.find("tokenizer.ggml." + key);
  REQUIRE_MESSAGE(found != nullptr, key);
  return std::get<T>(*found);
}

std::string refusal_of(const std::string& name) {
  const Tokenizer tokenizer = golden_tokenizer(name);
  return test::refusal([&] { exported(tokenizer); });
}

}  // namespace

TEST_CASE("vocabularies that llama.cpp has code for are named as it names them") {
  const std::vector<std::pair<std::string, std::string>> expected = {{"gpt2", "gpt-2"},
                                                                     {"smollm2", "smollm"},
                                                                     {"llama3", "llama-bpe"},
                                                                     {"qwen2", "qwen2"},
                                                                     {"qwen35", "qwen35"},
                                                                     {"tekken", "tekken"},
                                                                     {"command-r", "smollm"},
                                                                     {"deepseek-llm", "deepseek-llm"},
                                                                     {"deepseek-coder", "deepseek-coder"},
                                                                     {"starcoder", "smollm"}};
  for (const auto& [name, pre] : expected) {
    CAPTURE(name);
    const GgufFields fields = exported(golden_tokenizer(name)).fields;
    CHECK(field<std::string>(fields, "model") == "gpt2");
    CHECK(field<std::string>(fields, "pre") == pre);
  }
  for (const std::string name : {"llama2", "mistral", "phi3"}) {
    CAPTURE(name);
    const GgufFields fields = exported(golden_tokenizer(name)).fields;
    CHECK(field<std::string>(fields, "model") == "llama");
    CHECK(field<bool>(fields, "add_space_prefix"));
  }
}

TEST_CASE("what was read from a GGUF file is written again, from a folder too, whatever way to cut text it names") {
  const std::string text =
      "Don't stop: 12345 caf\u00e9s, HTMLParser 3.14!\n\n  if (x) {\r\n  \u4f60\u597d \u041f\u0440\u0438 _ok_";
  GgufFields fields = exported(golden_tokenizer("smollm2")).fields;
  int names = 0;
  for (const LlamaPreTokenizer& cuts : llama_pre_tokenizers()) {
    if (cuts.flags.characters) continue;
    CAPTURE(cuts.name);
    fields.set("tokenizer.ggml.pre", std::string(cuts.name));
    const Tokenizer read = read_back(fields, "x.gguf");
    const Tokenizer folder = Tokenizer::from_json(read.to_folder_json(), "folder");
    for (const Tokenizer* each : {&read, &folder}) {
      const GgufFields again = exported(*each).fields;
      const LlamaPreTokenizer* written = find_llama_pre_tokenizer(field<std::string>(again, "pre"));
      REQUIRE(written != nullptr);
      CHECK(std::ranges::equal(written->expressions, cuts.expressions));
      CHECK(read_back(again, "x.gguf").encode(text) == read.encode(text));
    }
    ++names;
  }
  CHECK(names > 70);
  fields.set("tokenizer.ggml.pre", std::string("smollm"));
  CHECK(field<std::string>(exported(read_back(fields, "x.gguf")).fields, "pre") == "smollm");
}

TEST_CASE("types of tokens, ids and unused rows are written") {
  const Tokenizer tokenizer = golden_tokenizer("smollm2");
  const GgufFields fields = exported(tokenizer, 3).fields;
  const auto tokens = field<std::vector<std::string>>(fields, "tokens");
  const auto types = field<std::vector<std::int32_t>>(fields, "token_type");
  const auto size = static_cast<std::size_t>(tokenizer.vocab_size());
  REQUIRE(tokens.size() == size + 3);
  REQUIRE(types.size() == size + 3);
  CHECK(tokens[size] == "[PAD" + std::to_string(size) + "]");
  CHECK(types[size] == 5);
  const TokenId end = tokenizer.end_of_text();
  CHECK(tokens[end] == "<|endoftext|>");
  CHECK(types[end] == 3);
  CHECK(field<std::uint32_t>(fields, "eos_token_id") == end);
  CHECK(field<bool>(fields, "add_bos_token") == false);
  CHECK(field<bool>(fields, "add_eos_token") == false);
  CHECK(std::find(tokens.begin(), tokens.end(), "Ġt") != tokens.end());  // as ByteLevel spells " t"
}

TEST_CASE("a token before each text is written, end-of-text too") {
  const Tokenizer tokenizer = golden_tokenizer("smollm2");
  const TokenId end = tokenizer.end_of_text();
  GgufFields fields = gguf_vocabulary(tokenizer, {.vocab_size = tokenizer.vocab_size(), .begin = {end}}, "x.gguf").fields;
  CHECK(field<std::uint32_t>(fields, "bos_token_id") == end);
  CHECK(field<bool>(fields, "add_bos_token"));
  const Tokenizer read = read_back(fields, "x.gguf");
  CHECK(read.begin_tokens().empty());
  CHECK(read.stated_begin() == std::vector{end});
  CHECK(read.opening() == std::vector{end});
  CHECK(field<bool>(exported(read).fields, "add_bos_token"));
  CHECK(exported(golden_tokenizer("llama3")).fields.find("tokenizer.ggml.add_bos_token") != nullptr);
}

TEST_CASE("ids that a GGUF file names by keys are written again, whatever the tokens are called, from a folder too") {
  GgufFields fields = exported(golden_tokenizer("smollm2")).fields;
  const std::vector<std::string> keys = {"fim_pre_token_id", "fim_suf_token_id", "fim_mid_token_id",
                                         "fim_pad_token_id", "fim_rep_token_id", "fim_sep_token_id",
                                         "unknown_token_id", "padding_token_id", "mask_token_id"};
  for (std::uint32_t i = 0; i < keys.size(); ++i) fields.set("tokenizer.ggml." + keys[i], 3 + i);
  fields.set("tokenizer.ggml.pre", std::string("smollm"));
  const Tokenizer read = read_back(fields, "x.gguf");
  const GgufFields again = exported(read).fields;
  for (std::uint32_t i = 0; i < keys.size(); ++i) CHECK(field<std::uint32_t>(again, keys[i]) == 3 + i);
}

TEST_CASE("what llama.cpp has no code for is refused") {
  CHECK(
      test::contains(refusal_of("bert-uncased"), "of the kind WordPiece, which llama.cpp has only for other architectures"));
  CHECK(test::contains(refusal_of("t5"), "of the kind Unigram"));
  CHECK(test::contains(refusal_of("clip"), "which llama.cpp's BPE does not"));
  CHECK(test::contains(refusal_of("bloom"), "which llama.cpp has no name for"));
  // Its tokens of several spaces are in no merge, and llama.cpp merges whatever makes a token.
  CHECK(test::contains(refusal_of("gemma"), "llama.cpp would make other tokens of the text"));
}

TEST_CASE("a tokenizer with more tokens than the model is refused") {
  const Tokenizer tokenizer = golden_tokenizer("smollm2");
  const std::string why = test::refusal([&] { exported(tokenizer, -1); });
  CHECK(test::contains(why, "tokens, and the model only"));
}
