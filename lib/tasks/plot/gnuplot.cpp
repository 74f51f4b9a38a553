#include "tasks/plot/gnuplot.h"

#include <algorithm>
#include <cmath>

#include "base/number_text.h"
#include "base/printable.h"

namespace lm {
namespace {

// Eight colours that the colour-blind tell apart too (Okabe and Ito 2008, the black last); they come again from the ninth on.
constexpr const char* kStyle = R"(set encoding utf8
set border 3 linewidth 0.8 linecolor rgb "#444444"
set tics nomirror out scale 0.5 textcolor rgb "#444444"
set grid linecolor rgb "#e4e4e4" linewidth 0.6 linetype 1
set key textcolor rgb "#222222" samplen 2.5 spacing 1.15
set style fill solid 0.8 noborder
array colour[8] = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#8C6D31", "#000000"]
do for [i = 1:8] { set linetype i linecolor rgb colour[i] linewidth 1.6 pointtype 7 pointsize 0.45 dashtype solid }
set linetype cycle 8
)";
constexpr int kWidth = 1000;
constexpr std::size_t kLongestName = 60, kLongestLabel = 24;  // columns of text

std::string number(double value) { return std::isfinite(value) ? exact_text(value) : "NaN"; }

/// Returns text as gnuplot reads a string, on one line.
std::string quoted(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    result += byte < 0x20 || byte == 0x7F ? ' ' : c;
    if (c == '\'') result += c;
  }
  return result + "'";
}

std::string range_text(const std::optional<double>& low, const std::optional<double>& high) {
  return "[" + (low ? number(*low) : "*") + ":" + (high ? number(*high) : "*") + "]";
}

std::string tick_list(const std::vector<Tick>& ticks) {
  std::string list;
  for (const Tick& tick : ticks) list += (list.empty() ? "(" : ", ") + quoted(tick.label) + " " + number(tick.value);
  return list + ")";
}

/// Returns the name of the data of a series.
std::string block(std::size_t panel, std::size_t series) {
  return "$p" + std::to_string(panel) + "s" + std::to_string(series);
}

std::string data_of(const Series& series, const std::string& name) {
  std::string text = name + " << END\n";
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    text += number(series.x[i]) + " " + number(series.y[i]);
    if (!series.low.empty()) text += " " + number(series.low[i]) + " " + number(series.high[i]);
    text += "\n";
  }
  return text + "END\n";
}

/// Returns what follows `plot` for a curve.
std::string curve(const Series& series, const std::string& name) {
  const std::string color = " linetype " + std::to_string(series.color + 1);
  const std::string dark = " linecolor rgb '#222222'";
  const std::string title =
      series.name.empty() ? " notitle" : " title " + quoted(clip_to_columns(series.name, kLongestName));
  switch (series.mark) {
    case Mark::line:
      return name + " using 1:2 with lines" + color + title;
    case Mark::held_out:
      return name + " using 1:2 with linespoints" + color + " dashtype 2" + title;
    case Mark::joined_points:
      if (!series.low.empty()) return name + " using 1:2:3:4 with yerrorlines" + color + title;
      return name + " using 1:2 with linespoints" + color + title;
    case Mark::points:
      return name + " using 1:2 with points" + color + " pointsize 0.8" + title;
    case Mark::circles:
      return name + " using 1:2 with points pointtype 6 pointsize 1" + dark + title;
    case Mark::guide:
      return name + " using 1:2 with lines linewidth 1.4 dashtype 2" + dark + title;
    case Mark::bars:
    case Mark::intervals:
      break;
  }
  return name + " using 1:2 with points" + color + title;
}

/// Returns the same for upright bars: the k-th of `count` beside each other in a category.
std::string upright_bars(const Series& series, const std::string& name, std::size_t k, std::size_t count) {
  const double width = 0.8 / static_cast<double>(count);
  const double offset = (static_cast<double>(k) - static_cast<double>(count - 1) / 2) * width;
  const std::string title = count == 1 ? " notitle" : " title " + quoted(clip_to_columns(series.name, kLongestName));
  return name + " using ($1 + " + number(offset) + "):2:(" + number(width) + ") with boxes linetype " +
         std::to_string(series.color + 1) + title;
}

