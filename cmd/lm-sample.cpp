// lm-sample: continues text, or shows what a model thinks may come next.
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "inputs.h"
#include "named_files.h"
#include "options.h"
#include "output_names.h"
#include "program.h"
#include "sampling_options.h"
#include "tasks/prompt/chat.h"
#include "tasks/prompt/pack_weights.h"
#include "tasks/prompt/sample_prompts.h"
#include "token_formats.h"
#include "tokenizer_options.h"

namespace lm::cmd {
namespace {

struct Options {
  std::string model;
  TokenizerOptions tokenizer_options;
  std::optional<std::string> prompt;
  std::optional<std::string> file;
  Inputs inputs;
  PromptSource source;  // without its paths
  SampleRequest request;
  HeldTypes types;
  bool greedy = false;
  bool chat = false;
  std::optional<std::string> system;
  std::string output = "-";
  const CLI::App* app = nullptr;  // knows which options were given
};

void add_options(CLI::App& app, Options& options) {
  options.app = &app;
  PromptOptions& prompting = options.request.prompting;
  add_model(app, options.model, options.tokenizer_options);
  app.add_option("FILE", options.file, "a file or folder of prompts (default: standard input, as -)")->type_name("");
  add_text(app, "-p,--prompt", options.prompt, "the prompt (default: FILE or standard input)");
  app.add_flag("--chat", options.chat, "answer prompts as what a user says to an instruct model");
  add_text(app, "--system", options.system, "with --chat: the system message of conversations without one", "TEXT");
  add_sampling_options(app,
                       {.max_tokens = prompting.max_tokens,
                        .sampling = prompting.sampling,
                        .seed = prompting.seed,
                        .samples = options.request.samples,
                        .stops = prompting.stops},
                       {.samples = "continuations of each prompt", .stop = "end the text before this string"});
  add_real(app, "--typical", prompting.sampling.typical,
           "sample from the tokens of about average surprisal that reach this mass", {1e-9, 1});
  add_real(app, "--repetition-penalty", prompting.sampling.repetition_penalty,
           "makes tokens that were seen less likely (above 1)", {1e-3, 1e3});
  add_repeated(app, "--stop-token", prompting.draw.stop_tokens, "end the text when this token is drawn", "NAME");
  app.add_flag("--draw-special", prompting.draw.special, "let special tokens be drawn, and print their names");
  add_decoding_options(app, prompting.drafting, options.types);
  app.add_flag("--greedy", options.greedy, "take the likeliest token each time");
  add_parsed(app, "--probs", "K|all", "",
             "print the K likeliest next tokens, or all, instead; of each mask (default there: 5)", "",
             [&](const std::string& text) {
               options.request.candidates = read_size_or("all", text, SizeUnit::count).value_or(INT64_MAX);
               return true;
             });
  app.add_flag("--echo", options.request.output.echo, "print the prompt too");
  app.add_flag("--keep-newline", options.source.keep_newline,
               "keep the newline that ends the prompt in a file or standard input");
  add_choice(app, "--special", options.request.special, "whether prompts that spell special tokens mean them",
             {SpecialTokens::plain, SpecialTokens::allow});
  add_choice(app, "--format", options.request.output.format, "print text, a token stream, or ids");
  app.add_flag("--json", options.request.output.json, "print one JSON object a line");
  add_documents(app, options.source.documents,
                "how the file is cut into prompts: file, line, nul, jsonl[:FIELD] or separator:STRING");
  add_binary(app, options.source.documents.accept);
  add_files_from(app, options.inputs);
  add_text(app, "-o,--output", options.output, "where to write", "FILE");
}

/// Throws UsageError if an option was named that says how to sample, and nothing is.
void refuse_sampling(const Options& options, const std::string& reason) {
  for (const char* name : {"--tokens", "--temperature", "--top-k", "--top-p", "--min-p", "--typical", "--repetition-penalty",
                           "--samples", "--stop", "--stop-token", "--draw-special", "--draft", "--greedy", "--echo"}) {
    if (options.app->count(name) == 0) continue;
    const std::string option = std::string(name) == "--tokens" ? "-n" : name;
    throw UsageError(option + " is for texts that are sampled; " + reason);
  }
}

void check(const Options& options) {
  const SampleRequest& request = options.request;
  if (options.prompt && !options.inputs.empty()) throw UsageError("--prompt and a file of prompts exclude each other");
  check_stops(request.prompting.stops);
  for (const std::string& name : request.prompting.draw.stop_tokens) {
    if (name.empty()) throw UsageError("--stop-token needs the name of a token");
  }
  const bool has_format = request.output.format != SampleFormat::text;
  if (request.output.json && has_format) throw UsageError("--json and --format exclude each other");
  if (request.candidates && has_format) throw UsageError("--probs and --format exclude each other");
  if (request.candidates)
    refuse_sampling(options, "--probs shows the model's own distribution, as it is at temperature 1 without a filter");
  if (request.output.format == SampleFormat::lm && options.output == "-" && is_terminal(STDOUT_FILENO))
    throw UsageError("a token stream is not written to a terminal; redirect the output");
}

/// Returns whether whole conversations are read, not prompts.
bool reads_records(const Options& options) {
  const DocumentKind& documents = options.source.documents;
  return options.chat && !options.prompt && documents.kind == DocumentKind::Kind::jsonl && documents.detail.empty();
}

/// Throws UsageError if options were given that do not go with --chat, or without it.
void check_chat(const Options& options, bool at_terminal) {
  const SampleRequest& request = options.request;
  if (!options.chat) {
    if (options.system) throw UsageError("--system goes with --chat");
    return;
  }
  if (request.special == SpecialTokens::allow)
    throw UsageError("--chat writes the tokens of turns itself, and none is spelled by what is said; leave --special out");
  if (options.prompt && options.source.documents.kind == DocumentKind::Kind::jsonl)
    throw UsageError(
        "with --chat, -p gives what the user says, not a record; leave --documents out, or give records by a file");
  const bool talks = at_terminal && !options.prompt;
  if (!talks && !reads_records(options)) return;
  const std::string reason = talks ? "a conversation at the terminal is text; give what is said by -p or a file"
                                   : "--documents jsonl has conversations, which are answered as JSON lines";
  for (const char* name : {"--format", "--probs", "--echo"}) {
    if (options.app->count(name) > 0) throw UsageError(reason + ", without " + name);
  }
  if (talks && (request.output.json || request.samples != 1)) throw UsageError(reason + ", without --json and --samples");
}

/// Reads lines at a terminal, each after a sign on standard error.
class TerminalLines {
 public:
  /// Returns the next line without its newline; nothing at the end of the input.
  std::optional<std::string> next() {
    std::fputs("> ", stderr);
    for (;;) {
      const std::size_t newline = buffer_.find('\n');
      if (newline != std::string::npos) {
        std::string line = buffer_.substr(0, newline);
        buffer_.erase(0, newline + 1);
        return line;
      }
      std::array<char, 4096> block{};
      const std::size_t count = read_once(input_, block.data(), block.size());
      if (count == 0) break;
      buffer_.append(block.data(), count);
    }
    std::fputc('\n', stderr);
    return std::nullopt;
  }

