#include "tasks/evaluate/judgements.h"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

#include "support/string_output.h"
#include "tasks/evaluate/judgement_report.h"

using namespace lm;

namespace {

/// An item of two candidates, the first of which is right, and wins by the margin.
Judgement won_by(double margin, const std::string& kind = "", const std::string& group = "") {
  Judgement judgement{.scores = {margin, 0}};
  judgement.labels.kind = kind;
  judgement.labels.phenomenon = kind.empty() ? "" : "of " + kind;
  if (!group.empty()) judgement.labels.group = group;
  judge(judgement);
  return judgement;
}

}  // namespace

TEST_CASE("accuracy without groups has Wilson's interval, ties halved, and the margin that of a mean") {
  Tally tally;
  for (const double margin : {2.0, 1.0, 0.0, -1.0}) tally.add(won_by(margin));
  CHECK_FALSE(tally.groups());
  CHECK(tally.accuracy().value == 0.625);
  CHECK(tally.accuracy().interval.low == wilson_interval(2.5, 4).low);
  CHECK(tally.accuracy().interval.high == wilson_interval(2.5, 4).high);
  CHECK(tally.chance() == 0.5);
  const Estimate expected = estimate_mean(std::vector<double>{2, 1, 0, -1});
  CHECK(tally.margin().value == expected.value);
  CHECK(std::abs(tally.margin().interval.low - expected.interval.low) < 1e-12);
}

TEST_CASE("groups are the clusters of both intervals, wherever their items are") {
  Tally tally;
  // Groups a (1 of 2), b (2 of 2), c (0 of 1), and an item without one (right).
  for (const auto& [margin, group] :
       std::vector<std::pair<double, std::string>>{{1, "a"}, {3, "b"}, {-2, "c"}, {-1, "a"}, {5, "b"}, {2, ""}})
    tally.add(won_by(margin, "k", group));
  CHECK(tally.items() == 6);
  CHECK(tally.groups() == 4);
  const std::vector<double> sizes = {2, 2, 1, 1};
  const Estimate accuracy = estimate_ratio(std::vector<double>{1, 2, 0, 1}, sizes);
  CHECK(tally.accuracy().value == accuracy.value);
  CHECK(tally.accuracy().interval.low == accuracy.interval.low);
  CHECK(tally.accuracy().interval.high == 1);  // not beyond
  const Estimate margin = estimate_ratio(std::vector<double>{0, 8, -2, 2}, sizes);
  CHECK(tally.margin().value == margin.value);
  CHECK(tally.margin().interval.high == margin.interval.high);
}

TEST_CASE("groups of the same name in two kinds are two, and if they are alike the interval is not a point") {
  Tally tally;
  for (const char* kind : {"one", "two"}) {
    for (int i = 0; i < 3; ++i) tally.add(won_by(1, kind, "7"));
  }
  CHECK(tally.groups() == 2);
  CHECK(tally.accuracy().value == 1);
  CHECK(tally.accuracy().interval.low == wilson_interval(2, 2).low);
  CHECK(tally.accuracy().interval.high == 1);
  Tally halves;
  for (const char* group : {"a", "a", "b", "b", "c", "c"}) halves.add(won_by(halves.items() % 2 == 0 ? 1 : -1, "k", group));
  CHECK(halves.accuracy().value == 0.5);
  CHECK(halves.accuracy().interval.low == wilson_interval(1.5, 3).low);
}

TEST_CASE("the tables are by kind and phenomenon in the order in which these come, and items without are in none") {
  Judgements judgements;
  for (const char* kind : {"law", "", "code", "law"}) judgements.add(won_by(1, kind));
  CHECK(judgements.total().items() == 4);
  REQUIRE(judgements.by_kind().size() == 2);
  CHECK(judgements.by_kind()[0].kind == "law");
  CHECK(judgements.by_kind()[0].tally.items() == 2);
  CHECK(judgements.by_kind()[1].kind == "code");
  REQUIRE(judgements.by_phenomenon().size() == 2);
  CHECK(judgements.by_phenomenon()[1].phenomenon == "of code");
  const JudgementFrame frame{.task = "cloze", .protocol = "p"};
  const JsonValue json = to_json(judgements, frame);
  CHECK(json.find("cloze")->integer_at("items", "") == 4);
  CHECK((*json.find("by_phenomenon")->if_array())[1].string_at("phenomenon", "") == "of code");
  const std::string text = to_text(judgements, frame);
  CHECK(text.find("\naccuracy         1.0000 (95 % interval 0.5101 to 1.0000)\n") != std::string::npos);
  CHECK(text.find("       2  law\n") != std::string::npos);
  CHECK(text.find("       1  code/of code\n") != std::string::npos);
}

TEST_CASE("of nothing, and of what one item does not say, the numbers are null or undefined") {
  const JudgementFrame frame{.task = "pairs", .protocol = "p"};
  Judgements judgements;
  CHECK(to_json(judgements, frame).find("pairs")->find("accuracy")->is_null());
  CHECK(to_text(judgements, frame).find("margin           undefined\n") != std::string::npos);
  judgements.add(won_by(1.5));
  const JsonValue json = to_json(judgements, frame);
  CHECK(json.find("pairs")->number_at("margin", "") == 1.5);
  CHECK(json.find("pairs")->find("margin_low")->is_null());
  CHECK(to_text(judgements, frame).find("margin           1.5000 nats\n") != std::string::npos);
}

TEST_CASE("last words have perplexities by token and by word") {
  Judgements judgements;
  judgements.add({.scores = {-3}, .tokens = 2, .right = 1});
  judgements.add({.scores = {-5}, .tokens = 1, .right = 0});
  const JudgementFrame frame{.task = "cloze", .last_words = true, .protocol = "p"};
  const JsonValue json = to_json(judgements, frame);
  CHECK(json.find("cloze")->number_at("perplexity", "") == std::exp(8.0 / 3));
  CHECK(json.find("cloze")->number_at("word_perplexity", "") == std::exp(4.0));
  CHECK(json.find("cloze")->number_at("accuracy", "") == 0.5);
  CHECK(json.find("cloze")->find("margin") == nullptr);
}

TEST_CASE("rows of items: columns once, scores in one of them, and nothing for a terminal to obey") {
  Judgement judgement = won_by(0.25, "k", "g");
  judgement.text = "a\tb\x1b";
  test::StringOutput tsv, json, text;
  JudgementRows rows(ReportForm::tsv, true, tsv);
  rows.add(judgement, false);
  rows.add(judgement, false);
  const std::string row = "0\tk\tof k\tg\t1\t0.25\t0.25 0\t0\ta\\tb\\x1b\n";
  CHECK(tsv.text == "item\tkind\tphenomenon\tgroup\tright\tmargin\tscores\tanswer\ttext\n" + row + row);
  JudgementRows(ReportForm::json, false, json).add(judgement, false);
  CHECK(JsonValue::parse(json.text, "").find("scores")->if_array()->size() == 2);
  JudgementRows(ReportForm::text, false, text).add(judgement, false);
  CHECK(text.text == "      0.2500  right  a\\tb\\x1b\n");
}
