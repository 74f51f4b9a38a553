#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/little_endian.h"
#include "support/test_data.h"
#include "text/text_support.h"
#include "text/tokenizer.h"
#include "text/vocabulary/byte_level.h"

namespace {

using lm::Error;
using lm::SpecialTokens;
using lm::Tokenizer;

void write(const std::string& path, std::string_view content) { std::ofstream(path, std::ios::binary) << content; }

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

/// vocab.json and merges.txt of a tokenizer, special tokens in the vocabulary.
void write_folder(const std::string& folder, const Tokenizer& tokenizer, const std::string& first_line) {
  std::string vocabulary = "{", merges = first_line;
  for (lm::TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    const std::string_view bytes = tokenizer.bytes_of(id);
    vocabulary += (id == 0 ? "" : ", ") +
                  lm::json_quote(tokenizer.is_special(id) ? std::string(bytes) : lm::to_byte_level(bytes)) + ": " +
                  std::to_string(id);
  }
  for (const auto& [left, right] : lm::test::merges_of(tokenizer)) {
    merges += lm::to_byte_level(tokenizer.bytes_of(left)) + " " + lm::to_byte_level(tokenizer.bytes_of(right)) + "\n";
  }
  write(folder + "/vocab.json", vocabulary + "}");
  write(folder + "/merges.txt", merges);
}

lm::BpeTrainerOptions end_of_text_only() {
  lm::BpeTrainerOptions options = lm::test::options_of({.vocab_size = 290});
  options.special_tokens = lm::reserved_special_tokens(lm::ReservedTokens::end_of_text_only);
  return options;
}

Tokenizer small_tokenizer() {
  lm::PretokenStore counts({});
  lm::test::count_text(counts, {});
  return Tokenizer(lm::train_bpe(counts, end_of_text_only()), {}, "small");
}

}  // namespace

TEST_CASE("a written tokenizer.json reads back as the same tokenizer") {
  for (const lm::Pattern pattern : {lm::Pattern::gpt2, lm::Pattern::r50k, lm::Pattern::cl100k, lm::Pattern::llama3,
                                    lm::Pattern::qwen2, lm::Pattern::qwen35, lm::Pattern::o200k, lm::Pattern::none}) {
    const Tokenizer tokenizer = lm::test::train_tokenizer({.pattern = pattern});
    const std::string json = tokenizer.to_json();
    const Tokenizer read = Tokenizer::from_json(json, "a test");
    CHECK(read.fingerprint() == tokenizer.fingerprint());
    CHECK(read.tables().parts.pattern == pattern);
    CHECK(read.to_json() == json);
  }
}

TEST_CASE("the fingerprint is that of the bytes that lm-tokenizer(5) lists") {
  const Tokenizer tokenizer = small_tokenizer();
  std::string bytes;
  const auto number = [&](std::uint64_t value) { bytes += lm::little_bytes(static_cast<std::uint32_t>(value)); };
  number(0);
  number(4);
  bytes += "gpt2";
  number(0);
  number(0);
  number(static_cast<std::uint64_t>(tokenizer.vocab_size()));
  for (lm::TokenId id = 0; id < tokenizer.vocab_size(); ++id) {
    number(tokenizer.bytes_of(id).size());
    bytes += tokenizer.bytes_of(id);
    bytes += tokenizer.is_special(id) ? '\1' : '\0';
  }
  number(lm::test::merges_of(tokenizer).size());
  for (const auto& [left, right] : lm::test::merges_of(tokenizer)) {
    number(left);
    number(right);
  }
  lm::Hasher hasher;
  hasher.update(bytes.data(), bytes.size());
  CHECK(hasher.digest128() == tokenizer.fingerprint());
  CHECK_FALSE(lm::test::train_tokenizer().fingerprint() == tokenizer.fingerprint());
}