/// Returns the same for bars or intervals of rows.
std::string row_marks(const Series& series, const std::string& name, std::size_t rows) {
  const std::string place = "(" + std::to_string(rows - 1) + " - $1)";
  const std::string color = " linetype " + std::to_string(series.color + 1);
  if (series.mark == Mark::intervals && series.low.empty())
    return name + " using 2:" + place + " with points pointsize 1" + color + " notitle";
  if (series.mark == Mark::intervals)
    return name + " using 2:" + place + " with points pointsize 1" + color + " notitle, " + name +
           " using ($3 == $3 ? $2 : 1/0):" + place + ":3:4 with xerrorbars pointsize 0" + color + " notitle";
  std::string text = name + " using 2:" + place + ":(0):2:(" + std::to_string(rows - 1) + " - $1 - 0.3):(" +
                     std::to_string(rows - 1) + " - $1 + 0.3) with boxxyerror" + color + " notitle";
  if (!series.low.empty())
    text += ", " + name + " using ($3 == $3 ? $2 : 1/0):" + place +
            ":3:4 with xerrorbars pointsize 0 linecolor rgb '#222222' notitle";
  return text;
}

std::vector<Tick> category_ticks(const Panel& panel) {
  std::vector<Tick> ticks;
  const std::size_t count = panel.categories.size();
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t longest = panel.rows ? kLongestName : kLongestLabel;
    ticks.push_back(
        {std::string(clip_to_columns(panel.categories[i], longest)), static_cast<double>(panel.rows ? count - 1 - i : i)});
  }
  return ticks;
}

/// Returns the range of a curve's panel on x.
double range_of_x(const Panel& panel) {
  double low = panel.x.low.value_or(INFINITY), high = panel.x.high.value_or(-INFINITY);
  for (const Series& series : panel.series) {
    for (const double x : series.x) {
      low = std::min(low, x);
      high = std::max(high, x);
    }
  }
  return high - low;
}

std::string key_of(const Panel& panel) {
  switch (panel.key) {
    case KeyPlace::left:
      return "set key inside left top Left reverse\n";
    case KeyPlace::outside:
      return "set rmargin -1; set key outside right top Left reverse\n";
    case KeyPlace::right:
      break;
  }
  return "set key inside right top noreverse Right\n";
}

/// `width`: of the picture, a fraction.
std::string category_settings(const Panel& panel, double width) {
  const std::vector<Tick> ticks = category_ticks(panel);
  if (panel.rows)
    return "set lmargin -1; set xlabel " + quoted(panel.y.title) + "; set ylabel ''; set ytics " + tick_list(ticks) + "\n";
  double columns = 0;
  for (const Tick& tick : ticks) columns += static_cast<double>(display_width(tick.label) + 1);
  constexpr double kFitting = 80;
  return "set lmargin 10; set xlabel " + quoted(panel.x.title) + "; set ylabel " + quoted(panel.y.title) + "; set xtics " +
         (columns > kFitting * width ? "rotate by 55 right " : "") + tick_list(ticks) + "\n";
}

std::string curve_settings(const Panel& panel, double width) {
  std::string text = "set lmargin 10; set xlabel " + quoted(panel.x.title) + "; set ylabel " + quoted(panel.y.title) + "\n";
  if (panel.x.scale == Scale::logarithmic) text += "set logscale x\n";
  if (panel.y.scale == Scale::logarithmic) text += "set logscale y\n";
  const double range = range_of_x(panel);
  if (!panel.x.ticks.empty()) {
    text += "set xtics " + tick_list(panel.x.ticks) + "\n";
  } else if (panel.x.scale == Scale::linear && range > 0) {
    text += "set xtics " + number(round_distance(range, std::max(2, static_cast<int>(10 * width)))) + "\n";
  }
  if (!panel.y.ticks.empty()) text += "set ytics " + tick_list(panel.y.ticks) + "\n";
  return text;
}

