#include "text/pattern/regex.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.h"

namespace {

std::vector<std::string> found(std::string_view expression, std::string_view text) {
  lm::Regex::Scratch scratch;
  std::vector<lm::Regex::Match> matches;
  lm::Regex(expression, "test").find_all(text, scratch, matches);
  std::vector<std::string> texts;
  for (const lm::Regex::Match& match : matches) texts.emplace_back(text.substr(match.begin, match.end - match.begin));
  return texts;
}

using Texts = std::vector<std::string>;

}  // namespace

// What is matched was taken from Oniguruma, through Hugging Face's Split; many more are in the golden file.
TEST_CASE("expressions mean what Oniguruma takes them for") {
  CHECK(found(R"(\p{N}{1,3}+)", "a12345678b") == Texts{"12345678"});
  CHECK(found(R"((?i:'s|k))", "'S '\xC5\xBF \xE2\x84\xAA") == Texts{"'S", "'\xC5\xBF", "\xE2\x84\xAA"});
  CHECK(found("^.|.$", "ab\ncd\n") == Texts{"a", "b", "c", "d"});
  CHECK(found(R"(\w)", "\xC2\xB2") == Texts{"\xC2\xB2"});
  CHECK(found(R"([\w])", "\xC2\xB2").empty());
  CHECK(found("x{|]", "x{]") == Texts{"x{", "]"});
  CHECK(found("a*", "baab") == Texts{"", "aa", ""});
}

TEST_CASE("an invalid part of UTF-8 is one character, which only negated sets take") {
  CHECK(found("[^a]", "\xF0\x9F\xFF") == Texts{"\xF0\x9F", "\xFF"});
  CHECK(found(R"(\S+)", "a\x80 b") == Texts{"a\x80", "b"});
  CHECK(found(R"(\p{Cn}|\p{Any})", "\x80").empty());
}

TEST_CASE("what cannot be had exactly is refused by name") {
  for (const std::string_view expression : {R"((a)\1)",
                                            R"(\X)",
                                            R"(\K)",
                                            "(?i:ss)",
                                            "(?i:\xC3\xA9)",
                                            R"((?i)\p{L})",
                                            R"(\p{Foo})",
                                            "(?s:a)",
                                            "(?~a)",
                                            "a**",
                                            "+",
                                            "(a",
                                            "a)",
                                            "[a",
                                            "[z-a]",
                                            "a{3,1}",
                                            "a(?i)b",
                                            R"(\u0041)",
                                            "(?<=a+)b",
                                            "[[:foo:]]",
                                            "\\",
                                            "(?",
                                            "a\xFF"}) {
    CAPTURE(expression);
    CHECK_THROWS_AS(lm::Regex(expression, "test"), lm::Error);
  }
  CHECK_THROWS_AS(lm::Regex(std::string(300, '('), "test"), lm::Error);
  CHECK_THROWS_AS(lm::Regex(std::string(70000, 'a'), "test"), lm::Error);
}

TEST_CASE("a match that takes too many steps is an error") {
  CHECK_THROWS_AS(found("(?:a|aa)+$", std::string(60, 'a') + "b"), lm::Error);
}

TEST_CASE("long runs are matched without deep stacks") {
  CHECK(found("(?:a|b)+", std::string(1 << 18, 'a')).size() == 1);
  CHECK(found(R"(\s+$)", std::string(1 << 20, ' ') + "a \n").size() == 1);
  CHECK(found(R"(\s+$)", " a  b\n\n c ") == Texts{"\n", " "});
  CHECK(found(R"(\s+(?!\S)|\s+)", std::string(1 << 20, ' ') + "a").size() == 2);
}
