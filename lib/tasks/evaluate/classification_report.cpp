#include "tasks/evaluate/classification_report.h"

#include <algorithm>

#include "base/number_text.h"
#include "tasks/evaluate/evaluate_report.h"

namespace lm {
namespace {

std::string interval_text(const Interval& interval) {
  return fixed_text(interval.low, 4) + " to " + fixed_text(interval.high, 4);
}

JsonValue row_json(const ClassRow& row, bool with_predicted) {
  const Rate accuracy = row.accuracy();
  JsonValue json;
  json.set("documents", row.documents);
  if (with_predicted) json.set("predicted", row.predicted);
  json.set("accuracy", accuracy.value).set("accuracy_low", accuracy.interval.low);
  return json.set("accuracy_high", accuracy.interval.high);
}

JsonValue class_json(const ClassRow& row) {
  JsonValue json;
  json.set("class", row.name);
  return joined(std::move(json), row_json(row, true));
}

}  // namespace

Rate ClassRow::accuracy() const {
  const auto trials = static_cast<double>(documents), successes = static_cast<double>(right);
  return {successes / trials, wilson_interval(successes, trials)};
}

double ClassificationReport::chance() const {
  const auto by_documents = [](const ClassRow& a, const ClassRow& b) { return a.documents < b.documents; };
  const ClassRow& most = *std::max_element(classes.begin(), classes.end(), by_documents);
  return static_cast<double>(most.documents) / static_cast<double>(all.documents);
}

ClassificationReport report_of(const ClassLabels& labels, const Classification& classification) {
  ClassificationReport report{.all = {.name = {}}, .classes = {}, .ridges = classification.ridges, .protocol = {}};
  for (const std::string& name : labels.classes()) report.classes.push_back({.name = name});
  for (std::size_t i = 0; i < labels.of_documents().size(); ++i) {
    const std::int64_t label = labels.of_documents()[i], predicted = classification.predicted[i];
    const int right = label == predicted ? 1 : 0;
    ClassRow& row = report.classes[static_cast<std::size_t>(label)];
    ++row.documents;
    row.right += right;
    ++report.classes[static_cast<std::size_t>(predicted)].predicted;
    ++report.all.documents;
    report.all.right += right;
  }
  return report;
}

JsonValue to_json(const ClassificationReport& report) {
  JsonValue::Array ridges(report.ridges.begin(), report.ridges.end()), by_class;
  JsonValue all = row_json(report.all, false);
  all.set("classes", std::ssize(report.classes)).set("chance", report.chance()).set("ridges", ridges);
  all.set("protocol", report.protocol);
  if (!report.model.empty()) all.set("model", report.model);
  if (!report.tokenizer.empty()) all.set("tokenizer", report.tokenizer);
  for (const ClassRow& row : report.classes) by_class.push_back(class_json(row));
  JsonValue json;
  return json.set("classification", all).set("by_class", by_class);
}

std::string to_text(const ClassificationReport& report) {
  const auto with_interval = [](const Rate& rate) {
    return fixed_text(rate.value, 4) + " (95 % interval " + interval_text(rate.interval) + ")";
  };
  std::string ridges;
  for (const double ridge : report.ridges) ridges += (ridges.empty() ? "" : " ") + short_text(ridge, 3);
  std::string text = score_line("documents", std::to_string(report.all.documents));
  text += score_line("classes", std::to_string(report.classes.size()));
  text += score_line("accuracy", with_interval(report.all.accuracy()));
  text += score_line("chance", fixed_text(report.chance(), 4));
  text += score_line("ridges", ridges);
  text += score_line("protocol", report.protocol);
  const auto line = [](const std::vector<std::string>& cells, const std::string& name) {
    constexpr std::size_t kWidths[] = {9, 18, 11, 11};
    std::string row;
    for (std::size_t i = 0; i < cells.size(); ++i) row += align_right(cells[i], kWidths[i]);
    return row + "  " + name + "\n";
  };
  text += "\n" + line({"accuracy", "95 % interval", "documents", "predicted"}, "class");
  for (const ClassRow& row : report.classes) {
    const Rate accuracy = row.accuracy();
    text += line({fixed_text(accuracy.value, 4), interval_text(accuracy.interval), std::to_string(row.documents),
                  std::to_string(row.predicted)},
                 escaped(row.name));
  }
  return text;
}

std::string to_tsv(const ClassificationReport& report, bool header) {
  const std::vector<std::string> columns = {"class",        "documents",     "predicted", "accuracy",
                                            "accuracy_low", "accuracy_high", "chance"};
  std::string text = header ? tsv_header(columns, {}) : "";
  JsonValue all = row_json(report.all, false);
  text += tsv_row(columns, all.set("chance", report.chance()), {});
  for (const ClassRow& row : report.classes) text += tsv_row(columns, class_json(row), {});
  return text;
}

}  // namespace lm
