// tok-train: text in, tokenizer.json out.
#include <spdlog/spdlog.h>

#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/file_use.h"
#include "inputs.h"
#include "named_files.h"
#include "options.h"
#include "output_names.h"
#include "program.h"
#include "progress.h"
#include "text/bpe_trainer.h"
#include "text/documents.h"
#include "text/files/counts_file.h"
#include "text/special_names.h"
#include "text/tokenizer.h"
#include "token_formats.h"

namespace {

using lm::BpeTrainerOptions;
using lm::PretokenCounter;

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
  lm::DocumentKind documents;
  std::vector<std::string> files;
  CLI::Option* pattern_option = nullptr;
};

void add_options(CLI::App& app, Options& options) {
  using lm::Pattern;
  lm::cmd::add_text(app, "-o,--output", options.output, "write the tokenizer.json here", "OUT");
  lm::cmd::add_size(app, "--vocab-size", options.trainer.vocab_size, "tokens in all: special tokens, bytes and merges",
                    lm::cmd::SizeUnit::count, {.minimum = 257, .maximum = INT32_MAX});
  options.pattern_option = lm::cmd::add_choice<Pattern>(app, "--pattern", options.trainer.pattern,
                                                        {{"gpt2", Pattern::gpt2},
                                                         {"r50k", Pattern::r50k},
                                                         {"cl100k", Pattern::cl100k},
                                                         {"llama3", Pattern::llama3},
                                                         {"qwen2", Pattern::qwen2},
                                                         {"qwen35", Pattern::qwen35},
                                                         {"o200k", Pattern::o200k},
                                                         {"none", Pattern::none}},
                                                        "how text is cut before merging");
  lm::cmd::add_choice<BpeTrainerOptions::Ties>(
      app, "--ties", options.trainer.ties,
      {{"hf", BpeTrainerOptions::Ties::hf}, {"raw", BpeTrainerOptions::Ties::raw}, {"lex", BpeTrainerOptions::Ties::lex}},
      "which of equally frequent pairs merges first, and how bytes are numbered");
  lm::cmd::add_size(app, "--min-frequency", options.min_frequency, "do not merge pairs that are rarer");
  lm::cmd::add_size(app, "--max-token-length", options.max_token_length, "merge only into tokens of fewer bytes");
  lm::cmd::add_repeated(app, "--add-special", options.add_special, "reserve this special token too; may be repeated", "TOK");
  app.add_flag("--no-reserved", options.no_reserved, "reserve no special token but end-of-text");
  lm::cmd::add_size(app, "--memory", options.memory, "memory for counting", lm::cmd::SizeUnit::bytes);
  CLI::Option* dump =
      lm::cmd::add_text(app, "--dump-counts", options.dump_counts, "count only, and write the counts here", "FILE");
  lm::cmd::add_repeated(app, "--from-counts", options.from_counts,
                        "train on counts instead of text; may be repeated, and FILEs are counts too", "FILE")
      ->excludes(dump);
  lm::cmd::add_documents(app, options.documents, "what a document is: file, line, nul, jsonl[:FIELD] or separator:STRING");
  lm::cmd::add_binary(app, options.documents.accept);
  lm::cmd::add_files(app, "FILE", options.files, "text; standard input if none");
}

PretokenCounter::Unit unit_of(const BpeTrainerOptions& trainer) {
  return trainer.ties == BpeTrainerOptions::Ties::hf ? PretokenCounter::Unit::line : PretokenCounter::Unit::document;
}

void count_texts(const Options& options, lm::PretokenCounts& counts, lm::cmd::Progress& progress) {
  const PretokenCounter::Unit unit = unit_of(options.trainer);
  lm::DocumentKind kind = options.documents;
  // Every line with its ending is a unit either way, and cutting at lines would lose the endings.
  if (unit == PretokenCounter::Unit::line && kind.kind == lm::DocumentKind::Kind::line)
    kind.kind = lm::DocumentKind::Kind::file;
  PretokenCounter counter(options.trainer.pattern, unit, counts);
  std::uint64_t bytes = 0;
  lm::split_documents(options.files, kind,
                      {.text =
                           [&](std::string_view piece) {
                             counter.feed(piece);
                             bytes += piece.size();
                             if (progress.due()) progress.update(-1, "counting, " + std::to_string(bytes >> 20) + " MiB");
                           },
                       .end = [&] { counter.end_document(); }});
}

lm::CountsHeader read_counts(lm::PretokenCounts& counts, const std::string& path) {
  const lm::FileDescriptor input = lm::open_input(path);
  lm::CountsReader reader(counts, input.name());
  std::vector<char> block(std::size_t{1} << 18U);
  while (const std::size_t size = lm::read_once(input, block.data(), block.size())) reader.feed({block.data(), size});
  return reader.finish();
}

