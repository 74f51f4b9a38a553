#include "tasks/evaluate/limits.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/token_file.h"
#include "stats/mean.h"
#include "support/string_output.h"
#include "support/test_data.h"
#include "tasks/evaluate/calibration_report.h"
#include "tasks/evaluate/evaluate_and_report.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

const std::string kText =
    "a text of some lines, with letters\nthat come more often than others\n\nso that abab is frequent and z is not\n";

std::vector<JsonValue> rows_of(const TextModel& model, EvaluationRequest request, const std::string& text = kText) {
  test::TemporaryFolder folder;
  test::put(folder.path("text"), text);
  request.inputs = {folder.path("text")};
  request.documents = parse_document_kind("line");
  request.form = ReportForm::json;
  Compute compute(2, best_simd_tier());
  test::StringOutput output;
  evaluate_and_report(compute, model, request, {.report = output}, [](std::int64_t, const char*) {});
  std::vector<JsonValue> rows;
  std::istringstream lines(output.text);
  for (std::string line; std::getline(lines, line);) rows.push_back(JsonValue::parse(line, "report"));
  return rows;
}

/// A stream of which byte b is there counts[b] times.
void write_tokens(const std::string& path, const TextModel& model, const std::vector<std::int64_t>& counts) {
  const std::unique_ptr<OutputStream> output = open_output(path);
  TokenWriter writer(*output, {.vocab_size = model.tokenizer.vocab_size(),
                               .end_of_text = model.tokenizer.end_of_text(),
                               .fingerprint = model.tokenizer.fingerprint()});
  for (std::size_t byte = 0; byte < counts.size(); ++byte)
    writer.write(std::vector<TokenId>(static_cast<std::size_t>(counts[byte]), static_cast<TokenId>(byte + 1)));
  writer.end_document();
  writer.finish();
  output->close();
}

}  // namespace

TEST_CASE("the probabilities of all ids sum to 1") {
  const TextModel model = test::special_model("causal");
  Compute compute(1, best_simd_tier());
  SequenceScorer scorer(compute, model.parameters(), 4, 64, {.all = true});
  std::vector<ScoredSequence> sequences;
  for (TokenId id = 0; static_cast<std::int64_t>(id) < model.config().vocab_size; ++id)
    sequences.push_back({.input = {0, 70, 71}, .targets = {{.place = 2, .token = id}}});
  double sum = 0, entropy = 0;
  const std::vector<std::vector<TargetScore>> scores = scorer.score(sequences);
  for (const std::vector<TargetScore>& score : scores) {
    sum += std::exp(-score.front().nats);
    entropy += std::exp(-score.front().nats) * score.front().nats;
  }
  CHECK(std::abs(sum - 1) < 1e-6);
  CHECK(std::abs(scores.front().front().entropy - entropy) < 1e-6 * entropy);
}

TEST_CASE("a model without a preference has perplexity V, entropy ln V and V continuations") {
  TextModel model = test::special_model("causal");
  const TensorView<float> head = model.model.parameters.head;
  std::fill_n(head.data(), head.size(), 0.0f);
  const auto v = static_cast<double>(model.config().vocab_size);
  const JsonValue row = rows_of(model, {.limits = {.against = &model, .calibration = true, .continuations = true}}).front();
  CHECK(row.number_at("perplexity", "") == doctest::Approx(v).epsilon(1e-6));
  const JsonValue& continuations = *row.find("continuations");
  const JsonValue& entropy = *continuations.find("entropy");
  CHECK(entropy.number_at("mean", "") == doctest::Approx(std::log(v)).epsilon(1e-6));
  CHECK(std::abs(entropy.number_at("p50", "") - std::log(v)) <= 0.0005);
  CHECK(continuations.find("effective")->number_at("mean", "") == doctest::Approx(v).epsilon(1e-5));
  for (const char* key : {"mean", "p10", "p90"}) CHECK(continuations.find("likely")->number_at(key, "") == v);
  CHECK(continuations.number_at("open", "") == 1);
  CHECK(row.find("comparison")->number_at("agreement", "") == 1);
  // Id 0, the first of equals, is never the target: accuracy 0 where 1 / V is expected.
  CHECK(row.find("calibration")->number_at("expected_calibration_error", "") == doctest::Approx(1 / v).epsilon(1e-5));
}

