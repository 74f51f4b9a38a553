#include "tasks/evaluate/evaluate.h"

#include <doctest/doctest.h>

#include <cmath>
#include <fstream>
#include <numbers>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/token_file.h"
#include "model/decode.h"
#include "model/kv_cache.h"
#include "support/test_data.h"
#include "tasks/byte_model.h"
#include "tasks/evaluate/evaluate_report.h"

using namespace lm;

namespace {

/// -log p of each token after the first, all of which fit the context.
std::vector<double> nats_by_decoder(Compute& compute, const TextModel& model, const std::vector<TokenId>& tokens) {
  Decoder decoder(compute, model.parameters());
  KVCache cache(model.config(), model.config().context_length);
  std::vector<double> nats;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const TensorView<const float> logits = decoder.step(cache, tokens[i]);
    double sum = 0;
    for (std::int64_t v = 0; v < logits.size(); ++v) sum += std::exp(static_cast<double>(logits[v]));
    nats.push_back(std::log(sum) - static_cast<double>(logits[static_cast<std::int64_t>(tokens[i + 1])]));
  }
  return nats;
}

/// The text's nats by the definition of windows, from the decoder.
double nats_by_definition(Compute& compute, const TextModel& model, const std::string& text, std::int64_t context,
                          std::int64_t stride) {
  std::vector<TokenId> x = {model.tokenizer.end_of_text()};
  for (const TokenId id : model.tokenizer.encode(text)) x.push_back(id);
  const auto n = static_cast<std::int64_t>(x.size()) - 1;
  double total = 0;
  for (std::int64_t end = 0, next = std::min(context, n); end < n; next = std::min(end + stride, n)) {
    const std::int64_t first = std::max<std::int64_t>(0, next - context);
    const std::vector<double> nats =
        nats_by_decoder(compute, model, std::vector<TokenId>(x.begin() + first, x.begin() + next + 1));
    for (std::int64_t i = end - first; i < next - first; ++i) total += nats[static_cast<std::size_t>(i)];
    end = next;
  }
  return total;
}

struct Result {
  CorpusScore total;
  std::vector<DocumentScore> documents;
};

Result evaluate(const TextModel& model, const WindowPlan& plan, const std::vector<std::string>& paths, const char* kind) {
  Compute compute(2, best_simd_tier());
  Result result;
  EvaluationSink sink;
  sink.document = [&](const DocumentScore& document) { result.documents.push_back(document); };
  Evaluator evaluator(compute, model, plan, {.texts = Texts::keep, .begins = {}}, sink);
  evaluate_inputs(evaluator, model, paths, parse_document_kind(kind));
  result.total = evaluator.total();
  return result;
}

void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

const std::vector<std::string> kLines = {
    "In the beginning", "", "was the word,  and the word\twas long enough to need windows", "x", "\xC3\xA9t\xC3\xA9 \xFF"};

std::string joined() {
  std::string text;
  for (const std::string& line : kLines) text += line + "\n";
  return text;
}

}  // namespace

TEST_CASE("nats, tokens, words and bytes of each document are those of the definition") {
  const TextModel model = test::byte_model(24, 5);
  Compute compute(1, best_simd_tier());
  test::TemporaryFolder folder;
  write(folder.path("lines"), joined());
  const Result result = evaluate(model, {.context = 10, .stride = 3}, {folder.path("lines")}, "line");
  REQUIRE(result.documents.size() == kLines.size());
  const std::vector<std::int64_t> words = {3, 0, 12, 1, 2};
  double total = 0;
  for (std::size_t i = 0; i < kLines.size(); ++i) {
    const DocumentScore& document = result.documents[i];
    CAPTURE(i);
    CHECK(document.document == kLines[i]);
    CHECK(document.score.tokens == static_cast<std::int64_t>(model.tokenizer.encode(kLines[i]).size()));
    CHECK(document.score.bytes == static_cast<std::int64_t>(kLines[i].size()));
    CHECK(document.score.words == words[i]);
    const double expected = nats_by_definition(compute, model, kLines[i], 10, 3);
    CHECK(std::abs(document.score.nats.value() - expected) <= 1e-5 * expected);  // float logits of two orders of summing
    total += document.score.nats.value();
  }
  CHECK(result.total.documents == 5);
  CHECK(std::abs(result.total.score.nats.value() - total) < 1e-9);
}

