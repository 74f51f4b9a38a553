#include "tasks/tokenize/encode_documents.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "base/error.h"
#include "support/test_data.h"
#include "text/mixed_text.h"
#include "text/text_support.h"

using namespace lm;

namespace {

/// What a sink gets, its pieces put together: documents of tokens, with -1 and -2 where they begin and end.
struct Received {
  std::vector<std::int64_t> tokens;
  std::string text;
  bool operator==(const Received&) const = default;
};

struct Run {
  std::string kind = "file";
  SpecialTokens special = SpecialTokens::plain;
  int threads = 1;
};

Received receive(const std::vector<std::string>& paths, const Tokenizer& tokenizer, const Run& run, std::string& error) {
  Received received;
  DocumentKind kind = parse_document_kind(run.kind);
  kind.accept = Accept::anything;
  const EncodedDocuments sink = {
      .text = [&](std::string_view text) { received.text += text; },
      .tokens = [&](std::span<const TokenId> ids) { received.tokens.insert(received.tokens.end(), ids.begin(), ids.end()); },
      .begin = [&] { received.tokens.push_back(-1); },
      .end = [&] { received.tokens.push_back(-2); }};
  try {
    encode_documents(paths, kind, tokenizer, {.special = run.special, .threads = run.threads}, sink);
  } catch (const Error& caught) {
    error = caught.what();
  }
  return received;
}

/// The documents of one file, each encoded as a whole.
Received expected_of(const std::vector<std::string>& texts, const Tokenizer& tokenizer) {
  Received expected;
  for (const std::string& text : texts) {
    const std::vector<TokenId> ids = tokenizer.encode(text);
    expected.tokens.insert(expected.tokens.end(), ids.begin(), ids.end());
    expected.tokens.push_back(-2);
    expected.text += text;
  }
  return expected;
}

}  // namespace

TEST_CASE("any number of threads gives the tokens of each document as a whole, in the order of the documents") {
  const test::TemporaryFolder folder;
  Rng random(61, RngPurpose::test);
  std::vector<std::string> texts = {"",
                                    test::mixed_text(random, 3'500'000),
                                    "",
                                    test::mixed_text(random, 5000),
                                    std::string(3'000'000, 'a'),
                                    std::string(1'500'000, ' ') + "x"};
  std::string unspaced;  // nowhere may it be cut without looking at pretokens
  while (unspaced.size() < 2'600'000) unspaced += "\xE4\xB8\xAD\xE3\x80\x82";
  texts.push_back(unspaced);
  std::vector<std::string> paths;
  for (const std::string& text : texts) {
    paths.push_back(folder.path(std::to_string(paths.size())));
    test::put(paths.back(), text);
  }
  for (const Pattern pattern : {Pattern::gpt2, Pattern::o200k}) {
    const Tokenizer tokenizer(test::train_parts({.pattern = pattern}), {}, "a test's tokenizer");
    const Received expected = expected_of(texts, tokenizer);
    for (const int threads : {1, 2, 5}) {
      std::string error;
      CHECK(receive(paths, tokenizer, {.threads = threads}, error) == expected);
      CHECK(error.empty());
    }
  }
}

TEST_CASE("lines are documents on any number of threads, and the first special token is the error") {
  const test::TemporaryFolder folder;
  Rng random(67, RngPurpose::test);
  std::vector<std::string> lines;
  std::string text;
  for (int i = 0; i < 20000; ++i) {
    std::string line = test::mixed_text(random, random.below(300), 12);
    std::erase(line, '\n');
    if (line.empty()) line = "x";
    lines.push_back(line);
    text += line + "\n";
  }
  const std::string path = folder.path("lines");
  test::put(path, text);
  const Tokenizer tokenizer(test::train_parts({}), {}, "a test's tokenizer");
  const Received expected = expected_of(lines, tokenizer);
  for (const int threads : {1, 3}) {
    std::string error;
    CHECK(receive({path}, tokenizer, {.kind = "line", .threads = threads}, error) == expected);
    CHECK(error.empty());
  }
  lines[12000] = "xx<|pad|>";
  lines[17000] = "x<|mask|>";
  text.clear();
  for (const std::string& line : lines) text += line + "\n";
  test::put(path, text);
  for (const int threads : {1, 3}) {
    std::string error;
    receive({path}, tokenizer, {.kind = "line", .special = SpecialTokens::error, .threads = threads}, error);
    CHECK(error.find("special token '<|pad|>' at byte 2;") != std::string::npos);
  }
}
