#include "tasks/evaluate/evaluate_and_report.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>

#include "base/error.h"
#include "support/string_output.h"
#include "support/test_data.h"
#include "tasks/special_model.h"

using namespace lm;

namespace {

struct Reports {
  std::string report, rejected;
};

Reports report_of(const TextModel& model, EvaluationRequest request, const std::string& text, const char* kind = "line") {
  test::TemporaryFolder folder;
  std::ofstream(folder.path("text")) << text;
  request.inputs = {folder.path("text")};
  request.documents = parse_document_kind(kind);
  Compute compute(1, best_simd_tier());
  test::StringOutput output, rejected;
  Reports reports;
  evaluate_and_report(compute, model, request, {.report = output, .rejected = &rejected}, [](std::int64_t, const char*) {});
  reports.report = output.text;
  reports.rejected = rejected.text;
  return reports;
}

}  // namespace

TEST_CASE("a model is scored by default as it was trained, as far as it can be") {
  CHECK(default_scoring(test::special_model("causal")) == Scoring::left_to_right);
  CHECK(default_scoring(test::special_model("causal:0.5,masked:0.5")) == Scoring::left_to_right);
  CHECK(default_scoring(test::special_model("masked")) == Scoring::pseudo);
  CHECK(default_scoring(test::special_model("span")) == Scoring::span);
}

TEST_CASE("the corpus has one report in each form") {
  const TextModel model = test::special_model("causal");
  const Reports text = report_of(model, {}, "one\ntwo\n");
  CHECK(text.report.starts_with("documents        2\n"));
  CHECK(report_of(model, {.form = ReportForm::json}, "one\ntwo\n").report.starts_with("{\"documents\":2,"));
  CHECK(report_of(model, {.form = ReportForm::tsv, .header = true}, "one\n").report.starts_with("perplexity\tnats\t"));
}

TEST_CASE("each document has a line, in one of two outputs by its perplexity") {
  const TextModel model = test::special_model("causal");
  const EvaluationRequest by_document{.levels = {Level::document}, .form = ReportForm::tsv, .header = true};
  const Reports all = report_of(model, by_document, "one\ntwo\n\n");
  CHECK(std::count(all.report.begin(), all.report.end(), '\n') == 4);
  CHECK(all.rejected == all.report.substr(0, all.report.find('\n') + 1));
  EvaluationRequest none = by_document;
  none.filter.max_perplexity = 1;
  const Reports rejected = report_of(model, none, "one\ntwo\n\n");
  CHECK(rejected.rejected == all.report);  // what has no perplexity is not below a limit either
  none.filter.max_perplexity = {};
  none.filter.min_perplexity = 1e9;
  const Reports unscored = report_of(model, none, "one\ntwo\n\n");
  CHECK(std::count(unscored.report.begin(), unscored.report.end(), '\n') == 2);  // nor below another
}

TEST_CASE("a document that came in JSON keeps its members and gains its scores") {
  const TextModel model = test::special_model("causal");
  const EvaluationRequest request{.levels = {Level::document}, .form = ReportForm::json};
  const Reports reports =
      report_of(model, request, "{\"id\": 7, \"text\": \"one\", \"meta\": [1.50, {}]} \n\"two\"\n", "jsonl");
  CHECK(reports.report.starts_with(
      "{\"id\": 7, \"text\": \"one\", \"meta\": [1.50, {}],\"scores\":{\"document_id\":0,\"tokens\":"));
  CHECK(reports.report.find("\n{\"text\":\"two\",\"scores\":{\"document_id\":1,") != std::string::npos);
  CHECK_THROWS_AS(report_of(model, request, "{\"text\": \"one\", \"scores\": 1}\n", "jsonl"), Error);
  const std::string array =
      report_of(model, request, "[{\"id\": 1,\n  \"text\": \"one\"},\r\n{\"text\": \"\"}]", "jsonl").report;
  CHECK(std::count(array.begin(), array.end(), '\n') == 2);
  const EvaluationRequest levels{.levels = {Level::corpus, Level::document}, .form = ReportForm::json};
  CHECK_THROWS_AS(report_of(model, levels, "{\"text\": \"one\", \"level\": 1}\n", "jsonl"), Error);
}

