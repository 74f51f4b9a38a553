// A reader for the flat part of TOML: `key = value` lines whose values are strings, numbers, booleans or arrays of them.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lm::cmd {

struct TomlItem {
  std::string key;
  std::vector<std::string> values;  // strings unescaped, numbers and booleans as written
  int line = 0;                     // from 1
  bool is_list = false;
};

class TomlError : public std::runtime_error {
 public:
  TomlError(int line, const std::string& message) : std::runtime_error(message), line_(line) {}
  int line() const { return line_; }

 private:
  int line_;
};

/// Throws TomlError for what is not in that part, and for a repeated key.
std::vector<TomlItem> read_toml(std::string_view text);

/// `text` as a TOML value: bare where it is a number or boolean, else a quoted string.
std::string toml_value(std::string_view text);

}  // namespace lm::cmd