void read_all_counts(Options& options, lm::PretokenCounts& counts) {
  std::vector<std::string> paths = options.from_counts;
  paths.insert(paths.end(), options.files.begin(), options.files.end());
  for (std::size_t i = 0; i < paths.size(); ++i) {
    lm::require_kind(lm::FileUse::counts, paths[i]);
    const lm::CountsHeader header = read_counts(counts, paths[i]);
    const bool pattern_is_set = i > 0 || options.pattern_option->count() > 0;
    if (pattern_is_set && header.pattern != options.trainer.pattern) {
      throw lm::Error("the counts '" + paths[i] + "' were made with the pattern " + lm::to_string(header.pattern) +
                      ", not " + lm::to_string(options.trainer.pattern));
    }
    options.trainer.pattern = header.pattern;
    if (header.unit != unit_of(options.trainer)) {
      throw lm::Error("the counts '" + paths[i] +
                      "' were made for other --ties: " + (header.unit == PretokenCounter::Unit::line ? "hf" : "raw or lex"));
    }
  }
}

int write_all(const std::string& path, const std::string& content) {
  const auto output = lm::open_output(path);
  output->write(content);
  output->close();
  return 0;
}

void check_files(const Options& options, const lm::cmd::CommonOptions& common) {
  lm::cmd::NamedFiles files(common);
  files.reads("--from-counts", options.from_counts);
  files.reads("FILE", options.files);
  if (options.from_counts.empty() && options.files.empty()) files.reads("FILE", "-");
  files.writes("--dump-counts", options.dump_counts);
  if (options.dump_counts.empty()) files.writes("-o", options.output);
  files.check();
}

void write_tokenizer(const std::string& path, const lm::Tokenizer& tokenizer) {
  const std::string json = tokenizer.to_json();
  if (path == "-") tokenizer.check_read_back(json, path);
  const auto output = lm::open_output(path);
  output->read_back([&](const lm::FileDescriptor& written) {
    tokenizer.check_read_back(lm::FileContent::read(written, lm::kTokenizerLimit).text(), path);
  });
  output->write(json);
  output->close();
}

int run(Options& options, const lm::cmd::CommonOptions& common) {
  if (!options.from_counts.empty() && options.documents.accept == lm::Accept::anything)
    throw lm::cmd::UsageError("--binary is for text; --from-counts says what else the input is");
  if (!options.dump_counts.empty() && options.output != "-") {
    throw lm::cmd::UsageError("--dump-counts learns no tokenizer that -o '" + options.output +
                              "' could get; leave one of them out, and train on the counts with --from-counts");
  }
  check_files(options, common);
  lm::cmd::check_output_name("-o", options.output, lm::cmd::OutputKind::tokenizer);
  lm::cmd::check_output_name("--dump-counts", options.dump_counts, lm::cmd::OutputKind::text);
  lm::cmd::Progress progress(common);
  options.trainer.min_frequency = static_cast<std::uint64_t>(options.min_frequency);
  options.trainer.max_token_length = options.max_token_length;
  options.trainer.special_tokens =
      lm::reserved_special_tokens(options.no_reserved ? lm::ReservedTokens::end_of_text_only : lm::ReservedTokens::all);
  for (const std::string& token : options.add_special) options.trainer.special_tokens.push_back(token);
  try {
    lm::check_special_names(options.trainer.special_tokens);
  } catch (const lm::Error& error) {
    throw lm::cmd::UsageError(std::string("--add-special: ") + error.what());
  }
  options.trainer.progress = [&](double fraction) {
    if (progress.due()) progress.update(fraction, "merging");
  };
  lm::PretokenCounts counts(static_cast<std::uint64_t>(options.memory));
  if (options.from_counts.empty()) {
    count_texts(options, counts, progress);
  } else {
    read_all_counts(options, counts);
  }
  if (!options.dump_counts.empty()) {
    return write_all(options.dump_counts, lm::counts_to_text(counts, options.trainer.pattern, unit_of(options.trainer)));
  }
  const lm::Tokenizer tokenizer(lm::train_bpe(counts, options.trainer), {}, "the result");
  if (tokenizer.vocab_size() < options.trainer.vocab_size) {
    spdlog::warn("learned {} tokens instead of {}: no further pair{} occurs {} times; give more text, or ask for fewer",
                 tokenizer.vocab_size(), options.trainer.vocab_size,
                 options.max_token_length ? " within --max-token-length" : "", options.min_frequency);
  }
  write_tokenizer(options.output, tokenizer);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return lm::cmd::run_program(argc, argv,
                              {
                                  .name = "tok-train",
                                  .summary = "learn a byte-level BPE tokenizer from text",
                                  .usage = "[-o OUT] [--vocab-size N] [FILE...]",
                                  .has_progress = true,
                                  .add_options = [&](CLI::App& app) { add_options(app, options); },
                                  .body = [&](const lm::cmd::CommonOptions& common) { return run(options, common); },
                              });
}
