// Which files a program reads, and as what: FILE, --files-from and --binary, of every program that reads text.
#pragma once

#include <CLI/App.hpp>
#include <string>
#include <vector>

#include "base/text_input.h"
#include "named_files.h"

namespace lm::cmd {

/// Adds --binary: any bytes are text, whatever kind of file they are.
CLI::Option* add_binary(CLI::App& app, Accept& accept);

/// The inputs as they were named.
struct Inputs {
  std::vector<std::string> files = {};  // FILE
  std::string list = {};                // --files-from
  bool empty() const { return files.empty() && list.empty(); }
};

/// Adds --files-from.
CLI::Option* add_files_from(CLI::App& app, Inputs& inputs);

/// Returns the files to read: FILEs, then those of the list; standard input if there are none. If `use` is text (or scored),
/// folders are replaced by the texts below them, and a warning says what was left out. Before that, all of them are declared to
/// `named`, which knows the other files already and is checked. Throws UsageError or Error.
std::vector<std::string> find_inputs(NamedFiles& named, const Inputs& inputs, FileUse use, Accept accept);

}  // namespace lm::cmd
