#include "tasks/evaluate/comparison.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/token_file.h"
#include "model/decode.h"
#include "model/kv_cache.h"
#include "stats/mean.h"
#include "support/memory_limit.h"
#include "support/string_output.h"
#include "support/test_data.h"
#include "tasks/byte_model.h"
#include "tasks/evaluate/evaluate_and_report.h"
#include "tasks/evaluate/second_model.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

/// (tokens - 1, ids) log p of what follows each token but the last, over the first `ids` of the decoder's logits.
std::vector<std::vector<double>> distributions(const TextModel& model, const std::vector<TokenId>& tokens,
                                               std::int64_t ids) {
  Compute compute(1, best_simd_tier());
  Decoder decoder(compute, model.parameters());
  KVCache cache(model.config(), model.config().context_length);
  std::vector<std::vector<double>> all;
  for (std::size_t i = 0; i + 1 < tokens.size(); ++i) {
    const TensorView<const float> logits = decoder.step(cache, tokens[i]);
    double sum = 0;
    for (std::int64_t v = 0; v < ids; ++v) sum += std::exp(static_cast<double>(logits[v]));
    std::vector<double>& row = all.emplace_back();
    for (std::int64_t v = 0; v < ids; ++v) row.push_back(static_cast<double>(logits[v]) - std::log(sum));
  }
  return all;
}

/// Sums over a document's tokens.
struct Expected {
  double tokens = 0, first = 0, second = 0, kl = 0, kl_reverse = 0, agreements = 0;
};

/// The definition, of a text that fits the context.
Expected by_definition(const TextModel& first, const TextModel& second, const std::string& text) {
  std::vector<TokenId> tokens = {first.tokenizer.end_of_text()};
  for (const TokenId id : first.tokenizer.encode(text)) tokens.push_back(id);
  const std::int64_t common = common_ids(first, second);
  const auto p = distributions(first, tokens, common), q = distributions(second, tokens, common);
  const auto all_p = distributions(first, tokens, first.config().vocab_size);
  const auto all_q = distributions(second, tokens, second.config().vocab_size);
  Expected sums;
  for (std::size_t i = 0; i < p.size(); ++i) {
    sums.tokens += 1;
    sums.first -= all_p[i][tokens[i + 1]];
    sums.second -= all_q[i][tokens[i + 1]];
    for (std::size_t v = 0; v < p[i].size(); ++v) {
      sums.kl += std::exp(p[i][v]) * (p[i][v] - q[i][v]);
      sums.kl_reverse += std::exp(q[i][v]) * (q[i][v] - p[i][v]);
    }
    const auto best = [](const std::vector<double>& row) { return std::max_element(row.begin(), row.end()) - row.begin(); };
    sums.agreements += best(p[i]) == best(q[i]) ? 1 : 0;
  }
  return sums;
}

/// The rows of a report of JSON.
std::vector<JsonValue> rows_of(const TextModel& first, const TextModel& second, const std::string& text,
                               EvaluationRequest request = {}) {
  test::TemporaryFolder folder;
  test::put(folder.path("text"), text);
  request.inputs = {folder.path("text")};
  request.documents = parse_document_kind("line");
  request.levels = {Level::corpus, Level::document};
  request.form = ReportForm::json;
  request.limits.against = &second;
  Compute compute(2, best_simd_tier());
  test::StringOutput output;
  evaluate_and_report(compute, first, request, {.report = output}, [](std::int64_t, const char*) {});
  std::vector<JsonValue> rows;
  std::istringstream lines(output.text);
  for (std::string line; std::getline(lines, line);) rows.push_back(JsonValue::parse(line, "report"));
  return rows;
}

