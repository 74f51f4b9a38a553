// A picture before it is drawn: panels with curves, or with a value for each of some categories. gnuplot.h and text_chart.h
// draw it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace lm {

enum class Mark { line, held_out, joined_points, points, circles, guide, bars, intervals };

/// A curve, or the values of the categories. What is NaN is not drawn.
struct Series {
  std::string name;            // empty: not in the key
  Mark mark = Mark::line;      // held_out and guide: dashed; guide: black; bars and intervals: of categories
  std::size_t color = 0;       // number of the run or model that it belongs to
  std::vector<double> x = {};  // numbers of categories: from 0
  std::vector<double> y = {};
  std::vector<double> low = {}, high = {};  // empty, or the ends of each value's interval
};

struct Tick {
  std::string label;
  double value = 0;
};

enum class Scale { linear, logarithmic };

struct Axis {
  std::string title;
  Scale scale = Scale::linear;
  std::optional<double> low = {}, high = {};  // where it ends, of categories the last number; else as the values are
  std::vector<Tick> ticks = {};               // else at round numbers
};

enum class KeyPlace { right, left, outside };

/// Values of categories are on the axis y, and in gnuplot's pictures on x if the categories are `rows`.
struct Panel {
  Axis x, y;
  std::vector<Series> series;
  std::vector<std::string> categories = {};
  bool rows = false;  // one category below the other, for long names
  KeyPlace key = KeyPlace::right;
};

/// Where panels are: the first large and the others side by side below it, or all below each other and of one size.
enum class PanelLayout { first_large, stacked };

struct Figure {
  std::string title;
  std::vector<Panel> panels;
  PanelLayout layout = PanelLayout::first_large;
};

/// Returns the ticks of a logarithmic axis at 1, 2 and 5 times powers of ten inside [low, high], few enough to be read: "50k".
std::vector<Tick> count_ticks(double low, double high);

/// Returns ticks at multiples of a round distance for a logarithmic axis over so short a range as that of losses.
std::vector<Tick> loss_ticks(double low, double high);

/// Returns a round distance of which about `count` fill `range`.
double round_distance(double range, int count);

}  // namespace lm
