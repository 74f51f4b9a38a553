// lm-fim: writes what belongs between two texts, once or as a coprocess of an editor.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <charconv>
#include <memory>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/path.h"
#include "base/text_input.h"
#include "inputs.h"
#include "named_files.h"
#include "options.h"
#include "output_names.h"
#include "program.h"
#include "tasks/infill/infill.h"
#include "tasks/infill/infill_requests.h"
#include "tasks/infill/infill_text.h"
#include "tokenizer_options.h"

namespace {

struct Options {
  std::string model;
  lm::TokenizerOptions tokenizer_options;
  std::string file;
  std::string prefix_file;
  std::string suffix_file;
  std::optional<std::string> marker;
  std::optional<lm::Cursor> cursor;
  lm::CursorUnit cursor_unit = lm::CursorUnit::character;
  std::string layout = lm::kDefaultFimLayout;
  lm::InfillOptions infilling;
  std::int64_t samples = 1;
  std::int64_t seed = 0;
  bool full = false;
  bool json = false;
  bool jsonl = false;
  std::string output = "-";
  lm::Accept accept = lm::Accept::text;
  const CLI::App* app = nullptr;  // tells which options were given
};

constexpr const char* kDefaultMarker = "[FIM]";

/// "12:3", both from 1; nothing where it is none.
std::optional<lm::Cursor> parse_cursor(const std::string& text) {
  lm::Cursor cursor;
  const char* end = text.data() + text.size();
  const auto line = std::from_chars(text.data(), end, cursor.line);
  if (line.ec != std::errc() || line.ptr == end || *line.ptr != ':') return std::nullopt;
  const auto column = std::from_chars(line.ptr + 1, end, cursor.column);
  if (column.ec != std::errc() || column.ptr != end || cursor.line < 1 || cursor.column < 1) return std::nullopt;
  return cursor;
}

std::string layout_names() {
  std::string names;
  for (const std::string& name : lm::fim_layout_names()) names += (names.empty() ? "" : "|") + name;
  return names;
}

void add_input_options(CLI::App& app, Options& options) {
  using namespace lm::cmd;
  add_text(app, "--prefix-file", options.prefix_file, "the text before the middle", "FILE");
  add_text(app, "--suffix-file", options.suffix_file, "the text after the middle", "FILE");
  add_parsed(app, "--marker", "STRING", "", "what stands in the text in place of the middle (default: [FIM])",
             "a text that is not empty", [&](const std::string& text) {
               options.marker = text;
               return !text.empty();
             });
  add_parsed(app, "--cursor", "LINE:COLUMN", "", "the middle is before this column; both count from 1",
             "a line and a column, both from 1, such as 12:3", [&](const std::string& text) {
               options.cursor = parse_cursor(text);
               return options.cursor.has_value();
             });
  add_choice<lm::CursorUnit>(
      app, "--cursor-unit", options.cursor_unit,
      {{"byte", lm::CursorUnit::byte}, {"char", lm::CursorUnit::character}, {"utf16", lm::CursorUnit::utf16}},
      "what columns count");
}

void add_options(CLI::App& app, Options& options) {
  using namespace lm::cmd;
  options.app = &app;
  lm::SamplingOptions& sampling = options.infilling.sampling;
  app.add_option("MODEL", options.model, "a model: file or folder")->required()->type_name("");
  lm::cmd::add_tokenizer_options(app, options.tokenizer_options);
  app.add_option("FILE", options.file, "the text with its marker (default: standard input, as -)")->type_name("");
  add_input_options(app, options);
  add_parsed(app, "--layout", "NAME", options.layout,
             std::string("order and tokens (default: ") + lm::kDefaultFimLayout + "): " + layout_names(), "",
             [&](const std::string& text) {
               require_word(app, text, lm::fim_layout_names());
               options.layout = text;
               return true;
             });
  add_size(app, "-n,--tokens", options.infilling.max_tokens, "tokens to sample at most", SizeUnit::count, {0});
  add_real(app, "--temperature", sampling.temperature, "divides the logits; 0 takes the likeliest token");
  add_size(app, "--top-k", sampling.top_k, "sample from the k likeliest tokens; 0: from all", SizeUnit::count, {0});
  add_real(app, "--top-p", sampling.top_p, "sample from the likeliest tokens that reach this mass", {1e-9, 1});
  add_real(app, "--min-p", sampling.min_p, "leave out tokens less likely than this share of the likeliest", {0, 1});
  add_size(app, "--seed", options.seed, "the same seed gives the same text", SizeUnit::count, {0});
  add_size(app, "--samples", options.samples, "middles to write");
  add_repeated(app, "--stop", options.infilling.stops, "end the middle before this string", "STRING");
  app.add_flag("--single-line", options.infilling.single_line, "end the middle before the end of its first line");
  app.add_flag("--full", options.full, "print the whole text");
  app.add_flag("--json", options.json, "print one JSON object a line");
  app.add_flag("--jsonl", options.jsonl, "answer requests, one JSON object a line, until the input ends");
  add_binary(app, options.accept);
  add_text(app, "-o,--output", options.output, "where to write", "FILE");
}

void check(const Options& options) {
  using lm::cmd::UsageError;
  const bool by_files = !options.prefix_file.empty() || !options.suffix_file.empty();
  if (by_files + options.marker.has_value() + options.cursor.has_value() > 1) {
    throw UsageError("--prefix-file or --suffix-file, --marker, and --cursor exclude each other");
  }
  if (options.app->count("--cursor-unit") > 0 && !options.cursor) {
    throw UsageError("--cursor-unit says what --cursor's columns count; give --cursor LINE:COLUMN too");
  }
  for (const std::string& stop : options.infilling.stops) {
    if (stop.empty()) throw UsageError("--stop wants a text that is not empty");
  }
  if (by_files && !options.file.empty()) throw UsageError("--prefix-file or --suffix-file, and a text exclude each other");
  if (!options.jsonl) return;
  if (by_files || options.marker || options.cursor) {
    throw UsageError("with --jsonl the text around the middle comes in requests, not by other options");
  }
  if (options.full || options.json || options.samples != 1) {
    throw UsageError("--jsonl excludes --full, --json and --samples");
  }
}

void check_files(const Options& options, const lm::cmd::CommonOptions& common) {
  lm::cmd::NamedFiles files(common);
  files.reads("MODEL", options.model);
  files.reads("--prefix-file", options.prefix_file);
  files.reads("--suffix-file", options.suffix_file);
  // A text can be edited in place, since it is read whole; requests are answered as they come.
  if (options.prefix_file.empty() && options.suffix_file.empty()) {
    const std::string text = options.file.empty() ? "-" : options.file;
    if (!options.full && !options.jsonl && options.output != "-" && lm::cmd::same_or_inside(text, options.output)) {
      throw lm::cmd::UsageError("-o '" + options.output +
                                "' would replace the text that is read by its middle only; edit it in place with --full, or "
                                "name another place to write to");
    }
    files.reads("FILE", text, options.full ? "-o" : "");
  }
  files.writes("-o", options.output);
  files.check();
}

std::string read_text(const std::string& path, lm::Accept accept) {
  return path.empty() ? std::string() : lm::read_whole_text(path, accept);
}

/// The text that is given, and where it is cut.
class Input {
 public:
  explicit Input(const Options& options) {
    if (!options.prefix_file.empty() || !options.suffix_file.empty()) {
      text_ = read_text(options.prefix_file, options.accept);
      const std::size_t cut = text_.size();
      text_ += read_text(options.suffix_file, options.accept);
      const std::string_view all = text_;
      parts_ = {.prefix = all.substr(0, cut), .suffix = all.substr(cut)};
      return;
    }
    const std::string path = options.file.empty() ? "-" : options.file;
    const std::string source = lm::input_name(path);
    text_ = read_text(path, options.accept);
    if (options.cursor) {
      lm::Cursor cursor = *options.cursor;
      cursor.unit = options.cursor_unit;
      parts_ = lm::split_at_cursor(text_, cursor, source);
    } else {
      parts_ = lm::split_at_marker(text_, options.marker.value_or(kDefaultMarker), source);
    }
  }
  Input(const Input&) = delete;
  Input& operator=(const Input&) = delete;
  const lm::InfillText& parts() const { return parts_; }