TEST_CASE("what is derived follows from nats, tokens, words and bytes") {
  const Score score{.tokens = 10, .words = 4, .bytes = 40, .nats = FixedSum(20), .text_nats = FixedSum(18)};
  CHECK(*score.loss() == 2.0);
  CHECK(*score.perplexity() == std::exp(2.0));
  CHECK(*score.word_perplexity() == std::exp(5.0));
  CHECK(*score.bits_per_byte() == 18 / std::numbers::ln2 / 40);
  const Score nothing;
  CHECK_FALSE(nothing.loss());
  CHECK_FALSE(nothing.perplexity());
  CHECK_FALSE(nothing.word_perplexity());
  CHECK_FALSE(nothing.bits_per_byte());
}

TEST_CASE("the corpus' perplexity weighs tokens, the macro average documents") {
  const TextModel model = test::byte_model();
  test::TemporaryFolder folder;
  write(folder.path("lines"), joined());
  const Result result = evaluate(model, {}, {folder.path("lines")}, "line");
  double nats = 0;
  double sum = 0;
  std::int64_t tokens = 0;
  for (const DocumentScore& document : result.documents) {
    nats += document.score.nats.value();
    tokens += document.score.tokens;
    if (document.score.tokens > 0) sum += *document.score.perplexity();
  }
  CHECK(*result.total.score.perplexity() == doctest::Approx(std::exp(nats / static_cast<double>(tokens))).epsilon(1e-12));
  CHECK(*result.total.macro_perplexity() == doctest::Approx(sum / 4).epsilon(1e-12));  // the empty line has none
}

TEST_CASE("text and the tokens made of it score the same, document by document") {
  const TextModel model = test::byte_model(24, 5);
  test::TemporaryFolder folder;
  write(folder.path("lines"), joined());
  TokenFileInfo info;
  info.vocab_size = model.tokenizer.vocab_size();
  info.end_of_text = model.tokenizer.end_of_text();
  info.fingerprint = model.tokenizer.fingerprint();
  const auto write_tokens = [&](const std::string& path) {
    const std::unique_ptr<OutputStream> output = open_output(path);
    TokenWriter writer(*output, info);
    for (const std::string& line : kLines) {
      writer.write(model.tokenizer.encode(line));
      writer.end_document();
    }
    writer.finish();
    output->close();
  };
  write_tokens(folder.path("tokens"));
  const Result text = evaluate(model, {}, {folder.path("lines")}, "line");
  const Result tokens = evaluate(model, {}, {folder.path("tokens")}, "file");
  REQUIRE(text.documents.size() == tokens.documents.size());
  for (std::size_t i = 0; i < text.documents.size(); ++i) {
    CHECK(text.documents[i].document == tokens.documents[i].document);
    CHECK(text.documents[i].score.nats == tokens.documents[i].score.nats);
    CHECK(text.documents[i].score.words == tokens.documents[i].score.words);
    CHECK(text.documents[i].score.bytes == tokens.documents[i].score.bytes);
  }
  info.fingerprint.low ^= 1;
  write_tokens(folder.path("other"));
  CHECK_THROWS_AS(evaluate(model, {}, {folder.path("other")}, "file"), Error);
}

TEST_CASE("each file is a document of its name, and no window crosses from one to the next") {
  const TextModel model = test::byte_model();
  test::TemporaryFolder folder;
  write(folder.path("a"), "one two");
  write(folder.path("b"), "");
  write(folder.path("c"), "three");
  const std::vector<std::string> paths = {folder.path("a"), folder.path("b"), folder.path("c")};
  const Result together = evaluate(model, {}, paths, "file");
  REQUIRE(together.documents.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(together.documents[i].document == paths[i]);
    const Result alone = evaluate(model, {}, {paths[i]}, "file");
    CHECK(std::abs(alone.total.score.nats.value() - together.documents[i].score.nats.value()) < 1e-4);
  }
  CHECK(together.documents[1].score.tokens == 0);
}

