#include "tasks/plot/source.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "base/error.h"
#include "base/path.h"
#include "base/printable.h"

namespace lm {
namespace {

constexpr FileLimit kPlotLimit{.bytes = std::uint64_t{1} << 30U, .kind = "what a picture is drawn from"};
constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
// How lm-train's metrics begin.
constexpr std::string_view kMetricsBegin = "{\"step\":";

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r") == std::string_view::npos; }

bool is_object(std::string_view text) { return text.starts_with('{'); }

std::vector<std::string> cells_of_row(std::string_view line) {
  if (line.ends_with('\r')) line.remove_suffix(1);
  const bool by_tabs = line.find('\t') != std::string_view::npos;
  std::vector<std::string> cells;
  while (!line.empty()) {
    const std::size_t end = line.find(by_tabs ? '\t' : ' ');
    if (by_tabs || end != 0) cells.emplace_back(line.substr(0, end));
    line = end == std::string_view::npos ? std::string_view() : line.substr(end + 1);
  }
  return cells;
}

std::optional<double> number_of(std::string_view text) {
  double number = 0;
  if (text.starts_with('+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// Returns the names of the columns if the line has them, of which the second is "loss"; else nothing.
std::vector<std::string> header_of(std::string_view line) {
  std::vector<std::string> cells = cells_of_row(line);
  return cells.size() >= 2 && cells[1] == "loss" ? cells : std::vector<std::string>();
}

/// Returns the object of a line, or nothing if it was cut: the last line that has no end, or one whose rest follows what was
/// cut off. Throws Error for others that are no JSON.
std::optional<JsonValue> parse_cut(std::string_view text, bool has_end, const std::string& place) {
  try {
    return JsonValue::parse(text, place);
  } catch (const Error&) {
    const std::size_t again = text.rfind(kMetricsBegin);
    if (again != 0 && again != std::string_view::npos) return parse_cut(text.substr(again), has_end, place);
    if (has_end) throw;
    return std::nullopt;
  }
}

bool has(const JsonValue& row, std::string_view key) { return row.find(key) != nullptr; }

}  // namespace

SourceRows::SourceRows(const PlotSource& source) : name_(source.name), content_(FileContent::read(source.path, kPlotLimit)) {
  if (lines().empty()) throw Error("nothing to draw in '" + content_.name() + "': it is empty");
}

std::vector<SourceRows::Line> SourceRows::lines() const {
  std::vector<Line> result;
  std::string_view rest = content_.text();
  for (std::int64_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = rest.find('\n');
    const std::string_view text = rest.substr(0, end);
    if (!is_blank(text)) result.push_back({text, number, end != std::string_view::npos});
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
  }
  return result;
}

std::string SourceRows::place_of(const Line& line) const {
  return content_.name() + ", line " + std::to_string(line.number);
}

std::vector<std::string> SourceRows::columns() const {
  const std::vector<Line> all = lines();
  std::vector<std::string> named = is_object(all.front().text) ? std::vector<std::string>() : header_of(all.front().text);
  return named.empty() ? std::vector<std::string>{"x", "loss", "run"} : named;
}

std::string SourceRows::first_column() const { return columns().front(); }

/// Makes an object of a row: x and what else the columns name.
JsonValue SourceRows::table_row(const Line& line, const std::vector<std::string>& columns) const {
  const std::vector<std::string> cells = cells_of_row(line.text);
  if (cells.size() < 2 || !number_of(cells[0]) || !number_of(cells[1]))
    throw Error("cannot read '" + place_of(line) + "': expected an object of JSON, or two numbers, x and loss, found '" +
                printable(clip_to_columns(line.text, 40)) + "'");
  JsonValue row;
  row.set("x", *number_of(cells[0]));
  row.set("loss", *number_of(cells[1]));
  for (std::size_t i = 2; i < cells.size() && i < columns.size(); ++i) row.set(columns[i], cells[i]);
  return row;
}

void SourceRows::each(Cut cut, const Take& take) const {
  const std::vector<std::string> names = columns();
  bool first = true;
  for (const Line& line : lines()) {
    const bool is_header = std::exchange(first, false) && !is_object(line.text) && !header_of(line.text).empty();
    if (is_header) continue;
    const std::string place = place_of(line);
    if (!is_object(line.text)) {
      take(table_row(line, names), place);
    } else if (cut == Cut::refused) {
      take(JsonValue::parse(line.text, place), place);
    } else if (const std::optional<JsonValue> row = parse_cut(line.text, line.has_end, place)) {
      take(*row, place);
    }
  }
}

bool SourceRows::has_surprisals() const {
  const std::vector<Line> all = lines();
  return std::any_of(all.begin(), all.end(), [&](const Line& line) {
    const JsonValue row = is_object(line.text) ? JsonValue::parse(line.text, place_of(line)) : JsonValue();
    return has(row, "log_p") || has(row, "word");
  });
}

PlotKind SourceRows::kind() const {
  const Line line = lines().front();
  if (!is_object(line.text)) {
    if (header_of(line.text).empty()) table_row(line, {});
    return PlotKind::scaling;
  }
  const JsonValue row = JsonValue::parse(line.text, place_of(line));
  if (has(row, "step") && has(row, "tokens")) return PlotKind::metrics;
  if (has(row, "calibration")) return PlotKind::calibration;
  if (has(row, "frequency")) return PlotKind::frequency;
  if (has(row, "comparison")) return PlotKind::comparison;
  if (has(row, "log_p") || has(row, "word")) return PlotKind::surprisal;
  if (has(row, "x") && has(row, "loss")) return PlotKind::scaling;
  if (has(row, "documents") && (has(row, "loss") || has(row, "pseudo_loss"))) return PlotKind::comparison;
  // A report of several levels may begin with a document that has neither tokens nor words.
  if (has(row, "level") && has_surprisals()) return PlotKind::surprisal;
  throw Error("nothing to draw in '" + place_of(line) +
              "': its keys are those of no metrics, report or table that is known");
}

double optional_number(const JsonValue& row, std::string_view key, const std::string& place) {
  const JsonValue* value = row.find(key);
  if (value == nullptr || value->is_null()) return kMissing;
  double number = 0;
  if (value->to_double(number)) return number;
  if (const std::string* text = value->if_string()) {
    if (const std::optional<double> written = number_of(*text)) return *written;
  }
  throw Error("expected a number for '" + std::string(key) + "' in '" + place + "'");
}

double required_number(const JsonValue& row, std::string_view key, const std::string& place) {
  const double number = optional_number(row, key, place);
  if (!std::isfinite(number)) throw Error("expected a number for '" + std::string(key) + "' in '" + place + "'");
  return number;
}

std::string text_or(const JsonValue& row, std::string_view key, const std::string& other, const std::string& place) {
  const JsonValue* value = row.find(key);
  if (value == nullptr || value->is_null()) return other;
  if (const std::string* text = value->if_string()) return *text;
  throw Error("expected a string for '" + std::string(key) + "' in '" + place + "'");
}

std::string model_name(const JsonValue& row, const std::string& other, const std::string& place) {
  const std::string model = text_or(row, "model", "", place);
  const bool is_hash = model.size() == 32 && model.find_first_not_of("0123456789abcdef") == std::string::npos;
  return text_or(row, "name", model.empty() || is_hash ? other : model, place);
}

}  // namespace lm
