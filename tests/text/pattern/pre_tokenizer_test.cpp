#include "text/pattern/pre_tokenizer.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "base/rng.h"
#include "support/test_data.h"
#include "text/pattern/pretokenizer.h"
#include "text/text_support.h"
#include "text/vocabulary/byte_level.h"

namespace {

using lm::JsonValue;
using lm::PreTokenizer;

PreTokenizer read_pre_tokenizer(std::string_view json) {
  return PreTokenizer::from_json(JsonValue::parse(json, "test"), "test");
}

std::vector<std::string> cut(const PreTokenizer& pre_tokenizer, std::string_view section, bool is_first = true) {
  lm::Pieces pieces;
  pre_tokenizer.split(section, is_first, pieces);
  std::vector<std::string> texts;
  for (const lm::Piece& piece : pieces.pieces) texts.push_back(pieces.text.substr(piece.begin, piece.end - piece.begin));
  return texts;
}

std::string error_of(std::string_view json) {
  try {
    read_pre_tokenizer(json);
  } catch (const lm::Error& error) {
    return error.what();
  }
  return "";
}

constexpr std::string_view kSomePreTokenizers[] = {
    R"({"type":"Whitespace"})",
    R"({"type":"BertPreTokenizer"})",
    R"({"type":"UnicodeScripts"})",
    R"({"type":"FixedLength","length":3})",
    R"({"type":"ByteLevel","add_prefix_space":true,"trim_offsets":true})",
    R"({"type":"Metaspace","replacement":"▁","prepend_scheme":"first"})",
    R"({"type":"Metaspace","replacement":"▁"})",
    R"({"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":false},{"type":"WhitespaceSplit"},{"type":"Punctuation"}]})",
    R"({"type":"Sequence","pretokenizers":[{"type":"Split","pattern":{"Regex":"[^a]\\d+"},"behavior":"Isolated","invert":false},)"
    R"({"type":"Split","pattern":{"String":" "},"behavior":"MergedWithNext","invert":false}]})",
    R"({"type":"Split","pattern":{"Regex":"\\w+|(?!a)."},"behavior":"Contiguous","invert":true})"};

}  // namespace

TEST_CASE("pre-tokenizers cut hard texts as Hugging Face's do, and so do the families among them") {
  const JsonValue golden = JsonValue::parse(lm::test::read_file(lm::test::golden_path("pre_tokenizers.json")), "golden");
  const JsonValue::Array& tests = *golden.if_array();
  const JsonValue::Array& texts = *tests.back().find("texts")->if_array();
  int families = 0;
  for (std::size_t i = 0; i + 1 < tests.size(); ++i) {
    const JsonValue& value = *tests[i].find("pre_tokenizer");
    const PreTokenizer pre_tokenizer = PreTokenizer::from_json(value, "golden");
    const std::optional<lm::Pattern> pattern = lm::pattern_of_pre_tokenizer(value);
    families += pattern ? 1 : 0;
    for (std::size_t j = 0; j < texts.size(); ++j) {
      std::vector<std::string> expected;
      for (const JsonValue& piece : *(*tests[i].find("pieces")->if_array())[j].if_array())
        expected.push_back(*piece.if_string());
      CAPTURE(value.dump());
      CAPTURE(*texts[j].if_string());
      CHECK(cut(pre_tokenizer, *texts[j].if_string()) == expected);
      if (!pattern) continue;
      std::vector<std::string> scanned;
      for (std::string_view rest = *texts[j].if_string(); !rest.empty();
           rest.remove_prefix(lm::next_pretoken(*pattern, rest).length)) {
        scanned.push_back(lm::to_byte_level(rest.substr(0, lm::next_pretoken(*pattern, rest).length)));
      }
      CHECK(scanned == expected);
    }
  }
  CHECK(families == 4);
}

TEST_CASE("a text that may be cut before a space gives the same pieces in parts") {
  lm::Rng rng(5, lm::RngPurpose::test);
  int cuts = 0;
  for (const std::string_view json : kSomePreTokenizers) {
    const PreTokenizer pre_tokenizer = read_pre_tokenizer(json);
    for (int round = 0; round < 2000; ++round) {
      const std::string before = lm::test::random_text(rng, 6) + "a", after = lm::test::random_text(rng, 6);
      const bool newline = round % 2 == 0;
      if (!(newline ? pre_tokenizer.cuts_before_space() : pre_tokenizer.cuts_before_blank())) continue;
      ++cuts;
      const std::string rest = (newline ? "\n" : " ") + after;
      std::vector<std::string> parts = cut(pre_tokenizer, before);
      for (const std::string& part : cut(pre_tokenizer, rest, false)) parts.push_back(part);
      REQUIRE(parts == cut(pre_tokenizer, before + rest));
    }
  }
  CHECK(cuts > 8000);
}

TEST_CASE("any bytes are cut, and pieces hold them as they are") {
  lm::Rng rng(6, lm::RngPurpose::test);
  for (const std::string_view json : kSomePreTokenizers) {
    const PreTokenizer pre_tokenizer = read_pre_tokenizer(json);
    for (int round = 0; round < 500; ++round) cut(pre_tokenizer, lm::test::random_text(rng, 12));
  }
  const PreTokenizer fixed = read_pre_tokenizer(R"({"type":"FixedLength","length":2})");
  CHECK(cut(fixed, "\xF0\x9F\x80\xC3\xA9\xFF") == std::vector<std::string>{"\xF0\x9F\x80\xC3\xA9", "\xFF"});
  CHECK(cut(read_pre_tokenizer("null"), "a b\xFF") == std::vector<std::string>{"a b\xFF"});
  CHECK(cut(read_pre_tokenizer(R"({"type":"Whitespace"})"), "a\xFF\x80. b") ==
        std::vector<std::string>{"a", "\xFF\x80.", "b"});
}

TEST_CASE("the scheme 'first' puts its character only before what begins the input") {
  const PreTokenizer first =
      read_pre_tokenizer(R"({"type":"Metaspace","replacement":"_","prepend_scheme":"first","split":false})");
  CHECK(cut(first, "a b") == std::vector<std::string>{"_a_b"});
  CHECK(cut(first, "a b", false) == std::vector<std::string>{"a_b"});
  lm::Pieces pieces;
  read_pre_tokenizer(R"({"type":"WhitespaceSplit"})").split(" a b", true, pieces);
  CHECK(!pieces.pieces[0].first);
  read_pre_tokenizer(R"({"type":"WhitespaceSplit"})").split("a b", true, pieces);
  CHECK(pieces.pieces[0].first);
  CHECK(!pieces.pieces[1].first);
}

TEST_CASE("what is not known or not allowed is refused by name") {
  CHECK(error_of(R"({"type":"Foo"})").find("'Foo', which is not known; known are BertPreTokenizer, ByteLevel") !=
        std::string::npos);
  CHECK(error_of(R"({"type":"Digits"})").find("individual_digits") != std::string::npos);
  CHECK(error_of(R"({"type":"FixedLength","length":0})").find("at least 1") != std::string::npos);
  CHECK(error_of(R"({"type":"Metaspace","replacement":"ab"})").find("'replacement'") != std::string::npos);
  CHECK(error_of(R"({"type":"Metaspace","replacement":"a","add_prefix_space":false})").find("does not agree") !=
        std::string::npos);
  CHECK(error_of(R"({"type":"Split","pattern":{"Regex":"a"},"behavior":"isolated","invert":false})").find("'isolated'") !=
        std::string::npos);
  CHECK(error_of(R"([1])").find("not an object") != std::string::npos);
}