TEST_CASE("calibration of a case made by hand: bins of equal count and the mean of their gaps") {
  Calibration calibration;
  for (int i = 0; i < 30; ++i) calibration.add(0.5 + i / 100.0, i % 3 == 0);  // bin k has p 0.5 + 2k/100 and the next
  const JsonValue json = to_json(calibration);
  const JsonValue::Array& bins = *json.find("bins")->if_array();
  REQUIRE(bins.size() == 15);
  double error = 0;
  for (std::size_t k = 0; k < 15; ++k) {
    const double mean_p = 0.505 + 0.02 * static_cast<double>(k);
    const double accuracy = (2 * k % 3 == 0 || (2 * k + 1) % 3 == 0) ? 0.5 : 0.0;
    CHECK(bins[k].integer_at("count", "") == 2);
    CHECK(bins[k].number_at("mean_p", "") == doctest::Approx(mean_p).epsilon(1e-12));
    CHECK(bins[k].number_at("accuracy", "") == accuracy);
    error += std::abs(accuracy - mean_p) / 15;
  }
  CHECK(json.number_at("expected_calibration_error", "") == doctest::Approx(error).epsilon(1e-12));
  CHECK(to_text(calibration).starts_with("calibration      0."));
  CHECK(to_json(Calibration()).find("expected_calibration_error")->is_null());
}

TEST_CASE("buckets by frequency are those of a naive count of the streams, and their losses those of the tokens") {
  const TextModel model = test::special_model("causal");
  std::vector<std::int64_t> counts(256, 0);
  const std::vector<std::pair<char, std::int64_t>> given = {{' ', 2500}, {'e', 100}, {'t', 99},
                                                            {'o', 10},   {'n', 9},   {'s', 1}};
  for (const auto& [letter, count] : given) counts[static_cast<unsigned char>(letter)] = count;
  test::TemporaryFolder folder;
  write_tokens(folder.path("one"), model, counts);
  write_tokens(folder.path("two"), model, std::vector<std::int64_t>(256, 0));
  const JsonValue corpus = rows_of(model, {.limits = {.frequency = {folder.path("one"), folder.path("two")}}}).back();
  const auto decade = [](std::int64_t count) {
    return count == 0 ? std::int64_t{0} : static_cast<std::int64_t>(std::pow(10, std::floor(std::log10(count))));
  };
  struct Naive {
    double tokens = 0, nats = 0, hits = 0, target_p = 0;
  };
  std::vector<std::pair<std::int64_t, Naive>> naive;
  for (const std::int64_t from : {0, 1, 10, 100, 1000}) naive.push_back({from, {}});
  for (const JsonValue& token : rows_of(model, {.levels = {Level::token}})) {
    const auto id = static_cast<std::size_t>(token.integer_at("id", ""));
    const std::int64_t from = decade(id >= 1 && id <= 256 ? counts[id - 1] : 0);
    Naive& bucket = std::find_if(naive.begin(), naive.end(), [&](const auto& b) { return b.first == from; })->second;
    bucket.tokens += 1;
    bucket.nats -= token.number_at("log_p", "");
    bucket.target_p += std::exp(token.number_at("log_p", ""));
    bucket.hits += token.integer_at("id", "") == token.integer_at("likeliest", "") ? 1 : 0;
  }
  const JsonValue::Array& buckets = *corpus.find("frequency")->if_array();
  REQUIRE(buckets.size() == naive.size());
  for (std::size_t i = 0; i < naive.size(); ++i) {
    const auto& [from, expected] = naive[i];
    CHECK(buckets[i].integer_at("from", "") == from);
    CHECK(buckets[i].integer_at("to", "") == (from == 0 ? 0 : 10 * from - 1));
    CHECK(buckets[i].number_at("tokens", "") == expected.tokens);
    CHECK(buckets[i].number_at("loss", "") == doctest::Approx(expected.nats / expected.tokens).epsilon(1e-9));
    CHECK(buckets[i].number_at("accuracy", "") == doctest::Approx(expected.hits / expected.tokens));
    CHECK(buckets[i].number_at("mean_target_p", "") == doctest::Approx(expected.target_p / expected.tokens).epsilon(1e-9));
    CHECK(buckets[i].number_at("mean_p", "") >= buckets[i].number_at("mean_target_p", ""));
  }
  const std::vector<std::int64_t> counted = count_tokens({folder.path("one"), folder.path("two")}, model.tokenizer);
  CHECK(counted[0] == 2);  // the end-of-text of both
  CHECK(counted[' ' + 1] == 2500);
}

