#include "tasks/plot/plot.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "tasks/plot/gnuplot.h"
#include "tasks/plot/table.h"
#include "tasks/plot/text_chart.h"

namespace lm {
namespace {

std::vector<std::string> plot_lines(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

Figure figure_of(Panel panel) { return {.title = "", .panels = {std::move(panel)}}; }

}  // namespace

TEST_CASE("ticks of counts are round, few, inside the range and named by their unit") {
  const std::vector<Tick> ticks = count_ticks(8e3, 1.2e6);
  REQUIRE(ticks.size() == 5);
  const char* const labels[] = {"10k", "50k", "100k", "500k", "1M"};
  for (std::size_t i = 0; i < 5; ++i) CHECK(ticks[i].label == labels[i]);
  CHECK(ticks[3].value == doctest::Approx(5e5));
  for (const double high : {1e3, 1e9, 1e18, 1e40, 1e300}) {
    CHECK(count_ticks(1, high).size() >= 2);
    CHECK(count_ticks(1, high).size() <= 12);
  }
  CHECK(count_ticks(0, 1).empty());
  CHECK(count_ticks(std::numeric_limits<double>::quiet_NaN(), 1).empty());
}

TEST_CASE("round distances are 1, 2 or 5 times a power of ten, and never more of them than asked for") {
  CHECK(round_distance(300, 10) == doctest::Approx(50));
  CHECK(round_distance(100, 10) == doctest::Approx(10));
  CHECK(round_distance(0.7, 4) == doctest::Approx(0.2));
  CHECK(round_distance(0, 4) == 1);
}

TEST_CASE("losses have at least two ticks, whatever their range") {
  for (const auto& [low, high] : {std::pair{1.7, 6.5}, std::pair{2.9, 3.0}, std::pair{0.01, 0.02}, std::pair{0.1, 90.0}})
    CHECK(loss_ticks(low, high).size() >= 2);
}

TEST_CASE("names and titles are strings to gnuplot, on one line, whatever they hold") {
  Panel panel{.x = {.title = "x"}, .y = {.title = "y"}, .series = {}};
  panel.series.push_back({.name = "it's\n!touch a\n#`b`", .mark = Mark::line, .x = {1, 2}, .y = {1, NAN}});
  Figure figure = figure_of(panel);
  figure.title = "\n!touch c";
  const std::string commands = gnuplot_commands(figure, PictureFormat::svg);
  CHECK(commands.find("title 'it''s !touch a #`b`'") != std::string::npos);
  CHECK(commands.find("title ' !touch c'") != std::string::npos);
  for (const std::string& line : plot_lines(commands)) CHECK(line[0] != '!');
  CHECK(commands.find("\n2 NaN\n") != std::string::npos);
}

TEST_CASE("a chart of characters has its first point on the left and its highest at the top, as wide as asked for") {
  Panel panel{.x = {.title = "steps"}, .y = {.title = "loss"}, .series = {}};
  panel.series.push_back({.name = "falls", .mark = Mark::points, .x = {0, 5, 10}, .y = {9, NAN, 1}});
  const std::vector<std::string> lines = plot_lines(text_chart(figure_of(panel), 50));
  REQUIRE(lines.size() == 20);  // title, 16 rows, axis, its numbers, key
  CHECK(lines[0] == "loss");
  CHECK(lines[1] == "         9 |*");
  CHECK(lines[16] == "         1 |" + std::string(37, ' ') + "*");
  CHECK(lines[17].size() == 50);
  CHECK(lines[18].size() == 50);
  CHECK(lines[19] == "  * falls");
  for (std::size_t i = 2; i < 16; ++i) CHECK(lines[i].find('*') == std::string::npos);
}

TEST_CASE("curves are joined, and on logarithmic axes a power is a straight line") {
  Panel panel{
      .x = {.title = "", .scale = Scale::logarithmic}, .y = {.title = "", .scale = Scale::logarithmic}, .series = {}};
  panel.series.push_back({.name = "", .mark = Mark::line, .x = {1, 1e4}, .y = {1e4, 1}});
  const std::vector<std::string> lines = plot_lines(text_chart(figure_of(panel), 43));
  for (std::size_t row = 0; row < 16; ++row) {
    const std::size_t column = lines[row + 1].find('*');
    REQUIRE(column != std::string::npos);
    CHECK(std::abs(static_cast<double>(column) - 12 - 2 * static_cast<double>(row)) <= 1);
  }
}

TEST_CASE("an empty series, a single point and values that are not finite make a chart") {
  for (const double y : {3.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    Panel panel{.x = {.title = ""}, .y = {.title = ""}, .series = {}};
    panel.series.push_back({.name = "", .mark = Mark::line, .x = {7}, .y = {y}});
    panel.series.push_back({.name = "", .mark = Mark::line});
    CHECK(plot_lines(text_chart(figure_of(panel), 1)).size() == 19);
  }
}

TEST_CASE("bars are as long as their values, on both sides of zero, and intervals are around their value") {
  Panel panel{.x = {.title = ""}, .y = {.title = "difference"}, .series = {}, .categories = {"a", "b"}};
  panel.series.push_back({.name = "", .mark = Mark::bars, .x = {0, 1}, .y = {-1, 2}});
  std::vector<std::string> lines = plot_lines(text_chart(figure_of(panel), 60));
  REQUIRE(lines.size() == 3);
  const auto bar = [](const std::string& line) { return std::count(line.begin(), line.end(), '#'); };
  CHECK(std::abs(bar(lines[2]) - 2 * bar(lines[1])) <= 1);
  CHECK(lines[1].rfind('#') < lines[2].find('#'));
  panel.series[0].mark = Mark::intervals;
  panel.series[0].low = {-1.5, 1};
  panel.series[0].high = {-0.5, 3};
  lines = plot_lines(text_chart(figure_of(panel), 60));
  CHECK(lines[2].find("|---") < lines[2].find('*'));
  CHECK(lines[2].find(':') < lines[2].find('*'));
  CHECK(lines[2].ends_with("2.000 [1.000, 3.000]"));
}

TEST_CASE("a table reads back: strings without tabs and line ends, numbers to the last bit") {
  const Table table{.columns = {"name", "value"},
                    .rows = {{"a\tb\n\\c", 0.1}, {"d", std::numeric_limits<double>::quiet_NaN()}}};
  CHECK(to_tsv(table) == "name\tvalue\na\\tb\\n\\\\c\t0.1\nd\tnan\n");
  CHECK(to_json_lines(table) == "{\"name\":\"a\\tb\\n\\\\c\",\"value\":0.1}\n{\"name\":\"d\",\"value\":null}\n");
}

}  // namespace lm
