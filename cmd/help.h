// The text of --help: usage, arguments and options in groups, wrapped to 100 columns.
#pragma once

#include <CLI/App.hpp>
#include <CLI/FormatterFwd.hpp>
#include <string>

namespace lm::cmd {

/// Writes the text of --help, whose first line has `usage` after the program's name.
class HelpFormatter : public CLI::FormatterBase {
 public:
  explicit HelpFormatter(std::string usage) : usage_(std::move(usage)) {}
  std::string make_help(const CLI::App* app, std::string name, CLI::AppFormatMode mode) const override;

 private:
  std::string usage_;
};

}  // namespace lm::cmd
