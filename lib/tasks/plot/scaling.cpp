#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "base/error.h"
#include "base/number_text.h"
#include "base/printable.h"
#include "stats/power_law.h"
#include "tasks/plot/kinds.h"

namespace lm {
namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

struct ScalingRow {
  LossAt at;
  std::string run, series;
  bool fitted = true;
};

/// What one source holds, and the law of it.
struct ScalingStudy {
  std::string name;
  std::string x_name;
  std::vector<ScalingRow> rows;
  std::optional<PowerLawFit> fit = {};
  std::string no_fit = {};  // why there is none
};

bool is_fitted(const JsonValue& row, const std::string& place) {
  const JsonValue* value = row.find("fitted");
  if (value == nullptr || value->is_null()) return true;
  if (const bool* said = value->if_bool()) return *said;
  return optional_number(row, "fitted", place) != 0;
}

ScalingStudy read_study(const SourceRows& source) {
  ScalingStudy study{.name = source.name(), .x_name = source.first_column(), .rows = {}};
  source.each(SourceRows::Cut::refused, [&](const JsonValue& row, const std::string& place) {
    const LossAt at{required_number(row, "x", place), required_number(row, "loss", place)};
    if (!(at.x > 0) || !(at.loss > 0))
      throw Error("x " + short_text(at.x, 6) + " and loss " + short_text(at.loss, 6) + " in '" + place +
                  "' are not two positive numbers");
    study.rows.push_back({at, text_or(row, "run", "", place), text_or(row, "series", "", place), is_fitted(row, place)});
  });
  return study;
}

std::vector<LossAt> fitted_points(const ScalingStudy& study) {
  std::vector<LossAt> points;
  for (const ScalingRow& row : study.rows) {
    if (row.fitted) points.push_back(row.at);
  }
  return points;
}

void fit_study(ScalingStudy& study) {
  std::vector<double> different;
  for (const LossAt& point : fitted_points(study)) different.push_back(point.x);
  std::sort(different.begin(), different.end());
  different.erase(std::unique(different.begin(), different.end()), different.end());
  if (different.size() < 3) {
    study.no_fit = std::to_string(different.size()) + " different x; three or more determine a law";
  } else {
    study.fit = fit_power_law(fitted_points(study));
  }
}

std::string short_law(const PowerLaw& law) {
  return short_text(law.floor, 3) + " + " + short_text(law.scale, 3) + " x^-" + short_text(law.exponent, 3);
}

/// The range of all points, as the axes have it.
struct ScalingRange {
  double x_low = 0, x_high = 0, loss_low = 0, loss_high = 0;
};

ScalingRange range_of_all(const std::vector<ScalingStudy>& studies) {
  constexpr double kXMargin = 1.3, kLossMargin = 1.03;
  const LossAt first = studies.front().rows.front().at;
  ScalingRange extent{first.x, first.x, first.loss, first.loss};
  for (const ScalingStudy& study : studies) {
    for (const ScalingRow& row : study.rows) {
      extent = {std::min(extent.x_low, row.at.x), std::max(extent.x_high, row.at.x), std::min(extent.loss_low, row.at.loss),
                std::max(extent.loss_high, row.at.loss)};
    }
  }
  return {extent.x_low / kXMargin, extent.x_high * kXMargin, extent.loss_low / kLossMargin, extent.loss_high * kLossMargin};
}

Series law_curve(const PowerLaw& law, const ScalingRange& extent, std::string name) {
  constexpr int kPoints = 120;
  Series curve{.name = std::move(name), .mark = Mark::guide};
  for (int i = 0; i <= kPoints; ++i) {
    const double x = extent.x_low * std::pow(extent.x_high / extent.x_low, static_cast<double>(i) / kPoints);
    curve.x.push_back(x);
    curve.y.push_back(law.at(x));
  }
  return curve;
}

/// Returns the rows of one series, in order of x.
Series rows_of_series(const ScalingStudy& study, const std::string& name) {
  std::vector<LossAt> points;
  for (const ScalingRow& row : study.rows) {
    if (row.series == name) points.push_back(row.at);
  }
  std::stable_sort(points.begin(), points.end(), [](const LossAt& a, const LossAt& b) { return a.x < b.x; });
  Series series{.name = name, .mark = name.empty() ? Mark::points : Mark::joined_points};
  for (const LossAt& point : points) {
    series.x.push_back(point.x);
    series.y.push_back(point.loss);
  }
  return series;
}

/// Adds the rows of a study: those of one series joined, then the law, and circles around what it is fitted to.
void add_study(Panel& panel, const ScalingStudy& study, const ScalingRange& range, bool several, std::size_t& color) {
  std::vector<std::string> names;
  Series circles{.name = "fitted", .mark = Mark::circles};
  for (const ScalingRow& row : study.rows) {
    if (std::find(names.begin(), names.end(), row.series) == names.end()) names.push_back(row.series);
    if (!row.fitted) continue;
    circles.x.push_back(row.at.x);
    circles.y.push_back(row.at.loss);
  }
  for (const std::string& name : names) {
    Series series = rows_of_series(study, name);
    series.name = name.empty() ? study.name : several ? study.name + ", " + name : name;
    series.color = color++;
    panel.series.push_back(std::move(series));
  }
  if (study.fit) {
    const std::string name = (several ? study.name + ": " : "") + short_law(study.fit->law);
    panel.series.push_back(law_curve(study.fit->law, range, name));
  }
  if (names.size() > 1 || !names.front().empty()) panel.series.push_back(std::move(circles));
}

void add_rows(Table& table, const ScalingStudy& study) {
  std::size_t k = 0;
  const auto& fit = study.fit;
  for (const ScalingRow& row : study.rows) {
    const bool has_residual = fit && row.fitted;
    table.rows.push_back(
        {study.name, row.run, row.series, row.at.x, row.at.loss, row.fitted ? 1 : 0, fit ? fit->law.at(row.at.x) : kUnknown,
         has_residual ? fit->residuals[k] : kUnknown, fit ? fit->law.exponent : kUnknown, fit ? fit->law.floor : kUnknown,
         fit ? fit->law.scale : kUnknown, fit ? fit->residual : kUnknown,
         fit && fit->exponents ? fit->exponents->low : kUnknown, fit && fit->exponents ? fit->exponents->high : kUnknown,
         fit && fit->floors ? fit->floors->low : kUnknown, fit && fit->floors ? fit->floors->high : kUnknown});
    if (row.fitted) ++k;
  }
}

std::string law_text(const PowerLawFit& fit) {
  std::string text = "L(x) = E + A x^-a with a = " + short_text(fit.law.exponent, 4) +
                     ", E = " + short_text(fit.law.floor, 4) + ", A = " + short_text(fit.law.scale, 4) + "; residuals " +
                     fixed_text(100 * fit.residual, 2) + " % (root of the mean square)\n";
  if (!fit.exponents || !fit.floors)
    return text + "three points determine these exactly: more of them would show how firmly\n";
  return text + "with any one point left out a is " + short_text(fit.exponents->low, 3) + " to " +
         short_text(fit.exponents->high, 3) + ", E " + short_text(fit.floors->low, 3) + " to " +
         short_text(fit.floors->high, 3) + "\n";
}

/// Returns the law and its points as text.
std::string study_text(const ScalingStudy& study, bool several) {
  std::string text = several ? printable(study.name) + "\n" : "";
  if (!study.fit) return text + study.no_fit + "\n";
  text += law_text(*study.fit);
  text +=
      align_right("x", 14) + align_right("loss", 11) + align_right("law", 11) + align_right("residual", 11) + "    run\n";
  std::size_t k = 0;
  for (const ScalingRow& row : study.rows) {
    if (!row.fitted) continue;
    text += align_right(short_text(row.at.x, 4), 14) + align_right(fixed_text(row.at.loss, 4), 11) +
            align_right(fixed_text(study.fit->law.at(row.at.x), 4), 11) +
            align_right(fixed_text(100 * study.fit->residuals[k++], 2) + " %", 11) + "    " + printable(row.run);
    text.erase(text.find_last_not_of(' ') + 1);
    text += "\n";
  }
  return text;
}

}  // namespace

