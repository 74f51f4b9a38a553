#include "inputs.h"

#include <spdlog/spdlog.h>

#include "base/text_files.h"
#include "options.h"

namespace lm::cmd {

CLI::Option* add_binary(CLI::App& app, Accept& accept) {
  return app.add_flag_callback(
      "--binary", [&accept] { accept = Accept::anything; }, "take any bytes for text, whatever kind of file they are");
}

CLI::Option* add_files_from(CLI::App& app, Inputs& inputs) {
  return add_text(app, "--files-from", inputs.list,
                  "read the files that are named in LIST too, one a line or before a NUL byte", "LIST");
}

std::vector<std::string> find_inputs(NamedFiles& named, const Inputs& inputs, FileUse use, Accept accept) {
  TextFiles found;
  found.paths = inputs.files;
  if (inputs.empty()) found.paths = {"-"};
  if (!inputs.list.empty()) {
    named.reads("--files-from", inputs.list);
    const std::vector<std::string> listed = read_file_list(inputs.list);
    found.paths.insert(found.paths.end(), listed.begin(), listed.end());
  }
  if (use == FileUse::text || use == FileUse::scored) {
    for (const std::string& path : found.paths) {
      if (kind_of_path(path) == FileKind::folder) named.reads_tree("FILE", path);
    }
    found = find_text_files(use, found.paths, accept);
  }
  named.reads("FILE", found.paths);
  named.check();
  if (found.left_out > 0) {
    spdlog::warn("left out {} that {} no text, such as '{}'",
                 found.left_out == 1 ? "a file" : std::to_string(found.left_out) + " files",
                 found.left_out == 1 ? "is" : "are", found.first_left_out);
  }
  return found.paths;
}

}  // namespace lm::cmd