TEST_CASE("a folder of the same vocabulary is the same tokenizer, with and without the version line") {
  const lm::test::TemporaryFolder folder;
  const Tokenizer tokenizer = small_tokenizer();
  for (const char* first_line : {"", "#version: 0.2\n"}) {
    write_folder(folder.path(""), tokenizer, first_line);
    CHECK(Tokenizer::load(folder.path("")).fingerprint() == tokenizer.fingerprint());
  }
  CHECK(Tokenizer::load(folder.path(""), {.pattern = lm::Pattern::llama3, .end_of_text = {}}).tables().parts.pattern ==
        lm::Pattern::llama3);
  write(folder.path("tokenizer.json"), tokenizer.to_json());
  CHECK(Tokenizer::load(folder.path("")).fingerprint() == tokenizer.fingerprint());
  CHECK_THROWS_AS(Tokenizer::load(folder.path(""), {.pattern = lm::Pattern::llama3, .end_of_text = {}}), Error);
}

TEST_CASE("an added token that is spelled like a token of other bytes is refused where text could become that one") {
  const std::string name = "\xC3\xA6\xC2\xBC\xC2\xA2";  // how ByteLevel spells the bytes of U+6F22
  lm::JsonValue tree = lm::JsonValue::parse(small_tokenizer().to_json(), "a test");
  lm::JsonValue model = *tree.find("model"), vocabulary = *model.find("vocab");
  const auto id = static_cast<std::int64_t>(small_tokenizer().tables().parts.tokens.size());
  vocabulary.set(name, id);
  model.set("vocab", vocabulary).set("ignore_merges", true);
  tree.set("model", model);
  const Tokenizer plain = Tokenizer::from_json(tree.dump(), "a test");
  CHECK(plain.encode("\xE6\xBC\xA2") == std::vector<lm::TokenId>{static_cast<lm::TokenId>(id)});

  lm::JsonValue::Array added = *tree.find("added_tokens")->if_array();
  lm::JsonValue token = added.front();
  token.set("id", id).set("content", name).set("special", false);
  added.push_back(token);
  tree.set("added_tokens", added);
  CHECK_THROWS_WITH_AS(
      Tokenizer::from_json(tree.dump(), "a test"),
      ("invalid tokenizer 'a test': the added token \"" + name + "\" has the id " + std::to_string(id) +
       " of the token of \"\xE6\xBC\xA2\", and only one of these can be encoded; remove it from added_tokens")
          .c_str(),
      Error);
  // Without merges that make it, text never becomes it.
  tree.set("model", model.set("ignore_merges", false));
  CHECK(Tokenizer::from_json(tree.dump(), "a test").encode("\xE6\xBC\xA2").size() == 3);
}

TEST_CASE("other orders of keys and the old spelling of merges make no difference") {
  const Tokenizer tokenizer = small_tokenizer();
  const std::string json = tokenizer.to_json();
  lm::JsonValue tree = lm::JsonValue::parse(json, "a test");
  lm::JsonValue::Object model = *tree.find("model")->if_object();
  std::reverse(model.begin(), model.end());
  for (lm::JsonValue::Member& member : model) {
    if (member.first != "merges") continue;
    lm::JsonValue::Array merges;
    for (const lm::JsonValue& pair : *member.second.if_array()) {
      merges.push_back(*pair.if_array()->at(0).if_string() + " " + *pair.if_array()->at(1).if_string());
    }
    member.second = merges;
  }
  tree.set("model", model);
  lm::JsonValue::Object members = *tree.if_object();
  std::reverse(members.begin(), members.end());
  const Tokenizer read = Tokenizer::from_json(lm::JsonValue(members).dump(), "reversed");
  CHECK(read.fingerprint() == tokenizer.fingerprint());
}

