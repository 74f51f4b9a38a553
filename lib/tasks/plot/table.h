// The numbers of a picture, for programs: rows of named columns, as TSV or as JSON lines.
#pragma once

#include <string>
#include <vector>

#include "base/json.h"

namespace lm {

struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<JsonValue>> rows;  // as many values each as there are columns; numbers and strings
};

/// Returns a line with the columns' names, then the rows; numbers read back to the same ones, missing ones are nan, and
/// backslashes, tabs and control characters of strings are escaped.
std::string to_tsv(const Table& table);

/// Returns an object a line; numbers that are missing are null.
std::string to_json_lines(const Table& table);

}  // namespace lm
