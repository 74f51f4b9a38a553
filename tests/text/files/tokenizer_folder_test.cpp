// Folders of models from elsewhere, .tiktoken files of other encodings, and the forms that are written.
#include <doctest/doctest.h>

#include <fstream>
#include <string>

#include "base/base64.h"
#include "base/error.h"
#include "support/test_data.h"
#include "text/files/tokenizer_export.h"
#include "text/text_support.h"
#include "text/tokenizer.h"

namespace {

using lm::Tokenizer;

void write_text(const std::string& path, std::string_view text) { std::ofstream(path, std::ios::binary) << text; }

/// All bytes as ranks, then some tokens.
std::string ranks(const std::vector<std::string>& more) {
  std::string file;
  unsigned rank = 0;
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    file += lm::to_base64({&text, 1}) + " " + std::to_string(rank++) + "\n";
  }
  for (const std::string& token : more) file += lm::to_base64(token) + " " + std::to_string(rank++) + "\n";
  return file;
}

}  // namespace

TEST_CASE("vocab.txt is BERT's, with the flags of its folder's configuration") {
  const lm::test::TemporaryFolder folder;
  write_text(folder.path("vocab.txt"), "[PAD]\n[UNK]\n[CLS]\n[SEP]\nthe\nThe\ncat\n##s\n,\n");
  const Tokenizer lower = Tokenizer::load(folder.path(""));
  CHECK(lower.encode("The cats, dog") == std::vector<lm::TokenId>{4, 6, 7, 8, 1});
  CHECK(lower.begin_tokens() == std::vector<lm::TokenId>{2});
  CHECK(lower.end_of_text() == 3);
  CHECK(lower.loses_text());
  write_text(folder.path("tokenizer_config.json"), R"({"do_lower_case":false,"tokenizer_class":"BertTokenizer"})");
  CHECK(Tokenizer::load(folder.path("")).encode("The cats") == std::vector<lm::TokenId>{5, 6, 7});
}

TEST_CASE("what a folder's configuration names is end-of-text, and what it asks for goes before texts") {
  const lm::test::TemporaryFolder folder;
  const Tokenizer tokenizer = lm::test::train_tokenizer();
  write_text(folder.path("tokenizer.json"), tokenizer.to_json());
  write_text(folder.path("tokenizer_config.json"),
             R"({"eos_token":{"content":"<|pad|>"},"bos_token":"<|mask|>","add_bos_token":true,"chat_template":"{{ x }}"})");
  const Tokenizer read = Tokenizer::load(folder.path(""));
  CHECK(read.end_of_text() == *tokenizer.id_of("<|pad|>"));
  CHECK(read.begin_tokens() == std::vector<lm::TokenId>{*tokenizer.id_of("<|mask|>")});
  CHECK(read.fingerprint() == tokenizer.fingerprint());
  CHECK(read.config_json().find("{{ x }}") != std::string::npos);
  // A model holds one file: what the folder said goes with it.
  const Tokenizer again = Tokenizer::from_json(read.to_json(), "a model");
  CHECK(again.begin_tokens() == read.begin_tokens());
  CHECK(again.end_of_text() == read.end_of_text());
  CHECK(again.config_json() == read.config_json());
  // The user's word goes before the file's, and is kept.
  const Tokenizer named = Tokenizer::load(folder.path(""), {.begin = "<|fim_prefix|>"});
  CHECK(named.begin_tokens() == std::vector<lm::TokenId>{*tokenizer.id_of("<|fim_prefix|>")});
  CHECK(Tokenizer::from_json(named.to_json(), "a model").begin_tokens() == named.begin_tokens());
  const Tokenizer none = Tokenizer::load(folder.path(""), {.begin = "none"});
  CHECK(none.opening().empty());
  CHECK_THROWS_AS(Tokenizer::load(folder.path(""), {.begin = "<s>"}), lm::Error);
}

