#include <cmath>

#include "base/error.h"
#include "base/number_text.h"
#include "stats/mean.h"
#include "tasks/plot/kinds.h"

namespace lm {
namespace {

struct ComparedValue {
  std::string name;
  double value, low, high;
};

/// Returns a panel with a row for each.
Panel row_panel(const std::string& title, const std::vector<ComparedValue>& values, Mark mark) {
  Panel panel{.x = {}, .y = {.title = title}, .series = {}, .categories = {}, .rows = true};
  Series series{.name = "", .mark = mark};
  bool has_interval = false;
  for (const ComparedValue& each : values) {
    series.x.push_back(static_cast<double>(panel.categories.size()));
    panel.categories.push_back(each.name);
    series.y.push_back(each.value);
    series.low.push_back(each.low);
    series.high.push_back(each.high);
    has_interval = has_interval || !std::isnan(each.low);
  }
  if (!has_interval) series.low = series.high = {};
  panel.series.push_back(std::move(series));
  if (mark == Mark::bars) panel.y.low = 0;
  return panel;
}

/// What a report says of a quantity.
struct ReportKey {
  PlotQuantity quantity;
  const char* key;
  const char* title;
};
constexpr ReportKey kReportKeys[] = {{PlotQuantity::loss, "loss", "loss (nats per token)"},
                                     {PlotQuantity::bits, "bits_per_byte", "bits per byte"},
                                     {PlotQuantity::perplexity, "perplexity", "perplexity"}};

const ReportKey& report_key(PlotQuantity quantity) {
  for (const ReportKey& known : kReportKeys) {
    if (known.quantity == quantity) return known;
  }
  throw SettingsError(std::string("-y ") + to_string(quantity) + " is not of reports; they have loss, bits and perplexity");
}

double report_number(const JsonValue& row, const std::string& key, const std::string& place) {
  const bool pseudo = row.find(key) == nullptr && row.find("pseudo_" + key) != nullptr;
  return optional_number(row, (pseudo ? "pseudo_" : "") + key, place);
}

class ComparisonPlot {
 public:
  void take(const JsonValue& row, const std::string& name, const std::string& place) {
    if (const JsonValue* comparison = row.find("comparison")) {
      take_pair(*comparison, model_name(row, name, place), row.string_at("against", place), place);
    } else {
      take_report(row, model_name(row, name, place), place);
    }
    if (!pairs_.empty() && !losses_.empty())
      throw Error("'" + place +
                  "' is of another kind than the lines before: comparisons and reports are not drawn together");
  }

  Plot plot(const PlotRequest& request) const {
    Plot plot;
    plot.figure.layout = PanelLayout::stacked;
    plot.table = table_;
    if (!pairs_.empty()) {
      if (!request.quantities.empty()) throw SettingsError("-y is for reports of models, not for comparisons of pairs");
      plot.figure.panels.push_back(row_panel("difference (" + unit_ + "), with its 95 % interval", pairs_, Mark::intervals));
      return plot;
    }
    const std::vector<PlotQuantity> quantities =
        request.quantities.empty() ? std::vector<PlotQuantity>{PlotQuantity::loss} : request.quantities;
    for (const PlotQuantity quantity : quantities) {
      const ReportKey& key = report_key(quantity);
      const std::vector<ComparedValue>& values = quantity == PlotQuantity::loss   ? losses_
                                                 : quantity == PlotQuantity::bits ? bits_
                                                                                  : perplexities_;
      bool some = false;
      for (const ComparedValue& each : values) some = some || std::isfinite(each.value);
      if (!some) throw Error(std::string("no report has a '") + key.key + "' to draw");
      plot.figure.panels.push_back(row_panel(key.title, values, Mark::bars));
    }
    return plot;
  }

 private:
  void take_pair(const JsonValue& row, const std::string& model, const std::string& against, const std::string& place) {
    const double value = required_number(row, "difference", place), error = optional_number(row, "standard_error", place);
    const std::string unit = text_or(row, "unit", "nats a token", place);
    if (!unit_.empty() && unit != unit_)
      throw Error("'" + place + "' is in " + unit + ", those before in " + unit_ + ": draw them apart");
    unit_ = unit;
    const double low = optional_number(row, "low", place), high = optional_number(row, "high", place);
    pairs_.push_back({model + " - " + against, value, low, high});
    if (table_.columns.empty())
      table_.columns = {"model", "against", "difference", "standard_error", "low", "high", "wins", "tokens", "documents"};
    table_.rows.push_back({model, against, value, error, low, high, optional_number(row, "wins", place),
                           optional_number(row, "tokens", place), optional_number(row, "documents", place)});
  }

  void take_report(const JsonValue& row, const std::string& name, const std::string& place) {
    const auto number = [&](const char* key) { return report_number(row, key, place); };
    const double base = optional_number(row, "base", place);  // of the loss, if it is not in nats
    const double unit = base > 1 ? std::log(base) : 1;
    const double loss = unit * number("loss"), error = unit * number("standard_error");
    const double half = kNormalQuantile95 * error;
    losses_.push_back({name, loss, loss - half, loss + half});
    bits_.push_back({name, number("bits_per_byte"), NAN, NAN});
    perplexities_.push_back({name, number("perplexity"), std::exp(loss - half), std::exp(loss + half)});
    if (table_.columns.empty())
      table_.columns = {"model", "loss", "standard_error", "perplexity", "bits_per_byte", "tokens", "documents"};
    table_.rows.push_back(
        {name, loss, error, number("perplexity"), number("bits_per_byte"), number("tokens"), number("documents")});
  }

  std::vector<ComparedValue> pairs_, losses_, bits_, perplexities_;
  std::string unit_;  // of the pairs
  Table table_;
};

}  // namespace

Plot plot_comparison(std::span<const SourceRows> sources, const PlotRequest& request) {
  ComparisonPlot plot;
  for (const SourceRows& source : sources) {
    std::size_t number = 0;
    source.each(SourceRows::Cut::refused, [&](const JsonValue& row, const std::string& place) {
      const bool is_report = row.find("documents") != nullptr && !std::isnan(report_number(row, "loss", place));
      if (row.find("comparison") == nullptr && !is_report)
        throw Error("expected a comparison, or a report with documents and loss, in '" + place + "'");
      ++number;
      plot.take(row, number > 1 ? source.name() + " " + std::to_string(number) : source.name(), place);
    });
  }
  return plot.plot(request);
}

}  // namespace lm
