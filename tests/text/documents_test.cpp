#include "text/documents.h"

#include <doctest/doctest.h>

#include "base/error.h"
#include "base/rng.h"

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
  CHECK_THROWS_AS(split("jsonl", "[]\n"), lm::Error);
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
