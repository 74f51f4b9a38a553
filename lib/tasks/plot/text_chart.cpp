#include "tasks/plot/text_chart.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include "base/number_text.h"
#include "base/printable.h"

namespace lm {
namespace {

constexpr std::size_t kLeastColumns = 40;
constexpr std::size_t kLabelColumns = 10;  // of the numbers beside a grid
constexpr std::size_t kRows = 16;          // of a grid
constexpr std::string_view kMarks = "*o+x#@%&";

std::string padded(std::string text, std::size_t columns) { return pad_to_columns(std::move(text), columns); }

/// The range of the values of an axis, which may be logarithmic, and where a value is on it, from 0 to 1.
struct ValueRange {
  double low = std::numeric_limits<double>::infinity(), high = -std::numeric_limits<double>::infinity();
  Scale scale = Scale::linear;

  void include(double value) {
    if (!std::isfinite(value)) return;
    low = std::min(low, value);
    high = std::max(high, value);
  }
  void end_at(const Axis& axis) {
    scale = axis.scale;
    if (axis.low) low = *axis.low;
    if (axis.high) high = *axis.high;
    if (!(low < high)) {
      const double middle = std::isfinite(low) ? low : 0;
      low = middle - 0.5;
      high = middle + 0.5;
    }
  }
  double place(double value) const {
    if (scale == Scale::logarithmic) return std::log(value / low) / std::log(high / low);
    return (value - low) / (high - low);
  }
  double value_at(double place) const {
    if (scale == Scale::logarithmic) return low * std::pow(high / low, place);
    return low + place * (high - low);
  }
};

class Grid {
 public:
  Grid(const Panel& panel, std::size_t columns)
      : width_(columns - kLabelColumns - 2), lines_(kRows, std::string(width_, ' ')) {
    for (const Series& series : panel.series) {
      for (std::size_t i = 0; i < series.x.size(); ++i) {
        if (!std::isfinite(series.y[i])) continue;
        x_.include(series.x[i]);
        y_.include(series.y[i]);
      }
    }
    x_.end_at(panel.x);
    y_.end_at(panel.y);
  }

  void draw(const Series& series, char mark) {
    const bool joined = series.mark != Mark::points && series.mark != Mark::circles;
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      if (joined && i > 0) join(series, i, mark);
      put(series.x[i], series.y[i], mark);
    }
  }

  std::string text(const Panel& panel) const {
    std::string result;
    for (std::size_t row = 0; row < kRows; ++row) {
      const bool labelled = row % 5 == 0;
      const double value = y_.value_at(1 - static_cast<double>(row) / (kRows - 1));
      result += align_right(labelled ? short_text(value, 4) : "", kLabelColumns) + " |" + lines_[row];
      result.erase(result.find_last_not_of(' ') + 1);
      result += "\n";
    }
    result += std::string(kLabelColumns + 1, ' ') + "+" + std::string(width_, '-') + "\n";
    const std::string low = short_text(x_.low, 4), high = short_text(x_.high, 4);
    const std::string title(clip_to_columns(panel.x.title, width_ - std::min(width_, low.size() + high.size() + 2)));
    const std::size_t blanks = width_ - std::min(width_, low.size() + high.size() + display_width(title));
    return result + std::string(kLabelColumns + 2, ' ') + low + std::string(blanks / 2, ' ') + title +
           std::string(blanks - blanks / 2, ' ') + high + "\n";
  }

 private:
  double column_of(double x) const { return x_.place(x) * static_cast<double>(width_ - 1); }