TEST_CASE("score-end counts in nats and tokens, never in bytes") {
  const TextModel model = test::byte_model();
  test::TemporaryFolder folder;
  write(folder.path("a"), "one two");
  const Result plain = evaluate(model, {}, {folder.path("a")}, "file");
  const Result ended = evaluate(model, {.score_end = true}, {folder.path("a")}, "file");
  CHECK(ended.total.score.tokens == plain.total.score.tokens + 1);
  CHECK(ended.total.score.bytes == plain.total.score.bytes);
  CHECK(ended.total.score.nats.value() > plain.total.score.nats.value());
  CHECK(*ended.total.score.bits_per_byte() == doctest::Approx(*plain.total.score.bits_per_byte()).epsilon(1e-5));
}

TEST_CASE("hf-stride weighs each window's mean by one less than its new tokens") {
  const TextModel model = test::byte_model(24);
  Compute compute(1, best_simd_tier());
  test::TemporaryFolder folder;
  const std::string text = "a text of some length, longer than two contexts of the model";
  write(folder.path("a"), text);
  const std::vector<TokenId> ids = model.tokenizer.encode(text);
  const auto n = static_cast<std::int64_t>(ids.size());
  for (const std::int64_t stride : {5, 16, 24}) {
    double sum = 0;
    std::int64_t count = 0;
    std::int64_t previous_end = 0;
    for (std::int64_t begin = 0; begin < n; begin += stride) {
      const std::int64_t end = std::min<std::int64_t>(begin + 24, n);
      const std::int64_t length = end - previous_end;
      // nats[i] is of ids[begin + 1 + i], as a model shifts its labels.
      const std::vector<double> nats =
          nats_by_decoder(compute, model, std::vector<TokenId>(ids.begin() + begin, ids.begin() + end));
      double mean = 0;
      std::int64_t valid = 0;
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(nats.size()); ++i) {
        if (begin + 1 + i < end - length) continue;
        mean += nats[static_cast<std::size_t>(i)];
        ++valid;
      }
      sum += mean / static_cast<double>(valid) * static_cast<double>(length - 1);
      count += length - 1;
      previous_end = end;
      if (end == n) break;
    }
    const Result result = evaluate(model, {.protocol = Protocol::hf_stride, .stride = stride}, {folder.path("a")}, "file");
    CHECK(result.total.score.tokens == count);
    CHECK(std::abs(result.total.score.nats.value() - sum) < 1e-5 * sum);
    CHECK_FALSE(result.total.score.word_perplexity());  // the first token is not scored
  }
}

TEST_CASE("plans that a model cannot follow, and models that do not read from left to right, are refused") {
  TextModel model = test::byte_model(24);
  CHECK_THROWS_AS(complete_plan({.context = 25}, model), Error);
  CHECK_THROWS_AS(complete_plan({.context = 8, .stride = 9}, model), Error);
  CHECK(complete_plan({}, model).stride == 12);
  Compute compute(1, best_simd_tier());
  model.model.record.objective = "masked";
  CHECK_THROWS_AS(Evaluator(compute, model, {}), Error);
  model.model.record.objective = "causal:0.5,masked:0.5";
  CHECK_NOTHROW(Evaluator(compute, model, {}));
}

/// A document's line in tab-separated values.
std::string tsv_of(const DocumentScore& document) {
  const ReportFrame frame;
  return tsv_row(tsv_columns(Level::document), to_json(document, frame), frame);
}

