// --config and --dump-config: options as flat TOML, one `option = value` a line.
#pragma once

#include <CLI/App.hpp>
#include <CLI/ConfigFwd.hpp>
#include <istream>
#include <string>
#include <utility>
#include <vector>

namespace lm::cmd {

/// Reads what write_config() writes and the rest of TOML that options can need: comments, strings (basic and literal),
/// numbers, booleans, and arrays of them. Tables, dates and strings over several lines are refused, as are unknown and
/// repeated keys, by CLI::ParseError with file and line.
class TomlConfig : public CLI::Config {
 public:
  explicit TomlConfig(const CLI::App& app) : app_(app) {}
  /// Names the file in messages.
  void set_source(const std::string& source) { source_ = source; }
  std::vector<CLI::ConfigItem> from_config(std::istream& input) const override;
  std::string to_config(const CLI::App* app, bool default_also, bool write_description, std::string prefix) const override;

 private:
  const CLI::App& app_;
  std::string source_ = "configuration";
};

/// Returns every option given, in a form that --config reads back, and as comments every default that --help shows.
std::string write_config(const CLI::App& app);

/// Returns the options that were given, on the command line or by --config: each as it is spelt, and its value,
/// or all of its values with spaces between if it can be repeated.
std::vector<std::pair<std::string, std::string>> given_options(const CLI::App& app);

/// Returns the folders in which what is shared may be: share/lm beside the built or installed program, and as configured.
std::vector<std::string> share_folders();

/// Returns the file that --config VALUE means: VALUE itself if it is a file, else share/lm/VALUE.toml beside the installed
/// or built program. Throws CLI::ValidationError if there is none, listing the names there are.
std::string find_config(const std::string& value);

}  // namespace lm::cmd