TEST_CASE("ranks are written as merges that give the same ids, and as ranks again") {
  const lm::test::TemporaryFolder folder;
  // "abc" comes of "ab"; "xyz" of nothing, so that only a whole pretoken is it.
  write_text(folder.path("own.tiktoken"), ranks({"ab", "bc", "abc", "xyz", " a", " ab"}));
  const Tokenizer tokenizer = Tokenizer::load(folder.path("own.tiktoken"), {.pattern = lm::Pattern::cl100k});
  lm::JsonValue tree = lm::JsonValue::parse(tokenizer.to_json(), "a test");
  // Without our own key the file is what Hugging Face's library sees: a list of merges.
  lm::JsonValue model = *tree.find("model");
  lm::JsonValue::Object members = *model.if_object();
  std::erase_if(members, [](const lm::JsonValue::Member& member) { return member.first == "lm_exact"; });
  tree.set("model", lm::JsonValue(members));
  const Tokenizer merges = Tokenizer::from_json(tree.dump(), "a test");
  CHECK(merges.tables().parts.merges.size() == 5);
  CHECK(merges.fingerprint() != tokenizer.fingerprint());
  for (const char* text : {"abc", "aabcc xyz xyzz", " abc ab bca", "abcabcab", "zzz  ab\n abc"}) {
    INFO(text);
    CHECK(merges.encode(text) == tokenizer.encode(text));
  }
  CHECK(lm::tiktoken_text(tokenizer, "x.tiktoken") == ranks({"ab", "bc", "abc", "xyz", " a", " ab"}));
  CHECK_THROWS_AS(lm::vocabulary_json(tokenizer, "x/"), lm::Error);
  // What has its special tokens first has other ids as ranks.
  CHECK_THROWS_WITH_AS(lm::tiktoken_text(lm::test::train_tokenizer(), "x.tiktoken"), doctest::Contains("special tokens"),
                       lm::Error);
}

TEST_CASE("vocab.json and merges.txt that are written are read as the same tokenizer") {
  const lm::test::TemporaryFolder folder;
  const Tokenizer tokenizer = lm::test::train_tokenizer();
  write_text(folder.path("vocab.json"), lm::vocabulary_json(tokenizer, "vocab.json"));
  write_text(folder.path("merges.txt"), lm::merges_text(tokenizer, "merges.txt"));
  std::string added = R"({"tokenizer_class":"GPT2Tokenizer","added_tokens_decoder":{)";
  for (lm::TokenId id = 0; tokenizer.is_special(id); ++id)
    added += (id == 0 ? "\"" : ",\"") + std::to_string(id) + R"(":{"special":true,"content":)" +
             lm::json_quote(tokenizer.bytes_of(id)) + "}";
  write_text(folder.path("tokenizer_config.json"), added + "}}");
  CHECK(Tokenizer::load(folder.path("")).fingerprint() == tokenizer.fingerprint());
}

TEST_CASE("Llama 3's file of ranks has its 256 special tokens and begins texts with the first") {
  const lm::test::TemporaryFolder folder;
  std::vector<std::string> more;
  for (int i = 256; i < 128000; ++i) more.push_back("\xFF\xFE" + std::to_string(i));
  write_text(folder.path("tokenizer.model"), ranks(more));
  const Tokenizer tokenizer = Tokenizer::load(folder.path("tokenizer.model"));
  CHECK(tokenizer.vocab_size() == 128256);
  CHECK(tokenizer.tables().parts.pattern == lm::Pattern::llama3);
  CHECK(tokenizer.id_of("<|eot_id|>") == 128009);
  CHECK(tokenizer.id_of("<|reserved_special_token_4|>") == 128008);
  CHECK(tokenizer.id_of("<|reserved_special_token_250|>") == 128255);
  CHECK(tokenizer.begin_tokens() == std::vector<lm::TokenId>{128000});
  CHECK(tokenizer.end_of_text() == 128001);
}
