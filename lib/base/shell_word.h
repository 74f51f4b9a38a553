// A name as it is typed in a command that a message advises.
#pragma once

#include <string>
#include <string_view>

namespace lm {

/// Returns the word that a POSIX shell reads as `name` and a program as a file: in single quotes if it holds anything that a
/// shell would read otherwise, such as a blank, and after ./ if it begins with a hyphen.
std::string shell_word(std::string_view name);

/// Returns `advice` with the word of the input `name` in place of each PATH: FILE for standard input.
std::string with_path(std::string advice, const std::string& name);

/// Returns `advice` with `word` in place of each PATH.
std::string with_word(std::string advice, std::string_view word);

}  // namespace lm