 private:
  std::string text_;
  lm::InfillText parts_;
};

void write_json(lm::OutputStream& output, lm::Infiller& infiller, const lm::InfillText& text, std::int64_t number,
                bool full) {
  std::string middle;
  const lm::Infill infill = infiller.sample(number, [&](std::string_view piece) { middle += piece; });
  lm::JsonValue json;
  json.set("sample", number).set("middle", middle).set("tokens", infill.tokens).set("end", to_string(infill.end));
  if (full) json.set("text", std::string(text.prefix) + middle + std::string(text.suffix));
  output.write(json.dump() + "\n");
  output.flush();
}

void write_text(lm::OutputStream& output, lm::Infiller& infiller, const lm::InfillText& text, std::int64_t number,
                bool full) {
  if (full) output.write(text.prefix);
  output.flush();
  infiller.sample(number, [&](std::string_view piece) {
    output.write(piece);
    output.flush();  // somebody may be reading along
  });
  if (full) output.write(text.suffix);
}

void infill(const Options& options, lm::Infiller& infiller, lm::OutputStream& output, const lm::InfillText& text) {
  const lm::InfillLeftOut left_out = infiller.read(text, options.infilling);
  if (left_out.prefix + left_out.suffix > 0) {
    spdlog::info("the context is too short for the first {} and the last {} bytes", left_out.prefix, left_out.suffix);
  }
  // A single text is exactly what belongs there; several need something between them.
  const bool ends_line = options.samples > 1 || (options.output == "-" && lm::cmd::is_terminal(STDOUT_FILENO));
  for (std::int64_t number = 0; number < options.samples; ++number) {
    if (options.json) {
      write_json(output, infiller, text, number, options.full);
      continue;
    }
    if (number > 0) output.write("\n");
    write_text(output, infiller, text, number, options.full);
    if (ends_line) output.write("\n");
  }
}

int run(Options options, const lm::cmd::CommonOptions& common) {
  check(options);
  check_files(options, common);
  lm::cmd::check_output_name("-o", options.output, lm::cmd::OutputKind::text);
  options.infilling.seed = static_cast<std::uint64_t>(options.seed);
  std::optional<Input> input;
  if (!options.jsonl) input.emplace(options);  // its mistakes are told before a large model is read
  const lm::TextModel model = lm::cmd::open_text_model(options.model, options.tokenizer_options);
  lm::Compute compute(common.threads, common.simd);
  lm::Infiller infiller(compute, model, options.layout);
  const std::unique_ptr<lm::OutputStream> output = lm::open_output(options.output);
  if (input) {
    infill(options, infiller, *output, input->parts());
  } else {
    const std::string requests_path = options.file.empty() ? "-" : options.file;
    lm::check_text_inputs(lm::FileUse::text, {requests_path}, options.accept);
    const lm::FileDescriptor requests = lm::open_input(requests_path);
    lm::serve_requests(infiller, requests, *output, options.infilling);
  }
  output->close();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return lm::cmd::run_program(argc, argv,
                              {.name = "lm-fim",
                               .summary = "write what belongs between two texts",
                               .usage = "[--cursor LINE:COLUMN] [--full] [--jsonl] [-n N] [--temperature X] MODEL [FILE]",
                               .products = lm::cmd::Products::made,
                               .add_options = [&](CLI::App& app) { add_options(app, options); },
                               .body = [&](const lm::cmd::CommonOptions& common) { return run(options, common); }});
}
