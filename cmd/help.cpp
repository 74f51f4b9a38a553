#include "help.h"

#include <CLI/Formatter.hpp>
#include <algorithm>
#include <array>
#include <sstream>
#include <string_view>
#include <vector>

namespace lm::cmd {
namespace {

constexpr std::size_t kWidth = 100;
constexpr std::size_t kColumn = 30;  // where descriptions begin

/// The groups that come first, in this order, whatever was declared first: what is required, then what a run is made of.
constexpr std::array<std::string_view, 8> kFirstGroups = {"Options",   "Budget",     "Model",       "Objective",
                                                          "Optimizer", "Validation", "Checkpoints", "Inspection"};
constexpr std::string_view kLastGroup = "Common options";

/// Returns `text` broken at spaces; the first line starts at column `at`, the others are indented to `indent`.
std::string wrap(const std::string& text, std::size_t at, std::size_t indent) {
  std::istringstream words(text);
  std::string result;
  bool line_empty = true;
  for (std::string word; words >> word;) {
    if (!line_empty && at + 1 + word.size() > kWidth) {
      result += "\n" + std::string(indent, ' ');
      at = indent;
      line_empty = true;
    }
    if (!line_empty) result += ' ';
    at += word.size() + (line_empty ? 0 : 1);
    result += word;
    line_empty = false;
  }
  return result;
}

std::string option_names(const CLI::Option& option) {
  std::string names;
  for (const std::string& name : option.get_snames()) names += (names.empty() ? "-" : ", -") + name;
  for (const std::string& name : option.get_lnames()) names += (names.empty() ? "--" : ", --") + name;
  if (option.get_type_size() != 0 && !option.get_type_name().empty()) names += " " + option.get_type_name();
  return names;
}

/// Breaks a long list of words behind the last '|' that fits.
std::string break_words(std::string left) {
  constexpr std::size_t kIndent = 6;
  for (std::size_t line = 0; left.size() - line > kWidth;) {
    const std::size_t bar = left.rfind('|', line + kWidth - 1);
    if (bar == std::string::npos || bar <= line + kIndent) break;
    left.insert(bar + 1, "\n" + std::string(kIndent, ' '));
    line = bar + 2;
  }
  return left;
}

std::string option_line(const CLI::Option& option) {
  std::string left = "  ";
  if (option.nonpositional()) {
    left += option_names(option);
  } else {
    left += option.get_name(true, false) + (option.get_expected_max() > 1 ? "..." : "");
  }
  std::string description = option.get_description();
  if (option.get_type_size() != 0 && !option.get_default_str().empty()) {
    description += " (default: " + option.get_default_str() + ")";
  }
  left = break_words(left);
  if (left.size() + 2 > kColumn) {
    left += "\n" + std::string(kColumn, ' ');
  } else {
    left.resize(kColumn, ' ');
  }
  return left + wrap(description, kColumn, kColumn) + "\n";
}

std::size_t rank_of(std::string_view group) {
  if (group == kLastGroup) return kFirstGroups.size() + 1;
  return static_cast<std::size_t>(std::find(kFirstGroups.begin(), kFirstGroups.end(), group) - kFirstGroups.begin());
}

/// Returns the groups in their order: those of kFirstGroups, then the others as their first options were declared.
std::vector<std::string> group_names(const std::vector<const CLI::Option*>& options) {
  std::vector<std::string> names;
  for (const CLI::Option* option : options) {
    const std::string& group = option->get_group();
    if (!group.empty() && std::find(names.begin(), names.end(), group) == names.end()) names.push_back(group);
  }
  std::stable_sort(names.begin(), names.end(),
                   [](const std::string& a, const std::string& b) { return rank_of(a) < rank_of(b); });
  return names;
}

}  // namespace

std::string HelpFormatter::make_help(const CLI::App* app, std::string name, CLI::AppFormatMode) const {
  const std::string head = "usage: " + name + " ";
  std::string text = head + wrap(usage_, head.size(), head.size()) + "\n" + wrap(app->get_description(), 0, 0) + "\n";
  const std::vector<const CLI::Option*> options = app->get_options({});
  std::string arguments;
  for (const CLI::Option* option : options) {
    if (!option->nonpositional()) arguments += option_line(*option);
  }
  if (!arguments.empty()) text += "\nArguments:\n" + arguments;
  for (const std::string& group : group_names(options)) {
    std::string lines;
    for (const CLI::Option* option : options) {
      if (option->nonpositional() && option->get_group() == group) lines += option_line(*option);
    }
    if (!lines.empty()) text += "\n" + group + ":\n" + lines;
  }
  return text;
}

}  // namespace lm::cmd