/// Lines of 1 to 20 letters.
std::vector<std::string> lines_of(int count) {
  std::vector<std::string> lines;
  for (int i = 0; i < count; ++i) {
    std::string& line = lines.emplace_back();
    for (int k = 0; k < 1 + i * 7 % 20; ++k) line += static_cast<char>('a' + (i * 5 + k * k) % 26);
  }
  return lines;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TextModel with_rows(TextModel model, std::int64_t vocab_size, std::uint64_t seed) {
  model.model.record.config.vocab_size = vocab_size;
  model.model.parameters = Parameters<float>(model.model.record.config);
  test::randomise(model.model.parameters, seed, 0.3);
  return model;
}

bool near(double a, double b) { return std::abs(a - b) <= 2e-5 * std::max(1.0, std::abs(b)); }  // float logits

void check_against_definition(const TextModel& first, const TextModel& second) {
  const std::vector<std::string> lines = lines_of(30);
  const std::vector<JsonValue> rows = rows_of(first, second, joined(lines));
  REQUIRE(rows.size() == lines.size() + 1);
  Expected total;
  std::vector<double> a, b, tokens;
  double wins = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Expected expected = by_definition(first, second, lines[i]);
    CHECK(near(rows[i].number_at("against_nats", ""), expected.second));
    CHECK(near(rows[i].number_at("difference", ""), (expected.first - expected.second) / expected.tokens));
    CHECK(near(rows[i].number_at("kl", ""), expected.kl / expected.tokens));
    CHECK(near(rows[i].number_at("agreement", ""), expected.agreements / expected.tokens));
    a.push_back(expected.first);
    b.push_back(expected.second);
    tokens.push_back(expected.tokens);
    wins += expected.first < expected.second ? 1 : 0;
    total.tokens += expected.tokens;
    total.kl += expected.kl;
    total.kl_reverse += expected.kl_reverse;
    total.agreements += expected.agreements;
  }
  const JsonValue& comparison = *rows.back().find("comparison");
  const Estimate estimate = estimate_paired_difference(a, b, tokens);
  CHECK(comparison.number_at("tokens", "") == total.tokens);
  CHECK(comparison.integer_at("documents", "") == 30);
  CHECK(near(comparison.number_at("difference", ""), estimate.value));
  CHECK(near(comparison.number_at("standard_error", ""), estimate.standard_error));
  CHECK(near(comparison.number_at("low", ""), estimate.interval.low));
  CHECK(near(comparison.number_at("high", ""), estimate.interval.high));
  CHECK(comparison.string_at("over", "") == "documents");
  // All of these tokens are a byte or two, and none is special.
  CHECK(near(comparison.number_at("bits_per_byte_difference", ""),
             estimate.value * total.tokens / static_cast<double>(joined(lines).size() - lines.size()) / std::numbers::ln2));
  CHECK(comparison.number_at("wins", "") == wins / 30);
  CHECK(comparison.number_at("kl", "") >= 0);
  CHECK(near(comparison.number_at("kl", ""), total.kl / total.tokens));
  CHECK(near(comparison.number_at("kl_reverse", ""), total.kl_reverse / total.tokens));
  CHECK(near(comparison.number_at("agreement", ""), total.agreements / total.tokens));
  CHECK(rows.back().string_at("against", "") == second.path());
  CHECK(rows.back().string_at("name", "") == first.path());
}

}  // namespace

TEST_CASE("differences, KL, agreement and the interval are those of two decoders' distributions") {
  check_against_definition(test::special_model("causal", 24, 41), test::special_model("causal", 24, 77));
}

TEST_CASE("models whose rows differ are compared over the tokenizer's ids, in chunks of either's size") {
  const TextModel model = test::special_model("causal", 24, 41);
  const std::int64_t ids = model.tokenizer.vocab_size();
  CHECK(common_ids(model, model) == ids);
  const TextModel padded = with_rows(test::special_model("causal"), ids + 9, 5);
  CHECK(common_ids(model, padded) == ids);
  check_against_definition(model, padded);
  check_against_definition(padded, model);
  const TextModel wide = with_rows(test::special_model("causal"), 40000, 6);  // whose chunks have fewer rows
  check_against_definition(model, wide);
  CHECK(common_ids(padded, wide) == ids);
}

TEST_CASE("a model against itself differs in nothing") {
  const TextModel model = test::special_model("causal");
  const std::vector<JsonValue> rows = rows_of(model, model, joined(lines_of(25)));
  const JsonValue& comparison = *rows.back().find("comparison");
  for (const char* key : {"difference", "standard_error", "low", "high", "bits_per_byte_difference", "kl", "kl_reverse"}) {
    CAPTURE(key);
    CHECK(comparison.number_at(key, "") == 0);
  }
  CHECK(comparison.number_at("agreement", "") == 1);
  CHECK(comparison.number_at("wins", "") == 0.5);
}

TEST_CASE("the interval of few documents is over blocks of windows, and there is none of one block") {
  const TextModel first = test::special_model("causal", 24, 41), second = test::special_model("causal", 24, 77);
  std::string text;
  for (const std::string& line : lines_of(300)) text += line + " ";
  const JsonValue row = rows_of(first, second, text + "\n").back();
  CHECK(row.find("comparison")->string_at("over", "") == "blocks");
  CHECK(row.find("comparison")->number_at("standard_error", "") > 0);
  const JsonValue short_row = rows_of(first, second, "abc\n").back();
  for (const char* key : {"standard_error", "low", "high", "over"})
    CHECK(short_row.find("comparison")->find(key)->is_null());
  const JsonValue nothing = rows_of(first, second, "\n").back();
  for (const char* key : {"difference", "wins", "kl", "agreement"}) CHECK(nothing.find("comparison")->find(key)->is_null());
}

