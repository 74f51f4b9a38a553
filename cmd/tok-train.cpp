// tok-train: text in, tokenizer.json out.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <optional>

#include "base/error.h"
#include "base/parallel.h"
#include "inputs.h"
#include "named_files.h"
#include "options.h"
#include "output_names.h"
#include "program.h"
#include "progress.h"
#include "tasks/load_tokenizer.h"
#include "tasks/tokenize/learn_tokenizer.h"
#include "text/special_names.h"
#include "text/tokenizer.h"
#include "text/tokenizer_tables.h"
#include "text/training/bpe_trainer.h"
#include "text/training/truncate_tokenizer.h"
#include "token_formats.h"
#include "train_statistics.h"

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
  std::optional<std::int64_t> truncate;
  bool stats = false;
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
  add_size(app, "--memory", options.memory, "memory for all of it; counts beyond it go to $TMPDIR", SizeUnit::bytes);
  add_text(app, "--dump-counts", options.dump_counts, "count only, and write the counts here", "FILE");
  add_repeated(app, "--from-counts", options.from_counts,
               "take counts instead of text; may be repeated, and FILEs are counts too", "FILE");
  app.add_flag("--stats", options.stats, "say on standard error how many bytes a token has at several sizes of vocabulary");
  add_size(app, "--truncate", options.truncate, "make a tokenizer of so many tokens out of FILE, a larger one",
           SizeUnit::count, {.minimum = 1, .maximum = INT32_MAX});
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

/// Throws UsageError for what is of no use with --truncate.
void check_truncation(const Options& options) {
  for (const char* option :
       {"--vocab-size", "--pattern", "--ties", "--min-frequency", "--max-token-length", "--add-special", "--no-reserved",
        "--memory", "--dump-counts", "--from-counts", "--stats", "--documents", "--binary", "--files-from"}) {
    if (options.app->count(option) > 0) {
      throw UsageError(std::string(option) +
                       " is for learning from text; --truncate makes a tokenizer out of a larger one, "
                       "and says how many tokens it has");
    }
  }
  if (options.inputs.files.size() > 1)
    throw UsageError("--truncate takes one tokenizer, not " + std::to_string(options.inputs.files.size()) + " files");
}

int run_truncation(const Options& options, const CommonOptions& common) {
  check_truncation(options);
  const std::string path = options.inputs.files.empty() ? "-" : options.inputs.files.front();
  NamedFiles named(common);
  named.reads("FILE", path);
  named.writes("-o", options.output);
  named.check();
  check_output_name("-o", options.output, OutputKind::tokenizer);
  const Tokenizer large = load_tokenizer(path);
  const Tokenizer small(truncate_tokenizer(large.tables().parts, *options.truncate, path), {}, "the result");
  write_tokenizer(options.output, small);
  return 0;
}

int run(Options& options, const CommonOptions& common) {
  if (options.truncate) return run_truncation(options, common);
  if (!options.from_counts.empty() && options.documents.accept == Accept::anything)
    throw UsageError("--binary is for text; --from-counts says what else the input is");
  if (!options.dump_counts.empty() && options.stats)
    throw UsageError("--stats is about merges, and --dump-counts learns none; leave one of them out");
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
                       .keeps_pattern = options.app->count("--pattern") > 0,
                       .tier = common.simd};
  if (!request.counts.empty()) request.counts.insert(request.counts.end(), files.begin(), files.end());
  const MemoryPlan memory = plan_memory(static_cast<std::uint64_t>(options.memory), common.threads, trainer.vocab_size);
  trainer.memory = memory.rest;
  trainer.memory_before = memory.before;
  ThreadPool pool(common.threads);
  // Counts are read by one thread.
  const int tables = request.counts.empty() ? common.threads : 1;
  PretokenStore counts({.memory = memory.rest, .folder = spool_folder(), .threads = tables});
  count_pretokens(counts, request, memory, trainer, pool, [&](std::uint64_t bytes) {
    if (progress.due()) progress.update(-1, "counting, " + std::to_string(bytes >> 20) + " MiB");
  });
  if (const std::uint64_t bytes = counts.bytes_on_disk(); bytes > 0)
    spdlog::info("counts beyond --memory took {} MiB in '{}'", (bytes >> 20) + 1, spool_folder());
  if (!options.dump_counts.empty()) {
    write_counts(options.dump_counts, counts, trainer);
    return 0;
  }
  TrainStatistics statistics;
  if (options.stats) trainer.watched = [&](const TrainingPoint& point) { statistics.add(point); };
  const Tokenizer tokenizer(train_bpe(counts, trainer), {}, "the result");
  if (options.stats) std::fputs(statistics.to_text().c_str(), stderr);
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