TEST_CASE("what we could not reproduce is refused with a sentence") {
  const std::string json = small_tokenizer().to_json();
  const auto refuses = [&](std::string_view from, std::string_view to) {
    INFO(from, " -> ", to);
    CHECK_THROWS_AS(Tokenizer::from_json(replaced(json, from, to), "a test"), Error);
  };
  refuses("\"normalizer\":null", R"("normalizer":{"type":"NFX"})");
  refuses("\"post_processor\":null", R"("post_processor":{"type":"Other"})");
  refuses("\"type\":\"BPE\"", "\"type\":\"Unigram\"");
  refuses("\"type\":\"BPE\"", "\"type\":\"Other\"");
  refuses("\"continuing_subword_prefix\":null", "\"continuing_subword_prefix\":\"##\"");
  refuses("\"dropout\":null", "\"dropout\":0.1");
  refuses(R"("decoder":{"type":"ByteLevel")", R"("decoder":{"type":"Other")");
  refuses(R"("pre_tokenizer":{"type":"ByteLevel")", R"("pre_tokenizer":{"type":"Other")");
  refuses("\"merges\":[", "\"merges\":[[\"zz\",\"a\"],");
  refuses("\"merges\":[", "\"merges\":[[\"a\"],");
  refuses("\"merges\":[", "\"merges\":[[\"a\",\"b\",\"c\"],");
  refuses("\"merges\":[", "\"merges\":[7,");
  refuses("\"merges\":[", "\"merges\":[\"a b\",\"q x\",");  // "qx" is no token
  refuses("\"merges\":[", "\"merges\":{\"a\":[");           // and no longer JSON
  refuses("\"vocab\":{", "\"vocab\":{\"!!\":1,");           // an id twice
  refuses("\"vocab\":{", "\"vocab\":{\"a\":999,");          // a token twice
  refuses("\"vocab\":{", "\"vocab\":{\"!!\":-1,");
  refuses("\"vocab\":{", "\"vocab\":{\"!!\":2147483648,");
  refuses("\"vocab\":{", "\"vocab\":{\"!!\":2000000000,");  // would need 8 GB of ids
  refuses("\"vocab\":{", "\"vocab\":{\"!!\":0.5,");
  refuses("{\"version\"", "{\"version\":\"1.0\",\"version\"");
  refuses("\"dropout\":null", "\"dropout\":null,\"dropout\":null");
  refuses("\"id\":0", "\"id\":5");
  refuses("\"content\":\"<|endoftext|>\"", "\"content\":\"\"");
  refuses("<|endoftext|>\":0", "<|unknown|>\":0");
  const lm::JsonValue tree = lm::JsonValue::parse(json, "a test");
  lm::JsonValue::Object members = *tree.if_object();
  std::erase_if(members, [&](const lm::JsonValue::Member& member) { return member.first == "model"; });
  CHECK_THROWS_AS(Tokenizer::from_json(lm::JsonValue(members).dump(), "a test"), Error);
}

TEST_CASE("the end-of-text token is a known name, the one asked for, or an error") {
  const std::string json =
      replaced(replaced(small_tokenizer().to_json(), "<|endoftext|>", "<stop>"), "<|endoftext|>", "<stop>");
  CHECK_THROWS_AS(Tokenizer::from_json(json, "a test"), Error);
  const Tokenizer named = Tokenizer::from_json(json, "a test", {.pattern = {}, .end_of_text = "<stop>"});
  CHECK(named.end_of_text() == 0);
  // Written, it is remembered; so a model that holds the file needs no option.
  CHECK(Tokenizer::from_json(named.to_json(), "a test").end_of_text() == 0);
  CHECK_THROWS_AS(Tokenizer::from_json(json, "a test", {.pattern = {}, .end_of_text = "<go>"}), Error);
}