TEST_CASE("every protocol applies to both models, and the context is one that both have") {
  const TextModel first = test::special_model("causal", 24, 41), second = test::special_model("causal", 16, 77);
  const std::string text = joined(lines_of(200));
  for (const Protocol protocol : {Protocol::strided, Protocol::hf_stride, Protocol::lm_eval, Protocol::llama_cpp}) {
    CAPTURE(to_string(protocol));
    EvaluationRequest request{.plan = {.protocol = protocol, .stride = protocol == Protocol::hf_stride ? 8 : 0}};
    const JsonValue row = rows_of(first, second, text, request).back();
    request.plan.context = 16;
    const JsonValue alone = rows_of(second, second, text, request).back();
    const JsonValue& comparison = *row.find("comparison");
    CHECK(row.string_at("protocol", "").find("context 16") != std::string::npos);
    CHECK(comparison.string_at("protocol", "") == row.string_at("protocol", ""));
    if (row.integer_at("tokens", "") == 0) continue;
    CHECK(near(comparison.number_at("difference", ""), row.number_at("loss", "") - alone.number_at("loss", "")));
    CHECK(near(comparison.number_at("bits_per_byte_difference", ""),
               row.number_at("bits_per_byte", "") - alone.number_at("bits_per_byte", "")));
  }
  CHECK_THROWS_AS(rows_of(first, second, text, {.plan = {.context = 24}}), Error);
}

TEST_CASE("models of different tokenizers are compared by bytes of the same documents") {
  const TextModel first = test::byte_model(24, 5), second = test::byte_model(20, 0, 0.25);
  REQUIRE(!shares_windows(first, second));
  const std::vector<std::string> lines = lines_of(40);
  const std::vector<JsonValue> rows = rows_of(first, second, joined(lines));
  const std::vector<JsonValue> other = rows_of(second, second, joined(lines));
  REQUIRE(rows.size() == 41);
  std::vector<double> a, b, bytes;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    CHECK(rows[i].string_at("document", "") == lines[i]);
    CHECK(rows[i].number_at("against_nats", "") == other[i].number_at("nats", ""));
    CHECK(rows[i].find("kl") == nullptr);
    a.push_back(rows[i].number_at("nats", "") / std::numbers::ln2);
    b.push_back(other[i].number_at("nats", "") / std::numbers::ln2);
    bytes.push_back(rows[i].number_at("bytes", ""));
    CHECK(near(rows[i].number_at("difference", ""), (a.back() - b.back()) / bytes.back()));
  }
  const Estimate estimate = estimate_paired_difference(a, b, bytes);
  const JsonValue& comparison = *rows.back().find("comparison");
  CHECK(near(comparison.number_at("difference", ""), estimate.value));
  CHECK(comparison.number_at("difference", "") == comparison.number_at("bits_per_byte_difference", ""));
  CHECK(comparison.string_at("unit", "") == "bits a byte");
  CHECK(near(comparison.number_at("standard_error", ""), estimate.standard_error));
  CHECK(near(comparison.number_at("high", ""), estimate.interval.high));
  for (const char* key : {"kl", "kl_reverse", "agreement"}) CHECK(comparison.find(key)->is_null());
  const JsonValue few = rows_of(first, second, "abcabcabc\nabc\n").back();
  CHECK(few.find("comparison")->find("over")->is_null());
}

TEST_CASE("a token stream has no text for a second tokenizer") {
  const TextModel first = test::byte_model(24, 5), second = test::byte_model();
  test::TemporaryFolder folder;
  {
    const std::unique_ptr<OutputStream> output = open_output(folder.path("tokens"));
    TokenWriter writer(*output, {.vocab_size = first.tokenizer.vocab_size(),
                                 .end_of_text = first.tokenizer.end_of_text(),
                                 .fingerprint = first.tokenizer.fingerprint()});
    writer.write(first.tokenizer.encode("some text"));
    writer.end_document();
    writer.finish();
    output->close();
  }
  Compute compute(1, best_simd_tier());
  test::StringOutput output;
  const EvaluationRequest request{.inputs = {folder.path("tokens")}, .limits = {.against = &second}};
  CHECK_THROWS_AS(evaluate_and_report(compute, first, request, {.report = output}, [](std::int64_t, const char*) {}), Error);
}

TEST_CASE("comparing takes the memory of a chunk of logits, not of all rows") {
  const TextModel first = with_rows(test::special_model("causal"), 20000, 1);
  const TextModel second = with_rows(test::special_model("causal"), 20000, 2);
  std::vector<ScoredSequence> sequences(2048 / 16);
  for (ScoredSequence& sequence : sequences) {
    for (std::int64_t place = 0; place < 16; ++place) {
      sequence.input.push_back(static_cast<TokenId>(place));
      sequence.targets.push_back({.place = place, .token = 1});
    }
  }
  // All rows would take 164 MB a model; a chunk is of 256 rows, 20 MB.
  const test::Outcome outcome = test::with_memory_limit(std::uint64_t{120} << 20, [&] {
    Compute compute(1, best_simd_tier());
    SequenceScorer scorer(compute, first.parameters(), 16, 2048, {.against = &second.parameters(), .common_ids = 20000});
    LM_CHECK(scorer.score(sequences).size() == sequences.size());
  });
  CHECK(outcome == test::Outcome::accepted);
}