TEST_CASE("several levels share one table, each document's words and tokens before it") {
  const TextModel model = test::special_model("causal");
  EvaluationRequest request{.levels = {Level::corpus, Level::document, Level::word, Level::token}, .form = ReportForm::tsv};
  request.header = true;
  const std::string report = report_of(model, request, "a b\nc\n").report;
  CHECK(
      report.starts_with("level\tperplexity\tnats\ttokens\twords\tbytes\tdocuments\tdocument\tdocument_id\tindex\tword\t"));
  std::string levels;
  const std::size_t columns =
      1 + static_cast<std::size_t>(
              std::count(report.begin(), report.begin() + static_cast<std::ptrdiff_t>(report.find('\n')), '\t'));
  std::istringstream lines(report);
  for (std::string line; std::getline(lines, line);) {
    levels += line.substr(0, 1);
    CHECK(1 + static_cast<std::size_t>(std::count(line.begin(), line.end(), '\t')) == columns);
  }
  CHECK(levels.starts_with("lt"));
  CHECK(levels.ends_with("dc"));
  CHECK(std::count(levels.begin(), levels.end(), 'w') == 3);
  CHECK(std::count(levels.begin(), levels.end(), 'd') == 2);
  request.form = ReportForm::json;
  request.header = false;
  CHECK(report_of(model, request, "a b\nc\n").report.starts_with("{\"level\":\"token\",\"document_id\":0,\"index\":0,"));
}

TEST_CASE("reports of parts add up to the report of the whole, digit by digit, whatever the split") {
  const TextModel model = test::special_model("causal");
  const EvaluationRequest request{.form = ReportForm::json};
  std::vector<std::string> lines;
  for (int i = 0; i < 50; ++i)
    lines.push_back(std::string(static_cast<std::size_t>(1 + i % 13), static_cast<char>('a' + i % 7)) + " x\n");
  std::string all;
  for (const std::string& line : lines) all += line;
  const std::string whole = report_of(model, request, all).report;
  CHECK(whole.find("\"standard_error_over\":\"documents\"") != std::string::npos);
  test::TemporaryFolder folder;
  for (const std::size_t size : {1, 7, 19, 50}) {
    std::vector<std::string> parts;
    for (std::size_t first = 0; first < lines.size(); first += size) {
      std::string part;
      for (std::size_t i = first; i < std::min(lines.size(), first + size); ++i) part += lines[i];
      parts.push_back(folder.path("part" + std::to_string(first)));
      test::put(parts.back(), report_of(model, request, part).report);
    }
    test::StringOutput merged;
    merge_and_report(parts, ReportForm::json, false, merged);
    CHECK(merged.text == whole);
  }
  const TextModel other = test::special_model("causal:0.5,masked:0.5");
  test::put(folder.path("whole"), whole);
  test::put(folder.path("other"), report_of(other, {.plan = {.context = 8}, .form = ReportForm::json}, all).report);
  test::StringOutput merged;
  CHECK_THROWS_AS(merge_and_report({folder.path("whole"), folder.path("other")}, ReportForm::json, false, merged), Error);
  test::put(folder.path("none"), "{\"documents\":1}\n");
  CHECK_THROWS_AS(merge_and_report({folder.path("none")}, ReportForm::json, false, merged), Error);
}

TEST_CASE("what is scored decides what is read and reported") {
  const Reports span = report_of(test::special_model("span"), {.scoring = Scoring::span}, "some text to hide\n");
  CHECK(span.report.find("span loss") != std::string::npos);
  const Reports pseudo = report_of(test::special_model("masked"),
                                   {.scoring = Scoring::pseudo, .plan = {.pseudo = Pseudo::token}}, "some text\n");
  CHECK(pseudo.report.find("pseudo-perplexity") != std::string::npos);
  const Reports infilling = report_of(test::special_model("fim"), {.scoring = Scoring::infilling},
                                      R"({"prompt":"ab","suffix":"cd","canonical_solution":"xy"})"
                                      "\n");
  CHECK(infilling.report.starts_with("tasks            1\n"));
  CHECK_THROWS_AS(report_of(test::special_model("causal"), {.scoring = Scoring::span}, "x\n"), Error);
}
