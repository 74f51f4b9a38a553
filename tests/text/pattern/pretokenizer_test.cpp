#include "text/pattern/pretokenizer.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/rng.h"
#include "text/text_support.h"

namespace {

using lm::Pattern;
constexpr Pattern kPatterns[] = {Pattern::gpt2,   Pattern::r50k,           Pattern::cl100k,       Pattern::llama3,
                                 Pattern::qwen2,  Pattern::qwen35,         Pattern::o200k,        Pattern::smollm,
                                 Pattern::tekken, Pattern::deepseek_coder, Pattern::deepseek_llm, Pattern::deepseek_v3,
                                 Pattern::none};

using Texts = std::vector<std::string>;

Texts split(Pattern pattern, std::string_view text) {
  Texts pieces;
  while (!text.empty()) {
    const lm::Pretoken pretoken = lm::next_pretoken(pattern, text);
    REQUIRE(pretoken.length >= 1);
    REQUIRE(pretoken.length <= text.size());
    pieces.emplace_back(text.substr(0, pretoken.length));
    text.remove_prefix(pretoken.length);
  }
  return pieces;
}

}  // namespace

// The expected splits are what Hugging Face's tokenizers 0.23 makes of the patterns' regular expressions.
TEST_CASE("gpt2 splits letters, numbers, the rest, and whitespace, each except the last with a leading space") {
  CHECK(split(Pattern::gpt2, "I'll go, we'RE 12345 x\n\n  y  ") ==
        Texts{"I", "'ll", " go", ",", " we", "'", "RE", " 12345", " x", "\n\n ", " y", "  "});
  CHECK(split(Pattern::gpt2, "a\tb\r\nc") == Texts{"a", "\t", "b", "\r", "\n", "c"});
  CHECK(split(Pattern::gpt2, "a\xCC\x81") == Texts{"a", "\xCC\x81"});
}

TEST_CASE("llama3 folds case in contractions, takes three digits at most, and newlines with what precedes them") {
  CHECK(split(Pattern::llama3, "we'RE 12345 x!\n\n  y\r\n") ==
        Texts{"we", "'RE", " ", "123", "45", " x", "!\n\n", " ", " y", "\r\n"});
  CHECK(split(Pattern::llama3, "a's\xC5\xBF'\xC5\xBF") == Texts{"a", "'s", "\xC5\xBF", "'\xC5\xBF"});
  CHECK(split(Pattern::llama3, "x \n \n  ") == Texts{"x", " \n \n", "  "});
}

TEST_CASE("cl100k and llama3 differ only at the end of the text") {
  CHECK(split(Pattern::cl100k, "x \n \n  ") == Texts{"x", " \n \n  "});
  CHECK(split(Pattern::cl100k, "x \n \n  y") == split(Pattern::llama3, "x \n \n  y"));
}

TEST_CASE("qwen2 takes digits one by one, qwen35 marks with their letters") {
  CHECK(split(Pattern::qwen2, "12 a\xCC\x81") == Texts{"1", "2", " a", "\xCC\x81"});
  CHECK(split(Pattern::qwen35, "12 a\xCC\x81") == Texts{"1", "2", " a\xCC\x81"});
}

TEST_CASE("o200k starts a word where lower case turns to upper, and keeps contractions with their word") {
  CHECK(split(Pattern::o200k, "camelCase HTMLPage don't") == Texts{"camel", "Case", " HTMLPage", " don't"});
  CHECK(split(Pattern::o200k,
              "\xE4\xB8\xAD"
              "AB") == Texts{"\xE4\xB8\xAD", "AB"});
  CHECK(split(Pattern::o200k,
              "\xCC\x81"
              "AB") == Texts{"\xCC\x81", "AB"});
  CHECK(split(Pattern::o200k, "a/b//\n/") == Texts{"a", "/b", "//\n/"});
}

TEST_CASE("what did not see the end of the text stays as it is, whatever follows") {
  lm::Rng rng(11, lm::RngPurpose::test);
  for (int round = 0; round < 20000; ++round) {
    const Pattern pattern = kPatterns[rng.below(std::size(kPatterns))];
    const std::string text = lm::test::random_text(rng, 8), more = text + lm::test::random_text(rng, 3);
    if (text.empty()) continue;
    const lm::Pretoken pretoken = lm::next_pretoken(pattern, text);
    if (!pretoken.saw_end) REQUIRE(lm::next_pretoken(pattern, more).length == pretoken.length);
  }
}

