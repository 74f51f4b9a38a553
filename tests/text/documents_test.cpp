#include "text/documents.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/rng.h"
#include "support/refusal.h"

namespace {

using Documents = std::vector<std::string>;

struct Cut {
  std::size_t first = 0, step = SIZE_MAX;  // sizes of the first feed() and of the later ones
};

Documents split(std::string_view kind, std::string_view text, Cut cut = {}) {
  Documents documents = {""};
  lm::DocumentSplitter splitter(
      lm::parse_document_kind(kind),
      {.text = [&](std::string_view piece) { documents.back() += piece; }, .end = [&] { documents.emplace_back(); }});
  splitter.begin_input("a test");
  splitter.feed(text.substr(0, cut.first));
  for (std::size_t at = std::min(cut.first, text.size()); at < text.size(); at += std::min(cut.step, text.size() - at)) {
    splitter.feed(text.substr(at, cut.step));
  }
  splitter.end_input();
  REQUIRE(documents.back().empty());  // all text belongs to a document that ended
  documents.pop_back();
  return documents;
}

std::string join(std::string_view kind, const Documents& documents) {
  std::string text;
  for (const std::string& document : documents) text += document + lm::document_delimiter(lm::parse_document_kind(kind));
  return text;
}

}  // namespace

TEST_CASE("a file is one document, an empty one too") {
  CHECK(split("file", "a\nb\n") == Documents{"a\nb\n"});
  CHECK(split("file", "") == Documents{""});
}

TEST_CASE("a delimiter ends a document, and what lacks its last one is one too") {
  CHECK(split("line", "a\r\n\nb") == Documents{"a\r", "", "b"});
  CHECK(split("line", "a\n") == Documents{"a"});
  CHECK(split("line", "").empty());
  CHECK(split("nul", std::string_view("a\0\0b\0", 5)) == Documents{"a", "", "b"});
  CHECK(split("separator:##", "a##b####c#") == Documents{"a", "b", "", "c#"});
  CHECK(split("separator:aab", "aaab") == Documents{"a"});
}

TEST_CASE("jsonl takes the field of each line") {
  CHECK(split("jsonl", "{\"text\":\"a\\nb\"}\n\n{\"x\":1,\"text\":\"\"}") == Documents{"a\nb", ""});
  CHECK(split("jsonl:body", "{\"text\":\"no\",\"body\":\"yes\"}\n") == Documents{"yes"});
  CHECK_THROWS_AS(split("jsonl", "{\"text\":1}\n"), lm::Error);
  CHECK_THROWS_AS(split("jsonl", "{\"body\":\"a\"}\n"), lm::Error);
  CHECK_THROWS_AS(split("jsonl", "{\"text\":\"a\"\n"), lm::Error);
}

TEST_CASE("strings are texts themselves unless a field is named") {
  CHECK(split("jsonl", "\"a\\tb\"\n\"\"\n") == Documents{"a\tb", ""});
  CHECK_THROWS_AS(split("jsonl:text", "\"a\"\n"), lm::Error);
  CHECK_THROWS_AS(split("jsonl:text", "[\"a\"]"), lm::Error);
}

TEST_CASE("an array of JSON is taken element by element") {
  CHECK(split("jsonl", "[]").empty());
  CHECK(split("jsonl", " \n[ \n] \n").empty());
  CHECK(split("jsonl", "\xef\xbb\xbf[{\"text\":\"a\"}]") == Documents{"a"});
  CHECK(split("jsonl", "[\n  {\n    \"text\": \"a]},\\\"[\",\n    \"x\": [1, {\"y\": []}]\n  },\n  \"b\"\n]\n") ==
        Documents{"a]},\"[", "b"});
  CHECK(split("jsonl:x", "[{\"x\":\"\\u00e9\\\\\"},{\"text\":1,\"x\":\"\"}]") == Documents{"\u00e9\\", ""});
  CHECK(split("jsonl", std::string(5000, ' ') + "[" + std::string(70000, '\n') + "\"a\"" + std::string(70000, ' ') + "]") ==
        Documents{"a"});
}

