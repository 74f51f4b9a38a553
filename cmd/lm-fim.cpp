// lm-fim: writes what belongs between two texts, once or as a coprocess of an editor.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "inputs.h"
#include "named_files.h"
#include "options.h"
#include "output_names.h"
#include "program.h"
#include "sampling_options.h"
#include "tasks/infill/infill.h"
#include "tasks/infill/infill_input.h"
#include "tasks/infill/infill_output.h"
#include "tasks/infill/infill_requests.h"
#include "tasks/prompt/pack_weights.h"
#include "tokenizer_options.h"

namespace lm::cmd {
namespace {

struct Options {
  std::string model;
  TokenizerOptions tokenizer_options;
  InfillSource source;
  CursorUnit cursor_unit = CursorUnit::character;
  std::string layout = kAutoFimLayout;
  InfillOptions infilling;
  InfillOutput form;
  bool jsonl = false;
  std::string output = "-";
  HeldTypes types;
  const CLI::App* app = nullptr;  // knows which options were given
};

void add_input_options(CLI::App& app, Options& options) {
  add_text(app, "--prefix-file", options.source.prefix_file, "the text before the middle", "FILE");
  add_text(app, "--suffix-file", options.source.suffix_file, "the text after the middle", "FILE");
  add_parsed(app, "--marker", "STRING", options.source.marker, "what is in the text in place of the middle",
             "a text that is not empty", [&](const std::string& text) {
               options.source.marker = text;
               return !text.empty();
             });
  add_parsed(app, "--cursor", "LINE:COLUMN", "", "the middle is before this column; both count from 1",
             "a line and a column, both from 1, such as 12:3", [&](const std::string& text) {
               options.source.cursor = parse_cursor(text);
               return options.source.cursor.has_value();
             });
  add_choice(app, "--cursor-unit", options.cursor_unit, "what columns count");
  add_binary(app, options.source.accept);
}

void add_options(CLI::App& app, Options& options) {
  options.app = &app;
  InfillOptions& infilling = options.infilling;
  add_model(app, options.model, options.tokenizer_options);
  app.add_option("FILE", options.source.text, "the text with its marker (default: standard input, as -)")->type_name("");
  add_input_options(app, options);
  std::vector<std::string> layouts = fim_layout_names();
  layouts.insert(layouts.begin(), kAutoFimLayout);
  add_word(app, "--layout", {"layout", layouts}, options.layout, "order and tokens of the parts",
           [&](const std::string& word) { options.layout = word; });
  add_sampling_options(app,
                       {.max_tokens = infilling.max_tokens,
                        .sampling = infilling.sampling,
                        .seed = infilling.seed,
                        .samples = options.form.samples,
                        .stops = infilling.stops},
                       {.samples = "middles to write", .stop = "end the middle before this string"});
  add_decoding_options(app, infilling.drafting, options.types);
  app.add_flag("--single-line", infilling.single_line, "end the middle before the end of its first line");
  app.add_flag("--full", options.form.full, "print the whole text");
  app.add_flag("--json", options.form.json, "print one JSON object a line");
  app.add_flag("--jsonl", options.jsonl, "answer requests, one JSON object a line, until the input ends");
  add_text(app, "-o,--output", options.output, "where to write", "FILE");
}

void check(const Options& options) {
  const auto given = [&](const char* name) { return options.app->count(name) > 0; };
  const bool by_files = options.source.is_two_files();
  if (by_files + given("--marker") + given("--cursor") > 1)
    throw UsageError("--prefix-file or --suffix-file, --marker, and --cursor exclude each other");
  if (given("--cursor-unit") && !given("--cursor"))
    throw UsageError("--cursor-unit says what --cursor's columns count; give --cursor LINE:COLUMN too");
  check_stops(options.infilling.stops);
  if (by_files && given("FILE")) throw UsageError("--prefix-file or --suffix-file, and a text exclude each other");
  if (!options.jsonl) return;
  if (by_files || given("--marker") || given("--cursor"))
    throw UsageError("with --jsonl the text around the middle comes in requests, not by other options");
  if (options.form.full || options.form.json || options.form.samples != 1)
    throw UsageError("--jsonl excludes --full, --json and --samples");
}

void check_files(const Options& options, const CommonOptions& common) {
  NamedFiles files(common);
  files.reads("MODEL", options.model);
  files.reads("--prefix-file", options.source.prefix_file);
  files.reads("--suffix-file", options.source.suffix_file);
  // A text can be edited in place, since it is read whole; requests are answered as they come.
  if (!options.source.is_two_files()) {
    if (!options.form.full && !options.jsonl && options.output != "-" && same_or_inside(options.source.text, options.output))
      throw UsageError("-o '" + options.output + "' would replace the text that is read by its middle only; " +
                       "edit it in place with --full, or name another place to write to");
    if (options.source.accept == Accept::text && options.output != "-" && packing_of(kind_of_path(options.source.text)) &&
        same_or_inside(options.source.text, options.output))
      throw UsageError("-o '" + options.output + "' would replace a compressed text, and nothing is compressed here; " +
                       "name another place to write to");
    files.reads("FILE", options.source.text, options.form.full ? "-o" : "");
  }
  files.writes("-o", options.output);
  files.check();
  check_output_name("-o", options.output, OutputKind::text);
}

int run(Options& options, const CommonOptions& common) {
  check(options);
  check_files(options, common);
  if (options.source.cursor) options.source.cursor->unit = options.cursor_unit;
  std::optional<InfillInput> input;
  if (!options.jsonl) input.emplace(options.source);  // its mistakes are reported before a large model is read
  options.tokenizer_options.reserved = fim_token_names();
  TextModel model = open_text_model(options.model, options.tokenizer_options, matrices_for(options.types.products));
  infill_layout(model, options.layout);  // refuses what cannot fill in the middle before its weights are packed
  Compute compute(common.threads, common.simd);
  const std::unique_ptr<const DecodingWeights> weights = pack_weights(compute, model, options.types.weights);
  check_products(*options.app, options.types.products, weights.get(), options.model);
  Infiller infiller(compute, model, options.layout, {.weights = weights.get(), .cache_type = options.types.cache});
  if (options.layout == kAutoFimLayout && infiller.layout() != std::string(kDefaultFimLayout))
    spdlog::info("the layout is {}", infiller.layout());
  const std::unique_ptr<OutputStream> output = open_output(options.output);
  if (input) {
    const InfillLeftOut left_out = infiller.read(input->parts(), options.infilling);
    if (left_out.prefix + left_out.suffix > 0)
      spdlog::info("the context is too short for the first {} and the last {} bytes", left_out.prefix, left_out.suffix);
    // A single text is exactly what belongs there; several need something between them.
    options.form.ends_line = options.form.samples > 1 || (options.output == "-" && is_terminal(STDOUT_FILENO));
    write_middles(infiller, input->parts(), options.form, *output);
  } else {
    check_text_inputs(FileUse::text, {options.source.text}, options.source.accept);
    TextInput requests(open_input(options.source.text), FileUse::text, options.source.accept);
    serve_requests(infiller, requests, *output, options.infilling);
  }
  output->close();
  return 0;
}

}  // namespace
}  // namespace lm::cmd

int main(int argc, char** argv) {
  using namespace lm::cmd;
  Options options;
  return run_program(argc, argv,
                     {.name = "lm-fim",
                      .summary = "write what belongs between two texts",
                      .usage = "[--cursor LINE:COLUMN] [--full] [--jsonl] [-n N] [--temperature X] MODEL [FILE]",
                      .products = Products::made,
                      .add_options = [&](CLI::App& app) { add_options(app, options); },
                      .body = [&](const CommonOptions& common) { return run(options, common); }});
}