// Quadratic time would be hours in all, which ctest's limit ends; it takes some 10 ms each.
TEST_CASE("a mebibyte of one kind of character is scanned about as fast as prose") {
  for (const Pattern pattern : kPatterns) {
    for (const std::string_view unit : {"a", " ", "^", "\n", "A", "1", "\xCC\x81", "A\xCC\x81", "'", "\xFF", " \n",
                                        "\xE4\xB8\xAD"
                                        "A"}) {
      std::string text;
      while (text.size() < (1u << 20)) text += unit;
      std::size_t sum = 0;
      for (std::string_view rest = text; !rest.empty(); rest.remove_prefix(lm::next_pretoken(pattern, rest).length)) ++sum;
      CAPTURE(lm::to_string(pattern));
      CAPTURE(unit);
      CHECK(sum > 0);
    }
  }
}

TEST_CASE("smollm cuts digits apart before the rest, which sees the end of the text there") {
  CHECK(split(Pattern::smollm, "a  12 b") == Texts{"a", "  ", "1", "2", " b"});
  CHECK(split(Pattern::gpt2, "a  12 b") == Texts{"a", " ", " 12", " b"});
  CHECK(split(Pattern::smollm, "\xF0\x91\xB7\xA0!") == Texts{"\xF0\x91\xB7\xA0", "!"});  // a digit of Unicode 17
}

TEST_CASE("tekken is o200k with single digits and without contractions") {
  CHECK(split(Pattern::tekken, "don't HTMLPage 12") == Texts{"don", "'t", " HTMLPage", " ", "1", "2"});
}

TEST_CASE("DeepSeek's families cut in steps, each also what the earlier ones matched") {
  CHECK(split(Pattern::deepseek_coder, "a  b,c 12\n\nx = \xE4\xB8\xAD\xE6\x96\x87x") ==
        Texts{"a", " ", " b", ",", "c", " ", "1", "2", "\n", "\n", "x", " =", " ", "\xE4\xB8\xAD\xE6\x96\x87", "x"});
  CHECK(split(Pattern::deepseek_llm, "x\xC2\xB5x \xE2\x99\xA5  y") ==
        Texts{"x", "\xC2\xB5", "x", " ", "\xE2\x99\xA5", " ", " y"});
  CHECK(split(Pattern::deepseek_v3, "12345 .foo !\n \x01\x02") == Texts{"123", "45", " .", "foo", " !\n", " ", "\x01\x02"});
}

TEST_CASE("every family is read back from what is written of it") {
  for (const Pattern pattern : kPatterns) {
    CAPTURE(lm::to_string(pattern));
    CHECK(lm::parse_choice<Pattern>(lm::to_string(pattern)) == pattern);
    CHECK(lm::pattern_of_pre_tokenizer(lm::pre_tokenizer_json(pattern)) == pattern);
    const std::string_view regex = lm::pattern_regex(pattern);
    if (!regex.empty()) CHECK(lm::pattern_of_regex(regex) == pattern);
  }
  CHECK(lm::parse_choice<Pattern>("starcoder") == Pattern::smollm);
  CHECK(!lm::pattern_of_regex("\\w+"));
  CHECK(!lm::pattern_of_regex(""));
}

TEST_CASE("spellings of tokenizer.json files are known") {
  const auto known = [](std::string_view json) { return lm::pattern_of_pre_tokenizer(lm::JsonValue::parse(json, "test")); };
  CHECK(known(R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":false})") == Pattern::gpt2);
  CHECK(known(R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true})") == std::nullopt);
  CHECK(
      known(
          R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+)"
          R"(|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"},"behavior":"Removed","invert":true},)"
          R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true,"use_regex":false}]})") == Pattern::llama3);
  CHECK(known(R"({"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":false},)"
              R"({"type":"ByteLevel","add_prefix_space":false,"trim_offsets":true}]})") == std::nullopt);
  CHECK(known(R"({"type":"Whitespace"})") == std::nullopt);
  CHECK(known("null") == std::nullopt);
}
