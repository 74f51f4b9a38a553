// lm-info: what a file is, of this toolkit or from elsewhere.
#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "named_files.h"
#include "options.h"
#include "program.h"
#include "tasks/info/info.h"

namespace lm::cmd {
namespace {

struct Options {
  std::vector<std::string> files;
  bool json = false, tensors = false;
};

void add_options(CLI::App& app, Options& options) {
  app.add_flag("--json", options.json, "print one JSON object a line for each file");
  app.add_flag("--tensors", options.tensors, "list tensors: name, shape, type and bytes");
  add_files(app, "FILE", options.files, "files and folders of any kind");
}

int run(const Options& options, const CommonOptions& common) {
  if (options.files.empty()) throw UsageError("expected a file or folder");
  NamedFiles named(common);
  named.reads("FILE", options.files);
  named.check();
  const std::unique_ptr<OutputStream> output = open_output("-");
  const InfoTensors tensors = options.tensors ? InfoTensors::listed : InfoTensors::left_out;
  bool failed = false, first = true;
  for (const std::string& path : options.files) {
    try {
      const FileInfo info = inspect(path);
      if (!options.json && !first) output->write("\n");
      output->write(options.json ? info_json(info, tensors) : info_text(info, tensors));
      first = false;
    } catch (const Error& error) {
      output->flush();
      spdlog::error("{}", error.what());
      failed = true;
    }
  }
  output->close();
  return failed ? 1 : 0;
}

}  // namespace
}  // namespace lm::cmd

int main(int argc, char** argv) {
  using namespace lm::cmd;
  Options options;
  return run_program(argc, argv,
                     {.name = "lm-info",
                      .summary = "say what a file is",
                      .usage = "[--json] [--tensors] FILE...",
                      .add_options = [&](CLI::App& app) { add_options(app, options); },
                      .body = [&](const CommonOptions& common) { return run(options, common); }});
}
