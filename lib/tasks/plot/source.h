// The sources of a picture: lines of JSON, or a table of numbers.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "tasks/plot/plot.h"

namespace lm {

/// A source in memory. A line is an object of JSON, or a row of a table, of which an object is made: the columns, separated by
/// tabs or else by blanks, are x, loss and run, or what the first line names, the second of them loss.
class SourceRows {
 public:
  /// Throws Error if it cannot be read or is empty.
  explicit SourceRows(const PlotSource& source);

  const std::string& name() const { return name_; }
  const std::string& path() const { return content_.name(); }
  /// Returns what the first row is. Throws Error if that is not known.
  PlotKind kind() const;
  /// Returns what the first line calls the first column of a table, which rows have as x.
  std::string first_column() const;
  /// Gives each row, and its place for messages: "runs.jsonl, line 3". Throws Error for a line that is neither. `cut` rows are
  /// what a program left that was killed while it wrote: the last line may have no end, and a line may begin with one that has
  /// none; both are left out.
  using Take = std::function<void(const JsonValue& row, const std::string& place)>;
  enum class Cut { refused, left_out };
  void each(Cut cut, const Take& take) const;

 private:
  struct Line {
    std::string_view text;
    std::int64_t number = 0;
    bool has_end = true;
  };
  std::vector<Line> lines() const;
  std::vector<std::string> columns() const;
  bool has_surprisals() const;
  std::string place_of(const Line& line) const;
  JsonValue table_row(const Line& line, const std::vector<std::string>& columns) const;

  std::string name_;
  FileContent content_;
};

/// Returns a number, also one written as "inf" or "nan"; NaN if it is null or missing. Throws Error for anything else.
double optional_number(const JsonValue& row, std::string_view key, const std::string& place);
/// Returns a number that has to be there and finite.
double required_number(const JsonValue& row, std::string_view key, const std::string& place);
/// Returns a string, or the other one if it is null or missing.
/// Returns what a report of a model is called: `name`, or `model` unless that is a hash, else `other`.
std::string model_name(const JsonValue& row, const std::string& other, const std::string& place);
std::string text_or(const JsonValue& row, std::string_view key, const std::string& other, const std::string& place);

}  // namespace lm