TEST_CASE("reports hold the keys and columns of the manual") {
  CorpusScore corpus;
  corpus.documents = 2;
  corpus.score = {.tokens = 10, .words = 4, .bytes = 40, .nats = FixedSum(20), .text_nats = FixedSum(20)};
  const ReportFrame frame{.protocol = describe({.context = 8, .stride = 4})};
  const JsonValue json = to_json(corpus, frame, Macro::no);
  std::string keys;
  for (const auto& [key, value] : *json.if_object()) keys += key + " ";
  CHECK(keys ==
        "documents tokens words bytes nats loss perplexity word_perplexity bits_per_byte protocol standard_error "
        "standard_error_over nats_fixed text_nats_fixed all_scored by_document by_block ");
  CHECK(json.number_at("loss", "") == 2.0);
  CHECK(to_json(corpus, {.protocol = frame.protocol, .base = LogBase::two}, Macro::no).number_at("loss", "") ==
        2.0 / std::numbers::ln2);
  CHECK(tsv_header(tsv_columns(Level::document), frame) == "perplexity\tnats\ttokens\twords\tbytes\tdocument\n");
  DocumentScore document;
  document.score = {.tokens = 1, .words = 1, .bytes = 3, .nats = FixedSum(0), .text_nats = FixedSum(0)};
  document.document = "a\tb\n\\";
  CHECK(tsv_of(document) == "1\t0\t1\t1\t3\ta\\tb\\n\\\\\n");
  const DocumentScore empty;
  CHECK(tsv_of(empty) == "inf\t0\t0\t0\t0\t\n");
  CHECK(to_json(empty, frame).find("perplexity")->is_null());
}

TEST_CASE("a document on a line has nothing that a terminal obeys, and a width in columns") {
  DocumentScore document;
  document.score = {.tokens = 1, .words = 1, .bytes = 3, .nats = FixedSum(0), .text_nats = FixedSum(0)};
  document.document = "\x1B]0;x\a\x7F\xC2\x9B\xFF\\";
  const std::string shown = "\\x1b]0;x\\x07\\x7f\\u009b\\xff\\\\";
  CHECK(tsv_of(document) == "1\t0\t1\t1\t3\t" + shown + "\n");
  CHECK(to_text(document) == "        1.00        1  " + shown + "\n");
  document.document.clear();
  std::string thirty;
  for (int i = 0; i < 40; ++i) {
    document.document += "\xE6\x9C\xBA";  // two columns
    if (i < 30) thirty += "\xE6\x9C\xBA";
  }
  CHECK(to_text(document) == "        1.00        1  " + thirty + "...\n");
  document.document = thirty;
  CHECK(to_text(document) == "        1.00        1  " + thirty + "\n");
}

TEST_CASE("perplexities beyond a double are inf, and large ones whole") {
  CorpusScore corpus;
  corpus.documents = 2;
  corpus.score = {.tokens = 10, .words = 1, .bytes = 40, .nats = FixedSum(500), .text_nats = FixedSum(500)};
  const ReportFrame frame;
  const std::string text = to_text(corpus, frame, Macro::no);
  CHECK(text.find("\nperplexity       5.18471e+21\n") != std::string::npos);   // exp(50)
  CHECK(text.find("\nword perplexity  1.40359e+217\n") != std::string::npos);  // exp(500)
  corpus.score.nats = FixedSum(8000);
  corpus.perplexity_sum = std::exp(800.0);
  corpus.perplexity_count = 2;
  for (const bool pseudo : {false, true}) {
    const ReportFrame scored{.protocol = {}, .pseudo = pseudo};
    const std::string prefix = pseudo ? "pseudo_" : "";
    const JsonValue json = to_json(corpus, scored, Macro::yes);
    for (const char* key : {"perplexity", "word_perplexity", "macro_perplexity"}) {
      CAPTURE(key);
      CHECK(json.string_at(prefix + key, "") == "inf");
    }
    CHECK(json.number_at(prefix + "loss", "") == 800.0);
    CHECK(to_text(corpus, scored, Macro::yes).find("perplexity inf\n") != std::string::npos);
  }
  DocumentScore document;
  document.score = corpus.score;
  document.document = "x";
  CHECK(to_json(document, frame).string_at("perplexity", "") == "inf");
  CHECK(tsv_of(document) == "inf\t8000\t10\t1\t40\tx\n");
  CHECK(to_text(document) == "         inf       10  x\n");
  DocumentScore large;
  large.score = {.tokens = 1, .words = 1, .bytes = 1, .nats = FixedSum(300), .text_nats = FixedSum(300)};
  large.document = "x";
  CHECK(to_text(large) == "1.94243e+130        1  x\n");
}
