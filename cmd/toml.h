// The flat part of TOML: `key = value` lines whose values are strings, numbers, booleans or arrays of them.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lm::cmd {

struct TomlItem {
  std::string key;
  std::vector<std::string> values;  // strings unescaped, numbers without underscores, booleans as written
  int line = 0;                     // from 1
  bool is_list = false;
};

class TomlError : public std::runtime_error {
 public:
  /// A column of 0 is not known, or does not matter.
  TomlError(int line, int column, const std::string& message) : std::runtime_error(message), line_(line), column_(column) {}
  TomlError(int line, const std::string& message) : TomlError(line, 0, message) {}
  int line() const { return line_; }
  /// Returns "line 3, column 5", or the line only.
  std::string place() const;

 private:
  int line_;
  int column_;
};

/// Reads items in the order of the text, in which strings may hold bytes that are not UTF-8. Throws TomlError for what is not
/// TOML, for a repeated key, and for what is not in that part: tables, dates, and strings over several lines.
std::vector<TomlItem> read_toml(std::string_view text);

/// Returns `text` as a TOML value: bare if it is a number or boolean, else a quoted string.
std::string toml_value(std::string_view text);

}  // namespace lm::cmd