TEST_CASE("what is no single array of records is refused, and where it is said") {
  const auto refused = [](std::string_view text, std::string_view said) {
    CAPTURE(text);
    const std::string message = lm::test::refusal([&] { split("jsonl", text); });
    CAPTURE(message);
    CHECK(message.find(said) != std::string::npos);
  };
  refused("[", "ends inside its JSON array, after element 0");
  refused("[{\"text\":\"a\"},{\"text\":\"b", "ends inside its JSON array, after element 1");
  refused("[{\"text\":\"a\"},]", "no value before the ']' after element 1");
  refused("[,]", "no value before the ','");
  refused("[1]", "no string 'text' in element 1 of 'a test'");
  refused("[\"a\" \"b\"]", "element 1: invalid JSON");
  refused("[\"a\"}]", "element 1: invalid JSON");
  refused("[{\"text\":\"a\"]", "ends inside its JSON array");
  refused("[\"a\"]\n[\"b\"]", "has more after its JSON array");
  refused("[\"a\"]x", "has more after its JSON array");
  refused("[[\"a\"]]", "no string 'text' in element 1");
  refused("[" + std::string(20, '[') + std::string(20, ']') + "]", "nested deeper");
  refused("{\"text\":\"a\"}\n[]\n", "no string 'text' in line 2");
  refused("\n\n{\"text\":1}\n", "in line 3");
}

TEST_CASE("however the bytes of JSON come, the documents are the same") {
  const std::string lines = "\xef\xbb\xbf\n{\"text\":\"a\\\"b\"}\n\n{\"text\":\"\"}\n\"c\"";
  const std::string array = "\xef\xbb\xbf \n[ {\"text\" : \"a\\\"],b\"} , \"c\\\\\",{\"x\":[[],{}],\"text\":\"\"} ]\n ";
  for (const std::string& text : {lines, array}) {
    const Documents whole = split("jsonl", text);
    REQUIRE(whole.size() == 3);
    for (std::size_t first = 0; first <= text.size(); ++first) {
      for (const std::size_t step : {1, 2, 3, 7}) REQUIRE(split("jsonl", text, {.first = first, .step = step}) == whole);
    }
  }
}

TEST_CASE("however the bytes come, the documents are the same") {
  lm::Rng rng(3, lm::RngPurpose::test);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint64_t i = rng.below(40); i > 0; --i) text += "ab\n#"[rng.below(4)];
    for (const char* kind : {"file", "line", "separator:ab", "separator:aa", "separator:aabaa", "separator:abab#"}) {
      const Cut cut = {.first = rng.below(5), .step = 1 + rng.below(4)};
      const Documents whole = split(kind, text);
      REQUIRE(split(kind, text, cut) == whole);
      // Joining is the inverse, except for a missing last delimiter.
      const std::string joined = join(kind, whole);
      const std::string delimiter = lm::document_delimiter(lm::parse_document_kind(kind));
      REQUIRE((joined == text || joined == text + delimiter));
    }
  }
}

TEST_CASE("a separator's escapes are a newline, a carriage return, a tab, a NUL byte and a backslash") {
  using namespace std::string_literals;
  const auto separator = [](const char* text) { return lm::document_delimiter(lm::parse_document_kind(text)); };
  CHECK(separator(R"(separator:\n\n)") == "\n\n"s);
  CHECK(separator(R"(separator:a\r\n\t\0\\n)") == "a\r\n\t\0\\n"s);
  CHECK(split(R"(separator:\n\n)", "a\n\nb\n") == Documents{"a", "b\n"});
  CHECK_THROWS_WITH(separator(R"(separator:a\q)"),
                    R"(unknown escape '\q' in the separator; known are \n, \r, \t, \0, and \\ for a backslash)");
  CHECK_THROWS_AS(separator(R"(separator:a\)"), lm::Error);
}

TEST_CASE("other kinds are refused") {
  for (const char* kind : {"", "lines", "jsonl:", "separator:", "file:x"})
    CHECK_THROWS_AS(lm::parse_document_kind(kind), lm::Error);
  CHECK_THROWS_WITH(lm::parse_document_kind("separator:"),
                    R"(the separator is empty; expected separator:STRING, such as separator:\n\n)");
  CHECK_THROWS_WITH(lm::parse_document_kind("jsonl:"),
                    "the field's name is empty; expected jsonl:FIELD, such as jsonl:text");
  CHECK_THROWS_AS(lm::document_delimiter(lm::parse_document_kind("jsonl")), lm::Error);
}
