#include "tasks/evaluate/token_scores.h"

#include <doctest/doctest.h>

#include <cmath>
#include <deque>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "support/refusal.h"
#include "support/test_data.h"
#include "tasks/byte_model.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/white_space.h"

using namespace lm;

namespace {

/// A document of pieces: token i has i + 1 nats, and 100 + i for that a word begins there.
std::vector<TokenScore> tokens_of(const std::vector<std::string>& pieces) {
  std::vector<TokenScore> tokens;
  std::int64_t place = 0;
  for (const std::string& piece : pieces) {
    TokenScore& token = tokens.emplace_back();
    token.index = std::ssize(tokens) - 1;
    token.text = piece;
    token.span = ByteSpan{place, place + std::ssize(piece)};
    token.scored = true;
    token.score.nats = static_cast<double>(tokens.size());
    token.score.begins_nats = 99 + static_cast<double>(tokens.size());
    place += std::ssize(piece);
  }
  return tokens;
}

std::string shown(const WordScore& word) {
  std::ostringstream text;
  text << word.word << "@" << word.span.start << "-" << word.span.end << " " << word.tokens << " ";
  if (word.nats) text << *word.nats << " " << *word.corrected_nats;
  return text.str();
}

/// The words of a document, after whose last token a word begins with 1000 nats.
std::vector<std::string> words_of(const std::vector<std::string>& pieces, WordBegin begin = WordBegin::all,
                                  std::deque<std::string> given = {}) {
  std::vector<std::string> words;
  const bool takes_given = !given.empty();
  WordAssembler assembler(
      begin,
      [&](std::int64_t) -> std::optional<GivenWord> {
        if (given.empty()) return std::nullopt;
        GivenWord word{given.front(), "here"};
        given.pop_front();
        return word;
      },
      [&](const WordScore& word) { words.push_back(shown(word)); });
  if (takes_given) assembler.take_given();
  for (const TokenScore& token : tokens_of(pieces)) assembler.add(token);
  TargetScore after;
  after.begins_nats = 1000;
  assembler.end_document(after);
  return words;
}

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("a word is the sum of its tokens, corrected for what follows it and what is before it") {
  // the: 1 + 101 (a word begins at token 1); cat: 2 + 3 - 101 + 103; sat: 4 - 103 + 1000
  CHECK(words_of({"The", " c", "at", " sat"}) == Words{"The@0-3 1 1 102", "cat@4-7 2 5 7", "sat@8-11 1 4 901"});
  CHECK(words_of({"one"}) == Words{"one@0-3 1 1 1001"});
  CHECK(words_of({}).empty());
}

TEST_CASE(
    "tokens of only whitespace belong to the word that follows, at the end to the last one; then nothing is left open") {
  // "b" follows a piece that ends with whitespace: no word can fail to begin there.
  CHECK(words_of({"a", " ", "b"}) == Words{"a@0-1 1 1 102", "b@2-3 2 5 904"});
  CHECK(words_of({"a", " b", "\n"}) == Words{"a@0-1 1 1 102", "b@2-3 2 5 -96"});
  CHECK(words_of({"a ", "b"}) == Words{"a@0-1 1 1 1", "b@2-3 1 2 1002"});
  CHECK(words_of({"\n", " a"}) == Words{"a@2-3 2 3 1003"});
  CHECK(words_of({" ", "\n"}) == Words{"@0-0 2 3 3"});
  // A token that spells nothing goes with what follows before a word has begun, and with the word inside of it.
  CHECK(words_of({"", " a", "", "b"}) == Words{"ab@1-3 4 10 1010"});
}

TEST_CASE("with `space` a word begins with a space and at no end") {
  CHECK(words_of({"a", "\tb", " c"}, WordBegin::space) == Words{"a@0-1 1 1 1", "b@2-3 1 2 104", "c@4-5 1 3 901"});
  CHECK(words_of({"a", " ", " b"}, WordBegin::space) == Words{"a@0-1 1 1 102", "b@3-4 2 5 904"});
}

TEST_CASE("given words share the tokens by where these begin, and are corrected only where whitespace separates them") {
  CHECK(words_of({"do", "n't", " go", "."}, WordBegin::all, {"do", "n't", "go", "."}) ==
        Words{"do@0-2 1 1 1", "n't@2-5 1 2 104", "go@6-8 1 3 -99", ".@8-9 1 4 1004"});
  CHECK(words_of({"don't", " go"}, WordBegin::all, {"do", "n't", "go"}) ==
        Words{"do@0-2 1 1 1", "n't@2-5 0 ", "go@6-8 1 2 901"});
  CHECK(words_of({"New", " ", " York", "\n"}, WordBegin::all, {"New  York"}) == Words{"New  York@0-9 4 10 10"});
  CHECK(test::contains(test::refusal([] { words_of({"a", " b"}, WordBegin::all, {"a", "c"}); }), "\"c\" (here)"));
  CHECK(test::contains(test::refusal([] { words_of({"a", " b"}, WordBegin::all, {"a"}); }), "no word is left"));
}

namespace {

struct Rows {
  std::vector<TokenScore> tokens;
  std::vector<std::optional<TargetScore>> after;
  std::vector<DocumentScore> documents;
};

Rows rows_of(const TextModel& model, const WindowPlan& plan, const std::string& text, bool asks_words = true) {
  test::TemporaryFolder folder;
  std::ofstream(folder.path("text"), std::ios::binary) << text;
  Compute compute(2, best_simd_tier());
  Rows rows;
  const std::vector<std::uint8_t> begins = word_beginnings(model, WordBegin::all);
  EvaluationSink sink;
  sink.token = [&](const TokenScore& token) { rows.tokens.push_back(token); };
  sink.end = [&](const std::optional<TargetScore>& after) { rows.after.push_back(after); };
  sink.document = [&](const DocumentScore& document) { rows.documents.push_back(document); };
  EvaluatorOptions options;
  if (asks_words) options.begins = begins;
  Evaluator evaluator(compute, model, plan, options, sink);
  evaluate_inputs(evaluator, model, {folder.path("text")}, parse_document_kind("line"));
  return rows;
}

}  // namespace

TEST_CASE("token rows spell each document, and their nats are the document's, asked for words or not") {
  const TextModel model = test::byte_model(8, 3);
  const std::string text = "In the beginning\n\nx\nabcdefab\n\xC3\xA9t\xC3\xA9 \xFF\n";
  for (const std::int64_t stride : {1, 3, 8}) {
    const WindowPlan plan{.context = 8, .stride = stride};
    const Rows rows = rows_of(model, plan, text), plain = rows_of(model, plan, text, false);
    REQUIRE(rows.documents.size() == 5);
    REQUIRE(rows.tokens.size() == plain.tokens.size());
    std::vector<std::string> spelled(5);
    std::vector<FixedSum> nats(5);
    for (std::size_t i = 0; i < rows.tokens.size(); ++i) {
      const TokenScore& token = rows.tokens[i];
      const auto document = static_cast<std::size_t>(token.document);
      CHECK(token.scored);
      CHECK(token.score.nats == plain.tokens[i].score.nats);
      REQUIRE(token.span);
      CHECK(token.span->start == std::ssize(spelled[document]));
      spelled[document] += token.text;
      CHECK(token.span->end == std::ssize(spelled[document]));
      nats[document] += token.score.nats;
    }
    std::string joined;
    for (const std::string& line : spelled) joined += line + "\n";
    CHECK(joined == text);
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(rows.documents[i].score.nats == nats[i]);
      CHECK(rows.documents[i].number == static_cast<std::int64_t>(i));
      CHECK(rows.after[i].has_value() == (i != 1));  // the empty one has no last token
      CHECK(!plain.after[i]);
    }
  }
}