 private:
  FileDescriptor input_ = open_input("-");
  std::string buffer_;
};

SampleEvents events_of(std::function<void(PromptKind)> kind) {
  return {.kind = std::move(kind), .warn = [](const std::string& warning) { spdlog::warn("{}", warning); }};
}

void chat(const Options& options, ChatAnswerer& answerer, bool at_terminal) {
  if (options.prompt) {
    answerer.answer(*options.prompt);
  } else if (at_terminal) {
    TerminalLines lines;
    answerer.talk([&] { return lines.next(); });
  } else if (reads_records(options)) {
    for_each_chat_record(
        options.source, [&](const JsonValue& record, const std::string& source) { answerer.answer_record(record, source); });
  } else {
    for_each_prompt(options.source, [&](std::string_view prompt) { answerer.answer(prompt); });
  }
  answerer.finish();
}

/// Throws if options were given that do not go with what a prompt asks for.
void check_kind(const Options& options, PromptKind kind) {
  if (kind == PromptKind::continuation) return;
  if (options.request.output.format != SampleFormat::text)
    throw Error("--format lm and --format ids are for continuations, but the prompt has gaps to fill");
  for (const char* name : {"--weights", "--products", "--cache-type"}) {
    if (kind == PromptKind::masks && options.app->count(name) > 0)
      throw Error(std::string(name) + " is for models that generate text, and masks are filled without that");
  }
  if (kind == PromptKind::masks)
    return refuse_sampling(options, "of each <|mask|> the likeliest tokens are shown, as many as --probs says");
  const PromptOptions& prompting = options.request.prompting;
  const bool draws = prompting.draw.special || !prompting.draw.stop_tokens.empty();  // more than a gap's ends allow
  if (options.request.candidates || !prompting.stops.empty() || draws)
    throw Error("--probs, --stop, --stop-token and --draw-special are not for prompts with sentinels to fill");
}

int run(Options& options, const CommonOptions& common) {
  SampleRequest& request = options.request;
  if (options.file) options.inputs.files = {*options.file};
  check(options);
  const bool from_stdin =
      options.inputs.list.empty() && (options.inputs.files.empty() || options.inputs.files.front() == "-");
  const bool at_terminal = from_stdin && is_terminal(STDIN_FILENO);
  check_chat(options, at_terminal);
  NamedFiles named(common);
  named.reads("MODEL", options.model);
  named.writes("-o", options.output);
  if (options.prompt || at_terminal) {
    named.check();
  } else {
    options.source.paths = find_inputs(named, options.inputs, FileUse::text, options.source.documents.accept);
  }
  check_output_name("-o", options.output, OutputKind::text);
  if (options.greedy) request.prompting.sampling.temperature = 0;
  request.bars = options.output == "-" && is_terminal(STDOUT_FILENO);
  if (options.chat) options.tokenizer_options.reserved = chat_token_names();
  TextModel model = open_text_model_or_state(options.model, options.tokenizer_options, matrices_for(options.types.products));
  if (options.chat) find_chat_template(model);  // refuses a model without one before its weights are packed
  const std::unique_ptr<OutputStream> output = open_output(options.output);
  Compute compute(common.threads, common.simd);
  const std::unique_ptr<const DecodingWeights> weights = pack_weights(compute, model, options.types.weights);
  check_products(*options.app, options.types.products, weights.get(), options.model);
  const DecodingOptions decoding = {.weights = weights.get(), .cache_type = options.types.cache};
  if (options.chat) {
    ChatAnswerer answerer(compute, model, *output, request, options.system, events_of({}), decoding);
    chat(options, answerer, at_terminal);
    output->close();
    return 0;
  }
  // Who writes prompts one by one waits for each answer; a file's can be answered several at a time.
  const auto is_file = [](const std::string& path) {
    std::error_code none;
    return std::filesystem::is_regular_file(path, none);
  };
  request.together =
      !options.source.paths.empty() && std::all_of(options.source.paths.begin(), options.source.paths.end(), is_file);
  PromptAnswerer answerer(compute, model, *output, request, events_of([&](PromptKind kind) { check_kind(options, kind); }),
                          decoding);
  if (options.prompt || at_terminal) {
    answerer.answer(options.prompt.value_or(""));
  } else {
    for_each_prompt(options.source, [&](std::string_view prompt) { answerer.answer(prompt); });
  }
  answerer.finish();
  output->close();
  return 0;
}

}  // namespace
}  // namespace lm::cmd

int main(int argc, char** argv) {
  using namespace lm::cmd;
  Options options;
  return run_program(argc, argv,
                     {.name = "lm-sample",
                      .summary = "continue text with a model",
                      .usage = "[-p TEXT] [-n N] [--temperature X] [--samples N] [--seed N] MODEL [FILE]",
                      .products = Products::made,
                      .add_options = [&](CLI::App& app) { add_options(app, options); },
                      .body = [&](const CommonOptions& common) { return run(options, common); }});
}