TEST_CASE("a tokenizer that would spell two tokens alike is not written, and one that reads back as another is reported") {
  const Tokenizer tokenizer = small_tokenizer();
  const std::string json = tokenizer.to_json();
  tokenizer.check_read_back(json, "a test");
  CHECK_THROWS_AS(tokenizer.check_read_back(lm::test::train_tokenizer().to_json(), "a test"), Error);
  CHECK_THROWS_AS(tokenizer.check_read_back(json.substr(0, json.size() / 2), "a test"), Error);
  // The spelling of a learned token as the name of a special one: of " th" it is "\u0120th".
  lm::TokenId learned = 257;
  while (tokenizer.bytes_of(learned).front() != ' ') ++learned;
  lm::BpeTrainerOptions options = end_of_text_only();
  options.special_tokens.push_back(lm::to_byte_level(tokenizer.bytes_of(learned)));
  lm::PretokenStore counts({});
  lm::test::count_text(counts, {});
  const Tokenizer twice(lm::train_bpe(counts, options), {}, "a test");
  CHECK_THROWS_WITH_AS(twice.to_json(), doctest::Contains("is spelled there; take another name for it"), Error);
}

TEST_CASE("every truncation of a tokenizer.json is an error") {
  const std::string json = small_tokenizer().to_json();
  std::int64_t accepted = 0;
  for (std::size_t size = 0; size + 2 < json.size(); ++size) {
    try {
      Tokenizer::from_json(std::string_view(json).substr(0, size), "cut");
      ++accepted;
    } catch (const Error&) {
    }
  }
  CHECK(accepted == 0);
}

TEST_CASE("a flipped bit is an error or a tokenizer that loses no byte, or says that it does") {
  const std::string json = small_tokenizer().to_json();
  const std::string text = "the cat's <|endoftext|> hat\xFF\n";
  lm::Rng rng(6, lm::RngPurpose::test);
  std::int64_t refused = 0;
  for (int round = 0; round < 10000; ++round) {
    std::string flipped = json;
    flipped[rng.below(json.size())] ^= static_cast<char>(1 << rng.below(8));
    try {
      const Tokenizer tokenizer = Tokenizer::from_json(flipped, "flipped");
      const std::string decoded = tokenizer.decode(tokenizer.encode(text));
      if (!tokenizer.loses_text()) REQUIRE(decoded == text);
    } catch (const Error&) {
      ++refused;
    }
  }
  CHECK(refused > 5000);
}

TEST_CASE("a tiktoken file merges by rank and gets the special tokens of its encoding") {
  // All bytes, then "ab" (256) and "abc" (257), for which there is no pair of a merge list: "a" + "bc" has no "bc".
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string file;
  for (unsigned byte = 0; byte < 256; ++byte) {
    file += std::string{kDigits[byte >> 2], kDigits[(byte & 3) << 4]} + "== " + std::to_string(byte) + "\n";
  }
  const std::string ranks = file + "YWI= 256\nYWJj 257\n";
  const lm::test::TemporaryFolder folder;
  write(folder.path("own.tiktoken"), ranks);
  CHECK_THROWS_AS(Tokenizer::load(folder.path("own.tiktoken")), Error);  // no pattern
  const Tokenizer tokenizer =
      Tokenizer::load(folder.path("own.tiktoken"), {.pattern = lm::Pattern::cl100k, .end_of_text = {}});
  CHECK(tokenizer.encode("abc") == std::vector<lm::TokenId>{257});
  CHECK(tokenizer.encode("aabb") == std::vector<lm::TokenId>{'a', 256, 'b'});
  CHECK(tokenizer.end_of_text() == 258);
  CHECK(lm::test::merges_of(tokenizer).empty());
  // Written as merges for others, it is read back as ranks.
  CHECK(Tokenizer::from_json(tokenizer.to_json(), "a test").fingerprint() == tokenizer.fingerprint());
  for (const char* bad :
       {"YWI= 258\n", "YWI 256\n", "YWI=\n", "Y*I= 256\n", "YWI= x\n", "YQ== 256\n", " 256\n", "YWI= 256 7\n"}) {
    INFO(bad);
    write(folder.path("bad.tiktoken"), file + bad);
    CHECK_THROWS_AS(Tokenizer::load(folder.path("bad.tiktoken"), {.pattern = lm::Pattern::cl100k, .end_of_text = {}}),
                    Error);
  }
}
