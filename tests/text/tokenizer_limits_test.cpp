// What a tokenizer's file may ask for: steps that multiply texts, maps that lead in rings, numbers that are none.
#include <doctest/doctest.h>

#include <bit>
#include <limits>
#include <string>
#include <vector>

#include "base/base64.h"
#include "base/error.h"
#include "base/json.h"
#include "base/little_endian.h"
#include "base/rng.h"
#include "support/refusal.h"
#include "text/normalize/sentencepiece_normalizer.h"
#include "text/tokenizer.h"

using namespace lm;

namespace {

/// Returns a unigram tokenizer with one more member at the top level and one in its model, each followed by a comma.
std::string unigram_json(const std::string& member, const std::string& model_member = "") {
  return "{" + member +
         R"("added_tokens":[{"id":3,"content":"<a>","special":true,"normalized":true}],"model":{"type":"Unigram","unk_id":0,)" +
         model_member + R"("vocab":[["<unk>",0.0],["</s>",0.0],["a",-1.0]]}})";
}

std::string repeated_part(const std::string& part, int count) {
  std::string list = part;
  for (int i = 1; i < count; ++i) list += "," + part;
  return list;
}

Tokenizer read(const std::string& json) { return Tokenizer::from_json(json, "f"); }

const std::string kDoubling = R"({"type":"Replace","pattern":{"String":"a"},"content":"aa"})";

}  // namespace

TEST_CASE("a normalizer that multiplies a text by more than texts may grow is refused") {
  const std::string json =
      unigram_json(R"("normalizer":{"type":"Sequence","normalizers":[)" + repeated_part(kDoubling, 40) + "]},");
  CHECK(test::contains(test::refusal([&] { read(json); }), "makes more than 1024 KiB of a short text"));
  const std::string once = unigram_json(R"("normalizer":{"type":"Replace","pattern":{"String":"b"},"content":")" +
                                        std::string(3000, 'a') + "\"},");
  const Tokenizer tokenizer = read(once);
  CHECK(tokenizer.encode("b").size() == 3000);
  CHECK(test::contains(test::refusal([&] { tokenizer.encode(std::string(1000, 'b')); }), "of a short text"));
}

TEST_CASE("a decoder that multiplies a token is refused") {
  const std::string json =
      unigram_json(R"("decoder":{"type":"Sequence","decoders":[)" + repeated_part(kDoubling, 40) + "]},");
  CHECK(test::contains(test::refusal([&] { read(json); }), "makes more than 1024 KiB of a short text"));
}

TEST_CASE("more than 64 steps of a normalizer or pre-tokenizer are refused") {
  const std::string normalizer =
      unigram_json(R"("normalizer":{"type":"Sequence","normalizers":[)" + repeated_part(R"({"type":"NFC"})", 65) + "]},");
  CHECK(test::contains(test::refusal([&] { read(normalizer); }), "has more than 64 steps"));
  const std::string pre_tokenizer = unigram_json(R"("pre_tokenizer":{"type":"Sequence","pretokenizers":[)" +
                                                 repeated_part(R"({"type":"WhitespaceSplit"})", 65) + "]},");
  CHECK(test::contains(test::refusal([&] { read(pre_tokenizer); }), "has more than 64 steps"));
}

TEST_CASE("where a text may be cut is known of many replacements of a space") {
  std::string steps;
  for (int i = 0; i < 60; ++i) {
    steps +=
        (i == 0 ? "" : ",") + (R"({"type":"Replace","pattern":{"String":" "},"content":" x)" + std::to_string(i) + "\"}");
  }
  const Tokenizer tokenizer = read(unigram_json(R"("normalizer":{"type":"Sequence","normalizers":[)" + steps + "]},"));
  std::string text;
  while (text.size() < 100000) text += "a a";
  StreamEncoder encoder(tokenizer, SpecialTokens::plain);
  std::vector<TokenId> ids;
  encoder.feed(text, ids);
  encoder.finish(ids);
  CHECK(ids == tokenizer.encode(text));
}

TEST_CASE("a map of characters whose nodes form a ring takes no time by the square of the text") {
  std::string units(4 * 128, '\0');
  constexpr std::uint32_t kRing = std::uint32_t{'a'} << 10 | 'a';  // the child of this node by "a" is itself
  units.replace(4 * 'a', 4, little_bytes(kRing));
  const std::string map = to_base64(little_bytes(std::uint32_t{4 * 128}) + units);
  const Tokenizer tokenizer = read(unigram_json(R"("normalizer":{"type":"SentencePiece","add_dummy_prefix":false,)"
                                                R"("precompiled_charsmap":")" +
                                                map + "\"},"));
  CHECK(tokenizer.encode(std::string(300000, 'a')).size() == 300000);
}

TEST_CASE("scores that are no numbers, or more than tokens, are refused") {
  const auto exact = [](const std::vector<double>& scores) {
    std::string bytes;
    for (const double score : scores) bytes += little_bytes(std::bit_cast<std::uint64_t>(score));
    return unigram_json("", R"("lm_exact":{"application":"sentencepiece","scores":")" + to_base64(bytes) + "\"},");
  };
  CHECK_NOTHROW(read(exact({0, 0, -1})));
  CHECK(test::contains(test::refusal([&] { read(exact({0, 0, std::numeric_limits<double>::quiet_NaN()})); }), "'scores'"));
  CHECK(test::contains(test::refusal([&] { read(exact({0, 0, -1, -1, -1})); }), "'scores' of 'lm_exact'"));
}

TEST_CASE("a part of a file with very many keys takes no time by the square of their number") {
  std::string members;
  for (int i = 0; i < 60000; ++i) members += (i == 0 ? "\"" : ",\"") + std::to_string(i) + "\":1";
  CHECK_NOTHROW(read(unigram_json("\"padding\":{" + members + "},")));
  CHECK(test::contains(test::refusal([&] { read(unigram_json("\"padding\":{" + members + ",\"7\":1},")); }),
                       "the key \"7\" appears twice"));
}

TEST_CASE("the message about an expression is short") {
  const std::string expression = std::string(100000, 'a') + "(";
  const std::string json = unigram_json(
      R"("pre_tokenizer":{"type":"Split","behavior":"Isolated","invert":false,"pattern":{"Regex":")" + expression + "\"}},");
  CHECK(test::refusal([&] { read(json); }).size() < 500);
}

TEST_CASE("the longest word is found as by trying each") {
  Rng rng(7, RngPurpose::test);
  const auto random_word = [&](std::uint64_t longest) {
    std::string word;
    for (std::uint64_t n = 1 + rng.below(longest); n > 0; --n) word += static_cast<char>('a' + rng.below(2));
    return word;
  };
  for (int round = 0; round < 300; ++round) {
    std::vector<std::string> words;
    for (std::uint64_t n = rng.below(20); n > 0; --n) words.push_back(random_word(6));
    const WordPrefixes prefixes(std::vector<std::string_view>(words.begin(), words.end()));
    for (int i = 0; i < 50; ++i) {
      const std::string text = random_word(8);
      std::size_t longest = 0;
      for (const std::string& word : words) longest = std::max(longest, text.starts_with(word) ? word.size() : 0);
      CHECK(prefixes.longest(text) == longest);
    }
  }
}
