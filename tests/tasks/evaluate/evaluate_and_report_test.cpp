#include "tasks/evaluate/evaluate_and_report.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <fstream>
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

Reports evaluate(const TextModel& model, EvaluationRequest request, const std::string& text) {
  test::TemporaryFolder folder;
  std::ofstream(folder.path("text")) << text;
  request.inputs = {folder.path("text")};
  request.documents = parse_document_kind("line");
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
  const Reports text = evaluate(model, {}, "one\ntwo\n");
  CHECK(text.report.starts_with("documents        2\n"));
  CHECK(evaluate(model, {.form = ReportForm::json}, "one\ntwo\n").report.starts_with("{\"documents\":2,"));
  CHECK(evaluate(model, {.form = ReportForm::tsv, .header = true}, "one\n").report.starts_with("perplexity\tnats\t"));
}

TEST_CASE("each document has a line, in one of two outputs by its perplexity") {
  const TextModel model = test::special_model("causal");
  const EvaluationRequest by_document{.level = Level::document, .form = ReportForm::tsv, .header = true};
  const Reports all = evaluate(model, by_document, "one\ntwo\n\n");
  CHECK(std::count(all.report.begin(), all.report.end(), '\n') == 4);
  CHECK(all.rejected == all.report.substr(0, all.report.find('\n') + 1));
  EvaluationRequest none = by_document;
  none.max_perplexity = 1;
  const Reports rejected = evaluate(model, none, "one\ntwo\n\n");
  CHECK(rejected.rejected == all.report);  // what has no perplexity is not below a limit either
  none.max_perplexity = {};
  none.min_perplexity = 1e9;
  const Reports unscored = evaluate(model, none, "one\ntwo\n\n");
  CHECK(std::count(unscored.report.begin(), unscored.report.end(), '\n') == 2);  // nor below another
}

TEST_CASE("what is scored decides what is read and reported") {
  const Reports span = evaluate(test::special_model("span"), {.scoring = Scoring::span}, "some text to hide\n");
  CHECK(span.report.find("span loss") != std::string::npos);
  const Reports pseudo = evaluate(test::special_model("masked"),
                                  {.scoring = Scoring::pseudo, .plan = {.pseudo = Pseudo::token}}, "some text\n");
  CHECK(pseudo.report.find("pseudo-perplexity") != std::string::npos);
  const Reports infilling = evaluate(test::special_model("fim"), {.scoring = Scoring::infilling},
                                     R"({"prompt":"ab","suffix":"cd","canonical_solution":"xy"})"
                                     "\n");
  CHECK(infilling.report.starts_with("tasks            1\n"));
  CHECK_THROWS_AS(evaluate(test::special_model("causal"), {.scoring = Scoring::span}, "x\n"), Error);
}