/// `width`: of the picture, a fraction.
std::string panel_commands(const Panel& panel, std::size_t number_of_panel, double width) {
  std::string text = "unset logscale; unset arrow; set xtics norotate autofreq; set ytics autofreq\n";
  text += panel.categories.empty() ? curve_settings(panel, width) : category_settings(panel, width);
  const double end = panel.x.high.value_or(static_cast<double>(panel.categories.size()) - 1);
  const std::string categories = "[-0.7:" + number(end + 0.7) + "] ";
  const std::string values = range_text(panel.y.low, panel.y.high) + " ";
  if (panel.rows) {
    text += "set arrow from 0, graph 0 to 0, graph 1 nohead dashtype 2 linecolor rgb '#444444'\n";
    text += "plot " + values + categories;
  } else {
    text += "plot " + (panel.categories.empty() ? range_text(panel.x.low, panel.x.high) + " " : categories) + values;
  }
  for (std::size_t k = 0; k < panel.series.size(); ++k) {
    const Series& series = panel.series[k];
    const std::string name = block(number_of_panel, k);
    text += k > 0 ? ", \\\n" : "\\\n";
    text += panel.categories.empty() ? curve(series, name)
            : panel.rows             ? row_marks(series, name, panel.categories.size())
                                     : upright_bars(series, name, k, panel.series.size());
  }
  return text + "\n";
}

/// Heights in pixels of stacked panels.
int stacked_height(const Panel& panel) {
  constexpr int kCurve = 480, kUpright = 250, kAxis = 90, kRow = 28;
  if (panel.categories.empty()) return kCurve;
  return panel.rows ? kAxis + kRow * static_cast<int>(panel.categories.size()) : kUpright;
}

/// Where a panel is, in fractions of the picture from its lower left corner.
struct Place {
  double x, y, width, height;
};

std::vector<Place> places_of(const Figure& figure, int& height) {
  const std::size_t count = figure.panels.size();
  constexpr double kTitle = 38;
  const double title = figure.title.empty() ? 0 : kTitle;
  std::vector<Place> places;
  if (figure.layout == PanelLayout::stacked) {
    height = static_cast<int>(title);
    for (const Panel& panel : figure.panels) height += stacked_height(panel);
    double top = 1 - title / height;
    for (const Panel& panel : figure.panels) {
      const double share = static_cast<double>(stacked_height(panel)) / height;
      top -= share;
      places.push_back({0, top, 1, share});
    }
    return places;
  }
  height = count == 1 ? 480 : 760;
  const double bottom = count == 1 ? 0 : 0.4;
  places.push_back({0, bottom, 1, 1 - bottom - title / height});
  for (std::size_t i = 1; i < count; ++i) {
    const double width = 1 / static_cast<double>(count - 1);
    places.push_back({static_cast<double>(i - 1) * width, 0, width, bottom});
  }
  return places;
}

}  // namespace

std::string gnuplot_commands(const Figure& figure, PictureFormat format) {
  int height = 0;
  const std::vector<Place> places = places_of(figure, height);
  const std::string size = " size " + std::to_string(kWidth) + "," + std::to_string(height);
  std::string text =
      format == PictureFormat::svg
          ? "set terminal svg" + size + " font 'Helvetica,Arial,sans-serif' fontscale 1.05 noenhanced background '#ffffff'\n"
          : "set terminal pngcairo" + size + " font 'Sans,11' noenhanced background '#ffffff'\n";
  text += kStyle;
  for (std::size_t p = 0; p < figure.panels.size(); ++p) {
    for (std::size_t k = 0; k < figure.panels[p].series.size(); ++k)
      text += data_of(figure.panels[p].series[k], block(p, k));
  }
  text += "set multiplot title " + quoted(figure.title) + "\nset rmargin 2\n";
  for (std::size_t p = 0; p < figure.panels.size(); ++p) {
    const Place& place = places[p];
    text += p == 0 ? key_of(figure.panels[p]) : "unset key\n";
    text += "set origin " + number(place.x) + ", " + number(place.y) + "; set size " + number(place.width) + ", " +
            number(place.height) + "\n";
    text += panel_commands(figure.panels[p], p, place.width);
  }
  return text + "unset multiplot\n";
}

}  // namespace lm