TEST_CASE("what comes after the last token is predicted from the tokens that fit the context") {
  const TextModel model = test::byte_model(8, 0);
  Compute compute(1, best_simd_tier());
  const std::vector<std::uint8_t> begins = word_beginnings(model, WordBegin::all);
  for (const std::string text : {"a", "abcdefg", "abcdefgh", "abcdefghijklm"}) {
    const Rows rows = rows_of(model, {.context = 8, .stride = 4}, text + "\n");
    std::vector<TokenId> tokens = {model.tokenizer.end_of_text()};
    for (const TokenId id : model.tokenizer.encode(text)) tokens.push_back(id);
    if (tokens.size() > 8) tokens.erase(tokens.begin(), tokens.end() - 8);
    SequenceScorer scorer(compute, model.parameters(), 8, 8, {.all = true, .begins = begins});
    ScoredSequence sequence{.input = tokens, .targets = {{.place = std::ssize(tokens) - 1, .token = 0}}};
    const TargetScore expected = scorer.score({&sequence, 1}).front().front();
    REQUIRE(rows.after.size() == 1);
    REQUIRE(rows.after.front());
    CHECK(std::abs(rows.after.front()->begins_nats - expected.begins_nats) < 1e-5);
  }
}

TEST_CASE("the first token is not scored without one before it, and says so") {
  TextModel model = test::byte_model(8, 0);
  model.tokenizer =
      Tokenizer::from_json(model.tokenizer.to_json(), "test", {.pattern = {}, .end_of_text = {}, .begin = "none"});
  const Rows rows = rows_of(model, {.context = 8, .stride = 4}, "abcdefghijk\nb\n");
  REQUIRE(rows.tokens.size() == 12);
  for (const TokenScore& token : rows.tokens) CHECK(token.scored == (token.index != 0));
}
