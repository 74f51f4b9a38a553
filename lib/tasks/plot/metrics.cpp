#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "stats/mean.h"
#include "tasks/plot/kinds.h"

namespace lm {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct MetricsStep {
  double step = 0, tokens = 0;
  double loss = kNone, rate = kNone, norm = kNone, speed = kNone, valid_loss = kNone, valid_bits = kNone;
};

/// A point of a curve: where it is on the axis, and the values there.
struct MetricsPoint {
  double step = 0, tokens = 0, seconds = 0;
  double loss = kNone, rate = kNone, speed = kNone, norm = kNone;
  double valid_loss = kNone, valid_bits = kNone;
  double at(PlotAxis axis) const { return axis == PlotAxis::steps ? step : axis == PlotAxis::tokens ? tokens : seconds; }
};

struct MetricsRun {
  std::string name;
  std::vector<MetricsPoint> stretches, validations;
};

std::vector<MetricsStep> steps_of(const SourceRows& source) {
  std::vector<MetricsStep> steps;
  source.each(SourceRows::Cut::left_out, [&](const JsonValue& row, const std::string& place) {
    MetricsStep step{.step = required_number(row, "step", place), .tokens = required_number(row, "tokens", place)};
    step.loss = optional_number(row, "loss", place);
    step.rate = optional_number(row, "learning_rate", place);
    step.norm = optional_number(row, "grad_norm", place);
    step.speed = optional_number(row, "tokens_per_second", place);
    step.valid_loss = optional_number(row, "val_loss", place);
    step.valid_bits = optional_number(row, "val_bits_per_byte", place);
    while (!steps.empty() && steps.back().step >= step.step) steps.pop_back();
    steps.push_back(step);
  });
  return steps;
}

/// Gathers the values of a stretch.
class Gathered {
 public:
  void add(double value) {
    if (!std::isnan(value)) values_.push_back(value);
  }
  double mean() const { return lm::mean(values_); }
  /// Returns the middle one: a step that was held up by a validation says nothing about the speed.
  double median() {
    if (values_.empty()) return kNone;
    const auto middle = values_.begin() + static_cast<std::ptrdiff_t>((values_.size() - 1) / 2);
    std::nth_element(values_.begin(), middle, values_.end());
    return *middle;
  }
  void clear() { values_.clear(); }

 private:
  std::vector<double> values_;
};

std::size_t stretches_of(std::size_t steps) {
  return steps < 100 ? steps : steps < 4000 ? 100 : steps < 16000 ? steps / 40 : 400;
}

MetricsRun run_of(const SourceRows& source) {
  MetricsRun run{.name = source.name(), .stretches = {}, .validations = {}};
  const std::vector<MetricsStep> steps = steps_of(source);
  if (steps.empty()) throw Error("no metrics in '" + source.path() + "'; lm-train --metrics writes them");
  const std::size_t count = stretches_of(steps.size());
  // A file that begins later than the run leaves out as many tokens a step as its first line has on average.
  const MetricsStep& first = steps.front();
  double tokens_before = first.step > 0 ? first.tokens * (1 - 1 / first.step) : first.tokens;
  double seconds = 0;
  Gathered loss, norm, speed;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const MetricsStep& step = steps[i];
    if (step.speed > 0) {
      seconds += (step.tokens - tokens_before) / step.speed;
      speed.add(step.speed);
    }
    tokens_before = step.tokens;
    loss.add(step.loss);
    norm.add(step.norm);
    MetricsPoint point{.step = step.step, .tokens = step.tokens, .seconds = seconds};
    if (!std::isnan(step.valid_loss)) {
      MetricsPoint validation = point;
      validation.valid_loss = step.valid_loss;
      validation.valid_bits = step.valid_bits;
      run.validations.push_back(validation);
    }
    if ((i + 1) * count / steps.size() == i * count / steps.size()) continue;
    point.loss = loss.mean();
    point.rate = step.rate;
    point.speed = speed.median();
    point.norm = norm.mean();
    run.stretches.push_back(point);
    loss.clear();
    norm.clear();
    speed.clear();
  }
  return run;
}

/// How a quantity is drawn: what of a stretch and of a validation, divided by what, and whether its axis begins at zero.
struct Quantity {
  PlotQuantity quantity;
  double MetricsPoint::*trained;
  double MetricsPoint::*validated;
  double divisor;
  bool from_zero;
  const char* title;
};
constexpr std::array kQuantities = {
    Quantity{PlotQuantity::loss, &MetricsPoint::loss, &MetricsPoint::valid_loss, 1, false, "loss (nats per token)"},
    Quantity{PlotQuantity::bits, nullptr, &MetricsPoint::valid_bits, 1, false, "held out (bits per byte)"},
    Quantity{PlotQuantity::rate, &MetricsPoint::rate, nullptr, 1, true, "learning rate"},
    Quantity{PlotQuantity::speed, &MetricsPoint::speed, nullptr, 1000, true, "thousand tokens per second"},
    Quantity{PlotQuantity::norm, &MetricsPoint::norm, nullptr, 1, true, "norm of the gradient"},
};

