// Calibration and frequency: reports of lm-eval-ppl by bins of the model's confidence and of how often tokens were seen.
#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/number_text.h"
#include "stats/mean.h"
#include "tasks/plot/kinds.h"

namespace lm {
namespace {

/// Returns the name of a report: its model's if it says so, else its source's, numbered if there are more.
std::string report_name(const JsonValue& row, const SourceRows& source, std::size_t number, const std::string& place) {
  return model_name(row, number > 0 ? source.name() + " " + std::to_string(number + 1) : source.name(), place);
}

const JsonValue::Array& array_at(const JsonValue& object, std::string_view key, const std::string& place) {
  const JsonValue* value = object.find(key);
  const JsonValue::Array* array = value == nullptr ? nullptr : value->if_array();
  if (array == nullptr) throw Error("expected an array for '" + std::string(key) + "' in '" + place + "'");
  return *array;
}

/// Calls `take` with each row that has the key, and its name; the others are left out, but not all of them.
template <class Take>
void each_report(std::span<const SourceRows> sources, std::string_view key, Take take) {
  for (const SourceRows& source : sources) {
    std::size_t number = 0;
    source.each(SourceRows::Cut::refused, [&](const JsonValue& row, const std::string& place) {
      if (row.find(key) == nullptr) return;
      take(row, report_name(row, source, number++, place), place);
    });
    if (number == 0) throw Error("nothing to draw in '" + source.path() + "': no line has '" + std::string(key) + "'");
  }
}

std::string decade_label(const JsonValue& bucket, const std::string& place) {
  const double from = required_number(bucket, "from", place), to = optional_number(bucket, "to", place);
  if (std::isnan(to)) return short_text(from, 15) + "+";
  return from == to ? short_text(from, 15) : short_text(from, 15) + "-" + short_text(to, 15);
}

/// Returns the number of a category, which is added if it is new.
std::size_t category_of(std::vector<std::string>& categories, const std::string& label) {
  const auto found = std::find(categories.begin(), categories.end(), label);
  if (found != categories.end()) return static_cast<std::size_t>(found - categories.begin());
  categories.push_back(label);
  return categories.size() - 1;
}

}  // namespace

Plot plot_calibration(std::span<const SourceRows> sources) {
  Plot plot;
  Panel panel{.x = {.title = "mean probability of the likeliest token", .low = 0, .high = 1},
              .y = {.title = "how often it is right", .low = 0, .high = 1},
              .series = {{.name = "", .mark = Mark::guide, .x = {0, 1}, .y = {0, 1}}},
              .categories = {},
              .rows = false,
              .key = KeyPlace::left};
  plot.table.columns = {"model", "bin", "count", "mean_p", "accuracy", "low", "high", "expected_calibration_error"};
  std::size_t color = 0;
  each_report(sources, "calibration", [&](const JsonValue& row, const std::string& name, const std::string& place) {
    const JsonValue& report = *row.find("calibration");
    const double error = optional_number(report, "expected_calibration_error", place);
    Series series{.name = name, .mark = Mark::joined_points, .color = color++};
    if (!std::isnan(error)) series.name += ", error " + short_text(error, 3);
    std::int64_t bin = 0;
    for (const JsonValue& each : array_at(report, "bins", place)) {
      const double count = required_number(each, "count", place), p = required_number(each, "mean_p", place);
      const double accuracy = required_number(each, "accuracy", place);
      if (!(count >= 0) || !(accuracy >= 0) || !(accuracy <= 1))
        throw Error("a bin in '" + place + "' has no count >= 0 and accuracy from 0 to 1");
      const Interval interval = wilson_interval(accuracy * count, count);
      series.x.push_back(p);
      series.y.push_back(accuracy);
      series.low.push_back(interval.low);
      series.high.push_back(interval.high);
      plot.table.rows.push_back(
          {name, bin++, static_cast<std::int64_t>(std::llround(count)), p, accuracy, interval.low, interval.high, error});
    }
    panel.series.push_back(std::move(series));
  });
  plot.figure.panels.push_back(std::move(panel));
  return plot;
}

Plot plot_frequency(std::span<const SourceRows> sources) {
  Plot plot;
  const char* const seen = "times seen in training";
  Panel loss{.x = {.title = seen}, .y = {.title = "loss (nats per token)", .low = 0}, .series = {}};
  Panel accuracy{.x = {.title = seen}, .y = {.title = "accuracy", .low = 0, .high = 1}, .series = {}};
  Panel confidence{.x = {.title = seen}, .y = {.title = "mean p of the likeliest", .low = 0, .high = 1}, .series = {}};
  plot.table.columns = {"model", "from", "to", "tokens", "loss", "accuracy", "mean_p", "expected_calibration_error"};
  std::vector<std::string> labels;
  std::size_t color = 0;
  each_report(sources, "frequency", [&](const JsonValue& row, const std::string& name, const std::string& place) {
    Series series{.name = name, .mark = Mark::bars, .color = color++};
    Series hits = series, sure = series;
    const double base = optional_number(row, "base", place);  // of the loss, if it is not in nats
    const double unit = base > 1 ? std::log(base) : 1;
    for (const JsonValue& bucket : array_at(row, "frequency", place)) {
      const auto x = static_cast<double>(category_of(labels, decade_label(bucket, place)));
      const auto value = [&](const char* key) { return optional_number(bucket, key, place); };
      for (Series* each : {&series, &hits, &sure}) each->x.push_back(x);
      series.y.push_back(unit * value("loss"));
      hits.y.push_back(value("accuracy"));
      sure.y.push_back(value("mean_p"));
      plot.table.rows.push_back({name, value("from"), value("to"), value("tokens"), unit * value("loss"), value("accuracy"),
                                 value("mean_p"), value("expected_calibration_error")});
    }
    loss.series.push_back(std::move(series));
    accuracy.series.push_back(std::move(hits));
    confidence.series.push_back(std::move(sure));
  });
  for (Panel* panel : {&loss, &accuracy, &confidence}) {
    panel->categories = labels;
    plot.figure.panels.push_back(std::move(*panel));
  }
  return plot;
}

}  // namespace lm
