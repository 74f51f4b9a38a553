// tok-train: text in, tokenizer.json out.
#include <spdlog/spdlog.h>

#include <optional>

#include "base/error.h"
#include "inputs.h"
#include "named_files.h"
#include "options.h"
#include "output_names.h"
#include "program.h"
#include "progress.h"
#include "tasks/tokenize/learn_tokenizer.h"
#include "text/bpe_trainer.h"
#include "text/special_names.h"
#include "text/tokenizer.h"
#include "token_formats.h"

namespace lm::cmd {
namespace {

struct Options {
  BpeTrainerOptions trainer;
  std::string output = "-";
  std::int64_t min_frequency = 2;
  std::optional<std::int64_t> max_token_length;
  std::vector<std::string> add_special;
  bool no_reserved = false;
  std::int64_t memory = std::int64_t{4} << 30;
  std::string dump_counts;
  std::vector<std::string> from_counts;
  DocumentKind documents;
  Inputs inputs;
  const CLI::App* app = nullptr;  // knows which options were given
};

void add_options(CLI::App& app, Options& options) {
  options.app = &app;
  add_text(app, "-o,--output", options.output, "write the tokenizer.json here", "OUT");
  add_size(app, "--vocab-size", options.trainer.vocab_size, "tokens in all: special tokens, bytes and merges",
           SizeUnit::count, {.minimum = 257, .maximum = INT32_MAX});
  add_choice(app, "--pattern", options.trainer.pattern, "how text is cut before merging");
  add_choice(app, "--ties", options.trainer.ties,
             "which of equally frequent pairs merges first, and how bytes are numbered");
  add_size(app, "--min-frequency", options.min_frequency, "do not merge pairs that are rarer");
  add_size(app, "--max-token-length", options.max_token_length, "merge only into tokens of fewer bytes");
  add_repeated(app, "--add-special", options.add_special, "reserve this special token too; may be repeated", "TOK");
  app.add_flag("--no-reserved", options.no_reserved, "reserve no special token but end-of-text");
  add_size(app, "--memory", options.memory, "memory for counting", SizeUnit::bytes);
  CLI::Option* dump = add_text(app, "--dump-counts", options.dump_counts, "count only, and write the counts here", "FILE");
  add_repeated(app, "--from-counts", options.from_counts,
               "train on counts instead of text; may be repeated, and FILEs are counts too", "FILE")
      ->excludes(dump);
  add_documents(app, options.documents, "what a document is: file, line, nul, jsonl[:FIELD] or separator:STRING");
  add_binary(app, options.documents.accept);
  add_files_from(app, options.inputs);
  add_files(app, "FILE", options.inputs.files, "text, or folders of texts; standard input if none");
}

/// Returns the texts to read, or counts besides those of --from-counts.
std::vector<std::string> find_files(const Options& options, const CommonOptions& common) {
  NamedFiles named(common);
  const bool has_counts = !options.from_counts.empty();
  named.reads("--from-counts", options.from_counts);
  named.writes("--dump-counts", options.dump_counts);
  if (options.dump_counts.empty()) named.writes("-o", options.output);
  if (!has_counts || !options.inputs.empty())
    return find_inputs(named, options.inputs, has_counts ? FileUse::counts : FileUse::text, options.documents.accept);
  named.check();
  return {};
}

void add_special_tokens(Options& options) {
  std::vector<std::string>& tokens = options.trainer.special_tokens;
  tokens = reserved_special_tokens(options.no_reserved ? ReservedTokens::end_of_text_only : ReservedTokens::all);
  tokens.insert(tokens.end(), options.add_special.begin(), options.add_special.end());
  try {
    check_special_names(tokens);
  } catch (const Error& error) {
    throw UsageError(std::string("--add-special: ") + error.what());
  }
}

int run(Options& options, const CommonOptions& common) {
  if (!options.from_counts.empty() && options.documents.accept == Accept::anything)
    throw UsageError("--binary is for text; --from-counts says what else the input is");
  if (!options.dump_counts.empty() && options.output != "-") {
    throw UsageError("--dump-counts learns no tokenizer that -o '" + options.output +
                     "' could get; leave one of them out, and train on the counts with --from-counts");
  }
  const std::vector<std::string> files = find_files(options, common);
  check_output_name("-o", options.output, OutputKind::tokenizer);
  check_output_name("--dump-counts", options.dump_counts, OutputKind::text);
  Progress progress(common);
  BpeTrainerOptions& trainer = options.trainer;
  trainer.min_frequency = static_cast<std::uint64_t>(options.min_frequency);
  trainer.max_token_length = options.max_token_length;
  add_special_tokens(options);
  trainer.progress = [&](double fraction) {
    if (progress.due()) progress.update(fraction, "merging");
  };
  CountRequest request{.texts = files,
                       .counts = options.from_counts,
                       .documents = options.documents,
                       .keeps_pattern = options.app->count("--pattern") > 0};
  if (!request.counts.empty()) request.counts.insert(request.counts.end(), files.begin(), files.end());
  PretokenCounts counts(static_cast<std::uint64_t>(options.memory));
  count_pretokens(counts, request, trainer, [&](std::uint64_t bytes) {
    if (progress.due()) progress.update(-1, "counting, " + std::to_string(bytes >> 20) + " MiB");
  });
  if (!options.dump_counts.empty()) {
    write_counts(options.dump_counts, counts, trainer);
    return 0;
  }
  const Tokenizer tokenizer(train_bpe(counts, trainer), {}, "the result");
  if (tokenizer.vocab_size() < trainer.vocab_size) {
    spdlog::warn("learned {} tokens instead of {}: no further pair{} occurs {} times; give more text, or ask for fewer",
                 tokenizer.vocab_size(), trainer.vocab_size, options.max_token_length ? " within --max-token-length" : "",
                 options.min_frequency);
  }
  write_tokenizer(options.output, tokenizer);
  return 0;
}

}  // namespace
}  // namespace lm::cmd

int main(int argc, char** argv) {
  using namespace lm::cmd;
  Options options;
  return run_program(argc, argv,
                     {
                         .name = "tok-train",
                         .summary = "learn a byte-level BPE tokenizer from text",
                         .usage = "[-o OUT] [--vocab-size N] [FILE...]",
                         .has_progress = true,
                         .add_options = [&](CLI::App& app) { add_options(app, options); },
                         .body = [&](const CommonOptions& common) { return run(options, common); },
                     });
}