Plot plot_scaling(std::span<const SourceRows> sources, const PlotRequest&) {
  std::vector<ScalingStudy> studies;
  for (const SourceRows& source : sources) {
    studies.push_back(read_study(source));
    if (studies.back().rows.empty()) throw Error("nothing to draw in '" + source.path() + "': it has no row");
    fit_study(studies.back());
  }
  const ScalingRange extent = range_of_all(studies);
  Panel panel{.x = {.title = studies.front().x_name,
                    .scale = Scale::logarithmic,
                    .low = extent.x_low,
                    .high = extent.x_high,
                    .ticks = count_ticks(extent.x_low, extent.x_high)},
              .y = {.title = "loss (nats per token)",
                    .scale = Scale::logarithmic,
                    .low = extent.loss_low,
                    .high = extent.loss_high,
                    .ticks = loss_ticks(extent.loss_low, extent.loss_high)},
              .series = {},
              .categories = {},
              .rows = false,
              .key = KeyPlace::outside};
  Plot plot;
  plot.table.columns = {"study", "run", "series", "x",   "loss",  "fitted", "law",   "residual",
                        "a",     "E",   "A",      "rms", "a_low", "a_high", "E_low", "E_high"};
  std::size_t color = 0;
  for (const ScalingStudy& study : studies) {
    add_study(panel, study, extent, studies.size() > 1, color);
    add_rows(plot.table, study);
    plot.notes += study_text(study, studies.size() > 1);
  }
  plot.figure.panels.push_back(std::move(panel));
  return plot;
}

}  // namespace lm
