// What to say of arguments that a program does not know.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace lm::cmd {

/// Returns the long options of the program (without dashes) that `name` may mean: the same word, how other programs call the
/// option, or a similar word.
std::vector<std::string> similar_options(const CLI::App& app, std::string_view name);

/// Throws UsageError if an argument is a long option with a single dash (`-vocab-size`), which would be read as short ones.
void refuse_single_dashes(const CLI::App& app, const std::vector<std::string>& arguments);

/// Returns the message of a parse that left something over: which of the arguments is not known, and what it may mean.
std::string unknown_argument(const CLI::App& app, const std::vector<std::string>& arguments);

}  // namespace lm::cmd