const Quantity& quantity_of(PlotQuantity quantity) {
  for (const Quantity& known : kQuantities) {
    if (known.quantity == quantity) return known;
  }
  throw SettingsError(std::string("-y ") + to_string(quantity) +
                      " is not of metrics; they have loss, bits, rate, speed and norm");
}

/// The divisor of the horizontal axis, and its title.
struct Unit {
  double divisor;
  const char* title;
};
Unit unit_of(PlotAxis axis, double last) {
  if (axis == PlotAxis::steps) return {1, "steps"};
  if (axis == PlotAxis::tokens)
    return last < 1e4 ? Unit{1, "tokens"} : last < 1e7 ? Unit{1e3, "thousand tokens"} : Unit{1e6, "million tokens"};
  return last < 180 ? Unit{1, "seconds"} : last < 10800 ? Unit{60, "minutes"} : Unit{3600, "hours"};
}

class MetricsPlot {
 public:
  MetricsPlot(std::vector<MetricsRun> runs, PlotAxis axis) : runs_(std::move(runs)), axis_(axis) {
    for (const MetricsRun& run : runs_) {
      for (const MetricsPoint& point : run.stretches) last_ = std::max(last_, point.at(axis_));
    }
    unit_ = unit_of(axis_, last_);
  }

  std::size_t most_validations() const {
    std::size_t most = 0;
    for (const MetricsRun& run : runs_) most = std::max(most, run.validations.size());
    return most;
  }

  Panel panel(const Quantity& quantity) const {
    Panel panel{.x = {.title = unit_.title, .low = 0}, .y = {.title = quantity.title}, .series = {}};
    if (quantity.from_zero) panel.y.low = 0;
    for (std::size_t i = 0; i < runs_.size(); ++i) {
      add_curve(panel, quantity.trained, runs_[i].stretches, {.name = runs_[i].name, .mark = Mark::line, .color = i},
                quantity);
      add_curve(panel, quantity.validated, runs_[i].validations,
                {.name = runs_[i].name + ", held out", .mark = Mark::held_out, .color = i}, quantity);
    }
    if (quantity.quantity == PlotQuantity::loss) limit_loss(panel);
    return panel;
  }

  Table table() const {
    Table table{.columns = {"run", "step", "tokens", "seconds", "loss", "learning_rate", "tokens_per_second", "grad_norm",
                            "val_loss", "val_bits_per_byte"},
                .rows = {}};
    for (const MetricsRun& run : runs_) {
      for (const std::vector<MetricsPoint>* points : {&run.stretches, &run.validations}) {
        for (const MetricsPoint& p : *points) {
          table.rows.push_back({run.name, static_cast<std::int64_t>(std::llround(p.step)),
                                static_cast<std::int64_t>(std::llround(p.tokens)), p.seconds, p.loss, p.rate, p.speed,
                                p.norm, p.valid_loss, p.valid_bits});
        }
      }
    }
    return table;
  }

 private:
  void add_curve(Panel& panel, double MetricsPoint::*value, const std::vector<MetricsPoint>& points, Series series,
                 const Quantity& quantity) const {
    if (value == nullptr) return;
    bool some = false;
    for (const MetricsPoint& point : points) {
      series.x.push_back(point.at(axis_) / unit_.divisor);
      series.y.push_back(point.*value / quantity.divisor);
      some = some || !std::isnan(point.*value);
    }
    if (some) panel.series.push_back(std::move(series));
  }

  /// The first losses of a run lie far above all that follow: the axis ends below them.
  void limit_loss(Panel& panel) const {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Series& series : panel.series) {
      for (std::size_t i = 0; i < series.x.size(); ++i) {
        if (std::isnan(series.y[i])) continue;
        low = std::min(low, series.y[i]);
        if (series.x[i] * unit_.divisor > 0.05 * last_) high = std::max(high, series.y[i]);
      }
    }
    if (!(low < high)) return;
    panel.y.low = low - 0.05 * (high - low);
    panel.y.high = high + 0.05 * (high - low);
  }

  std::vector<MetricsRun> runs_;
  PlotAxis axis_;
  double last_ = 0;
  Unit unit_{};
};

}  // namespace

Plot plot_metrics(std::span<const SourceRows> sources, const PlotRequest& request) {
  std::vector<MetricsRun> runs;
  for (const SourceRows& source : sources) runs.push_back(run_of(source));
  const MetricsPlot plot(std::move(runs), request.axis.value_or(PlotAxis::steps));
  const bool all = request.quantities.empty();
  const std::vector<PlotQuantity> usual = {PlotQuantity::loss, PlotQuantity::bits, PlotQuantity::rate, PlotQuantity::speed};
  Plot result;
  for (const PlotQuantity quantity : all ? usual : request.quantities) {
    // A single validation makes no curve.
    if (all && quantity == PlotQuantity::bits && plot.most_validations() < 2) continue;
    Panel panel = plot.panel(quantity_of(quantity));
    if (!panel.series.empty()) {
      result.figure.panels.push_back(std::move(panel));
    } else if (!all) {
      throw Error(std::string("no run has what -y ") + to_string(quantity) + " draws");
    }
  }
  if (result.figure.panels.empty()) throw Error("nothing to draw: the metrics have no loss, learning rate or speed");
  result.table = plot.table();
  return result;
}

}  // namespace lm