TEST_CASE("token streams of another tokenizer, and files that are none, are refused") {
  const TextModel model = test::special_model("causal");
  test::TemporaryFolder folder;
  write_tokens(folder.path("other"), test::byte_model(), {1, 2});
  test::put(folder.path("text"), "no token stream");
  for (const char* name : {"other", "text", "missing"}) {
    CAPTURE(name);
    CHECK_THROWS_AS(count_tokens({folder.path(name)}, model.tokenizer), Error);
  }
}

TEST_CASE("continuations are the means and quantiles of what tokens' rows say") {
  const TextModel model = test::special_model("causal");
  const std::vector<JsonValue> rows =
      rows_of(model, {.levels = {Level::corpus, Level::token}, .limits = {.continuations = true}});
  std::vector<double> entropy, effective, likely;
  double open = 0;
  for (std::size_t i = 0; i + 1 < rows.size(); ++i) {
    entropy.push_back(rows[i].number_at("entropy", ""));
    effective.push_back(rows[i].number_at("effective", ""));
    likely.push_back(rows[i].number_at("likely", ""));
    open += likely.back() >= 2 ? 1 : 0;
    CHECK(effective.back() == doctest::Approx(std::exp(entropy.back())).epsilon(1e-12));
  }
  const JsonValue& all = *rows.back().find("continuations");
  CHECK(all.number_at("tokens", "") == static_cast<double>(entropy.size()));
  CHECK(all.find("entropy")->number_at("mean", "") == doctest::Approx(mean(entropy)).epsilon(1e-9));
  CHECK(all.find("effective")->number_at("mean", "") == doctest::Approx(mean(effective)).epsilon(1e-9));
  CHECK(all.find("likely")->number_at("mean", "") == doctest::Approx(mean(likely)).epsilon(1e-9));
  CHECK(all.number_at("open", "") == doctest::Approx(open / static_cast<double>(likely.size())));
  const std::vector<std::pair<const char*, double>> places = {{"p10", 0.1}, {"p50", 0.5}, {"p90", 0.9}};
  for (const auto& [key, q] : places) {
    CHECK(std::abs(all.find("entropy")->number_at(key, "") - quantile(entropy, q)) <= 0.0005);
    CHECK(all.find("effective")->number_at(key, "") == doctest::Approx(quantile(effective, q)).epsilon(0.001));
    CHECK(all.find("likely")->number_at(key, "") == quantile(likely, q));
  }
}

TEST_CASE("all of it is found in one pass, in each form, and says so if nothing was scored") {
  const TextModel model = test::special_model("causal"), other = test::special_model("causal", 24, 9);
  test::TemporaryFolder folder;
  write_tokens(folder.path("tokens"), model, {3, 4});
  EvaluationRequest request{
      .levels = {Level::corpus, Level::document},
      .limits = {.against = &other, .calibration = true, .continuations = true, .frequency = {folder.path("tokens")}}};
  for (const std::string& text : {kText, std::string("\n")}) {
    const JsonValue row = rows_of(model, request, text).back();
    for (const char* key : {"comparison", "calibration", "frequency", "continuations"}) CHECK(row.find(key) != nullptr);
  }
  Compute compute(1, best_simd_tier());
  test::put(folder.path("text"), kText);
  request.inputs = {folder.path("text")};
  test::StringOutput text;
  evaluate_and_report(compute, model, request, {.report = text}, [](std::int64_t, const char*) {});
  for (const char* line : {"\nagainst  ", "\nwins  ", "\ncalibration  ", "\nby frequency  ", "\nopen  "})
    CHECK(text.text.find(line) != std::string::npos);
  request.form = ReportForm::tsv;
  request.header = true;
  request.limits = {.against = &other};
  test::StringOutput table;
  evaluate_and_report(compute, model, request, {.report = table}, [](std::int64_t, const char*) {});
  CHECK(table.text.starts_with(
      "level\tperplexity\tnats\ttokens\twords\tbytes\tdocuments\tdocument\tagainst_nats\tdifference\tkl\tagreement\n"));
}