  void put(double x, double y, char mark) {
    const double column = std::round(column_of(x));
    const double row = std::round((1 - y_.place(y)) * static_cast<double>(kRows - 1));
    if (!(column >= 0) || !(column < static_cast<double>(width_)) || !(row >= 0) || !(row < static_cast<double>(kRows)))
      return;
    lines_[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = mark;
  }

  /// Puts a mark into each column between two points.
  void join(const Series& series, std::size_t i, char mark) {
    const double from = column_of(series.x[i - 1]), to = column_of(series.x[i]);
    if (!std::isfinite(from) || !std::isfinite(to) || !(to > from)) return;
    const auto first = static_cast<std::size_t>(std::max(0.0, std::ceil(from)));
    for (std::size_t column = first; column < width_ && static_cast<double>(column) < to; ++column) {
      const double part = (static_cast<double>(column) - from) / (to - from);
      const double y = y_.value_at(y_.place(series.y[i - 1]) * (1 - part) + y_.place(series.y[i]) * part);
      put(x_.value_at(static_cast<double>(column) / static_cast<double>(width_ - 1)), y, mark);
    }
  }

  std::size_t width_;
  std::vector<std::string> lines_;
  ValueRange x_, y_;
};

std::string curves_text(const Panel& panel, std::size_t columns) {
  Grid grid(panel, columns);
  std::string key;
  std::size_t number = 0;
  for (const Series& series : panel.series) {
    const char mark = series.mark == Mark::guide     ? '.'
                      : series.mark == Mark::circles ? 'O'
                                                     : kMarks[number++ % kMarks.size()];
    grid.draw(series, mark);
    if (!series.name.empty()) key += std::string("  ") + mark + " " + printable(series.name) + "\n";
  }
  return panel.y.title + "\n" + grid.text(panel) + key;
}

/// A line of characters for a value: a bar from zero, or an interval, with a colon at zero.
std::string row_marks(const Series& series, std::size_t i, const ValueRange& extent, std::size_t width) {
  std::string line(width, ' ');
  const auto column = [&](double value) {
    const double place = std::clamp(extent.place(value), 0.0, 1.0);
    return static_cast<std::size_t>(std::round(place * static_cast<double>(width - 1)));
  };
  const bool has_interval = !series.low.empty() && std::isfinite(series.low[i]) && std::isfinite(series.high[i]);
  if (series.mark == Mark::intervals) {
    if (extent.low <= 0 && extent.high >= 0) line[column(0)] = ':';
    if (has_interval) {
      const std::size_t low = column(series.low[i]), high = column(series.high[i]);
      std::fill(line.begin() + static_cast<std::ptrdiff_t>(low), line.begin() + static_cast<std::ptrdiff_t>(high) + 1, '-');
      line[low] = line[high] = '|';
    }
    line[column(series.y[i])] = '*';
  } else {
    const std::size_t end = column(series.y[i]), zero = column(0);
    for (std::size_t k = std::min(zero, end); k < std::max(zero, end); ++k) line[k] = '#';
  }
  return line;
}

std::string row_number(const Series& series, std::size_t i) {
  std::string text = fixed_text(series.y[i], 3);
  const bool has_interval = !series.low.empty() && std::isfinite(series.low[i]);
  if (has_interval) text += " [" + fixed_text(series.low[i], 3) + ", " + fixed_text(series.high[i], 3) + "]";
  return text;
}

struct TextRow {
  std::string label;
  const Series* series;
  std::size_t value;
};

/// Returns a row for each value, those of a category one below the other.
std::vector<TextRow> rows_of(const Panel& panel) {
  std::vector<std::vector<TextRow>> by_category(panel.categories.size());
  for (const Series& series : panel.series) {
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      const auto category = static_cast<std::size_t>(series.x[i]);
      std::vector<TextRow>& rows = by_category[category];
      const std::string label = rows.empty() ? printable(panel.categories[category]) : "";
      rows.push_back({panel.series.size() > 1 ? label + "\t" + printable(series.name) : label, &series, i});
    }
  }
  std::vector<TextRow> all;
  for (const std::vector<TextRow>& rows : by_category) all.insert(all.end(), rows.begin(), rows.end());
  return all;
}

std::string categories_text(const Panel& panel, std::size_t columns) {
  std::vector<TextRow> rows = rows_of(panel);
  std::vector<std::string> labels;
  ValueRange extent;
  extent.include(0);
  std::size_t numbers = 0;
  for (const TextRow& row : rows) {
    labels.push_back(row.label);
    const Series& series = *row.series;
    for (const std::vector<double>* values : {&series.y, &series.low, &series.high}) {
      if (!values->empty()) extent.include((*values)[row.value]);
    }
    numbers = std::max(numbers, row_number(series, row.value).size());
  }
  extent.end_at({.title = "", .low = panel.y.low, .high = panel.y.high});
  labels = align_tabs(labels);
  std::size_t label_columns = 0;
  for (const std::string& label : labels) label_columns = std::max(label_columns, display_width(label));
  label_columns = std::min(label_columns, columns / 3);
  const std::size_t taken = label_columns + numbers + 3;
  const std::size_t width = taken + 10 < columns ? columns - taken : 10;
  std::string text = panel.y.title + (panel.x.title.empty() ? "" : ", by " + panel.x.title) + "\n";
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Series& series = *rows[i].series;
    text += padded(std::string(clip_to_columns(labels[i], label_columns)), label_columns) + " |";
    if (std::isfinite(series.y[rows[i].value]))
      text += row_marks(series, rows[i].value, extent, width) + " " + row_number(series, rows[i].value);
    text += "\n";
  }
  return text;
}

}  // namespace

std::string text_chart(const Figure& figure, std::size_t columns) {
  columns = std::max(columns, kLeastColumns);
  std::string text = figure.title.empty() ? "" : printable(figure.title) + "\n\n";
  bool first = true;
  for (const Panel& panel : figure.panels) {
    if (!std::exchange(first, false)) text += "\n";
    text += panel.categories.empty() ? curves_text(panel, columns) : categories_text(panel, columns);
  }
  return text;
}

}  // namespace lm
