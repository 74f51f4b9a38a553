// A name as it is typed in a command that a message advises.
#pragma once

#include <string>
#include <string_view>

namespace lm {

/// Returns the word that a POSIX shell reads as `name` and a program as a file: in single quotes if it holds anything that a
/// shell would read otherwise, such as a blank, and after ./ if it begins with a hyphen.
std::string shell_word(std::string_view name);

}  // namespace lm
