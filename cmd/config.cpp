#include "config.h"

#include <CLI/Config.hpp>
#include <algorithm>
#include <filesystem>
#include <istream>

#include "base/error.h"
#include "base/file.h"
#include "base/file_use.h"
#include "base/suggest.h"
#include "toml.h"
#include "unknown.h"

namespace lm::cmd {
namespace {

namespace fs = std::filesystem;

/// Returns what comes, and at most one byte of what is beyond `size`.
std::string read_at_most(std::istream& input, std::size_t size) {
  std::string text(size + 1, '\0');
  input.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(input.gcount()));
  return text;
}

const CLI::Option* find_option(const CLI::App& app, const std::string& key) {
  for (const std::string& name : {"--" + key, "-" + key, key}) {
    if (name == "-" + key && key.size() != 1) continue;
    const CLI::Option* option = app.get_option_no_throw(name);
    if (option != nullptr && option->get_configurable()) return option;
  }
  return nullptr;
}

std::string config_key(const CLI::Option& option) {
  if (!option.get_lnames().empty()) return option.get_lnames().front();
  if (!option.get_snames().empty()) return option.get_snames().front();
  return option.get_name(true, false);
}

/// Returns whether an option can be given several times, and all of its values count.
bool repeats(const CLI::Option& option) { return option.get_items_expected_max() > 1; }

std::string unknown_key(const CLI::App& app, const std::string& key) {
  std::vector<std::string> similar;
  for (std::string& name : similar_options(app, key)) {
    if (find_option(app, name) != nullptr) similar.push_back(std::move(name));
  }
  return "unknown key '" + key + "'" + did_you_mean(similar);
}

/// Returns what write_config() writes after `key = ` for an option that was given.
std::string config_value(const CLI::Option& option) {
  const std::vector<std::string>& given = option.results();
  if (!repeats(option)) return toml_value(given.back());
  if (given.size() == 1) return toml_value(given.front());
  std::string list;
  for (const std::string& value : given) list += (list.empty() ? "[" : ", ") + toml_value(value);
  return list + "]";
}

std::string joined(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : " ") + value;
  return text;
}

/// Throws CLI::ValidationError if the file is recognized as something else.
void check_is_config(const std::string& path) {
  try {
    require_kind(FileUse::config, path);
  } catch (const Error& error) {
    throw CLI::ValidationError(error.what());
  }
}

}  // namespace

std::vector<CLI::ConfigItem> TomlConfig::from_config(std::istream& input) const {
  const std::string text = read_at_most(input, kConfigLimit.bytes);
  try {
    refuse_beyond(kConfigLimit, text.size(), source_);
  } catch (const Error& error) {
    throw CLI::ConfigError(error.what());
  }
  std::vector<CLI::ConfigItem> items;
  try {
    for (TomlItem& item : read_toml(text)) {
      const CLI::Option* option = find_option(app_, item.key);
      if (option == nullptr) throw TomlError(item.line, unknown_key(app_, item.key));
      if (item.is_list && !repeats(*option)) throw TomlError(item.line, "'" + item.key + "' takes one value, not a list");
      if (item.values.empty()) continue;
      items.emplace_back();
      items.back().name = std::move(item.key);
      items.back().inputs = std::move(item.values);
    }
  } catch (const TomlError& error) {
    throw CLI::ConfigError("cannot use '" + source_ + "', " + error.place() + ": " + error.what());
  }
  return items;
}

std::string TomlConfig::to_config(const CLI::App* app, bool, bool, std::string) const { return write_config(*app); }

std::string write_config(const CLI::App& app) {
  std::string text;
  for (const CLI::Option* option : app.get_options({})) {
    if (!option->get_configurable()) continue;
    const std::string line = config_key(*option) + " = ";
    if (option->count() > 0) {
      text += line + config_value(*option) + "\n";
    } else if (option->get_type_size() != 0 && !option->get_default_str().empty()) {
      // Read back as a value, a default would count as given, and overrule what is chosen or inherited.
      text += "# " + line + toml_value(option->get_default_str()) + "\n";
    }
  }
  return text;
}

std::vector<std::pair<std::string, std::string>> given_options(const CLI::App& app) {
  std::vector<std::pair<std::string, std::string>> given;
  for (const CLI::Option* option : app.get_options({})) {
    if (!option->get_configurable() || option->count() == 0) continue;
    const std::vector<std::string>& results = option->results();
    std::string value = results.back();
    if (repeats(*option)) value = joined(results);
    given.emplace_back((option->get_positional() ? "" : "--") + config_key(*option), value);
  }
  return given;
}

std::vector<std::string> share_folders() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error).parent_path();
  std::vector<std::string> folders;
  if (!error) folders.emplace_back((program / "../share/lm").string());
  folders.emplace_back(LM_SHARE_DIR);
  return folders;
}

std::string find_config(const std::string& value) {
  std::error_code error;
  if (fs::exists(value, error) && !fs::is_directory(value, error)) {
    check_is_config(value);
    return value;
  }
  std::vector<std::string> names;
  std::string places;
  for (const fs::path folder : share_folders()) {
    const fs::path candidate = folder / (value + ".toml");
    if (value.find('/') == std::string::npos && fs::exists(candidate, error)) return candidate.string();
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
      if (entry.path().extension() == ".toml") names.push_back(entry.path().stem().string());
    }
    const std::string place = fs::weakly_canonical(folder, error).string();
    places += (places.empty() ? " in '" : " and '") + place + "'";
  }
  if (fs::is_directory(value, error)) check_is_config(value);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  std::string known;
  for (const std::string& name : names) known += (known.empty() ? "" : ", ") + name;
  throw CLI::ValidationError("cannot find configuration '" + value + "': there is no such file; presets" + places + ": " +
                             (known.empty() ? "none" : known) + did_you_mean(similar_words(value, names)));
}

}  // namespace lm::cmd
