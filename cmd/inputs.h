// The option --binary, of every program that reads text.
#pragma once

#include <CLI/App.hpp>

#include "base/text_input.h"

namespace lm::cmd {

/// Adds --binary: any bytes are text, whatever kind of file they are.
CLI::Option* add_binary(CLI::App& app, Accept& accept);

}  // namespace lm::cmd
