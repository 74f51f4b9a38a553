// lm-convert: a tokenizer from one form to another.
#include <string>
#include <vector>

#include "base/error.h"
#include "named_files.h"
#include "options.h"
#include "program.h"
#include "tasks/tokenize/convert_tokenizer.h"
#include "tokenizer_options.h"

namespace lm::cmd {
namespace {

struct Options {
  TokenizerOptions tokenizer;
  std::vector<std::string> names;
};

void add_options(CLI::App& app, Options& options) {
  add_tokenizer_options(app, options.tokenizer);
  add_files(app, "IN OUT", options.names, "a tokenizer, and where it goes: NAME.json, NAME.tiktoken or FOLDER/");
}

TokenizerForm form_of(const std::string& name) {
  try {
    return tokenizer_form(name);
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
}

int run(const Options& options, const CommonOptions& common) {
  if (options.names.size() != 2) throw UsageError("expected two names: the tokenizer, and where it goes");
  const std::string &from = options.names[0], &to = options.names[1];
  const TokenizerForm form = form_of(to);
  NamedFiles named(common);
  named.reads("IN", from);
  if (form == TokenizerForm::folder) {
    named.writes_model("OUT", to);
  } else {
    named.writes("OUT", to);
  }
  named.check();
  write_tokenizer_as(to, form, open_tokenizer(from, options.tokenizer));
  return 0;
}

}  // namespace
}  // namespace lm::cmd

int main(int argc, char** argv) {
  using namespace lm::cmd;
  Options options;
  return run_program(argc, argv,
                     {
                         .name = "lm-convert",
                         .summary = "write a tokenizer in another form",
                         .usage = "IN OUT",
                         .products = Products::made,
                         .add_options = [&](CLI::App& app) { add_options(app, options); },
                         .body = [&](const CommonOptions& common) { return run(options, common); },
                     });
}
