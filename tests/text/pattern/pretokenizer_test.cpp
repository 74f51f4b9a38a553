#include "text/pattern/pretokenizer.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/rng.h"
#include "text/text_support.h"

namespace {

using lm::Pattern;
constexpr Pattern kPatterns[] = {Pattern::gpt2,  Pattern::r50k,   Pattern::cl100k, Pattern::llama3,
                                 Pattern::qwen2, Pattern::qwen35, Pattern::o200k,  Pattern::none};

using Pieces = std::vector<std::string>;

Pieces split(Pattern pattern, std::string_view text) {
  Pieces pieces;
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
        Pieces{"I", "'ll", " go", ",", " we", "'", "RE", " 12345", " x", "\n\n ", " y", "  "});
  CHECK(split(Pattern::gpt2, "a\tb\r\nc") == Pieces{"a", "\t", "b", "\r", "\n", "c"});
  CHECK(split(Pattern::gpt2, "a\xCC\x81") == Pieces{"a", "\xCC\x81"});
}

TEST_CASE("llama3 folds case in contractions, takes three digits at most, and newlines with what precedes them") {
  CHECK(split(Pattern::llama3, "we'RE 12345 x!\n\n  y\r\n") ==
        Pieces{"we", "'RE", " ", "123", "45", " x", "!\n\n", " ", " y", "\r\n"});
  CHECK(split(Pattern::llama3, "a's\xC5\xBF'\xC5\xBF") == Pieces{"a", "'s", "\xC5\xBF", "'\xC5\xBF"});
  CHECK(split(Pattern::llama3, "x \n \n  ") == Pieces{"x", " \n \n", "  "});
}

TEST_CASE("cl100k and llama3 differ only at the end of the text") {
  CHECK(split(Pattern::cl100k, "x \n \n  ") == Pieces{"x", " \n \n  "});
  CHECK(split(Pattern::cl100k, "x \n \n  y") == split(Pattern::llama3, "x \n \n  y"));
}

TEST_CASE("qwen2 takes digits one by one, qwen35 marks with their letters") {
  CHECK(split(Pattern::qwen2, "12 a\xCC\x81") == Pieces{"1", "2", " a", "\xCC\x81"});
  CHECK(split(Pattern::qwen35, "12 a\xCC\x81") == Pieces{"1", "2", " a\xCC\x81"});
}

TEST_CASE("o200k starts a word where lower case turns to upper, and keeps contractions with their word") {
  CHECK(split(Pattern::o200k, "camelCase HTMLPage don't") == Pieces{"camel", "Case", " HTMLPage", " don't"});
  CHECK(split(Pattern::o200k,
              "\xE4\xB8\xAD"
              "AB") == Pieces{"\xE4\xB8\xAD", "AB"});
  CHECK(split(Pattern::o200k,
              "\xCC\x81"
              "AB") == Pieces{"\xCC\x81", "AB"});
  CHECK(split(Pattern::o200k, "a/b//\n/") == Pieces{"a", "/b", "//\n/"});
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

TEST_CASE("every pattern except none has a regular expression that leads back to it") {
  for (const Pattern pattern : kPatterns) {
    CHECK(lm::parse_choice<Pattern>(lm::to_string(pattern)) == pattern);
    CHECK(lm::pattern_of_regex(lm::pattern_regex(pattern)) ==
          (pattern == Pattern::none ? std::nullopt : std::optional(pattern)));
  }
  CHECK(!lm::pattern_of_regex("\\w+"));
}
