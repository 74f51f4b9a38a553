// tok-encode: text in, token stream out; and tokens from one format to another.
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <string>

#include "base/error.h"
#include "base/file.h"
#include "inputs.h"
#include "named_files.h"
#include "options.h"
#include "output_names.h"
#include "program.h"
#include "tasks/load_tokenizer.h"
#include "tasks/tokenize/encode_documents.h"
#include "text/documents.h"
#include "text/tokenizer.h"
#include "token_formats.h"
#include "tokenizer_options.h"

namespace lm::cmd {
namespace {

struct Options {
  std::string tokenizer;
  std::string output = "-";
  DocumentKind documents;
  SpecialTokens special = SpecialTokens::plain;
  std::optional<TokenFormat> from;  // empty: text
  TokenFormat format = TokenFormat::lm;
  TokenizerOptions tokenizer_options;
  bool stats = false;
  bool strict = false;
  Inputs inputs;
};

void add_options(CLI::App& app, Options& options) {
  add_text(app, "-t,--tokenizer", options.tokenizer,
           "tokenizer.json, a model, a folder with vocab.json and merges.txt, or a .tiktoken file", "TOKENIZER")
      ->required();
  add_text(app, "-o,--output", options.output, "write the tokens here", "OUT");
  add_documents(app, options.documents, "what a document is: file, line, nul, jsonl[:FIELD] or separator:STRING");
  add_choice(app, "--special", options.special, "what text that spells a special token is");
  add_choice(app, "--from", options.from, "format of the input", "text",
             {TokenFormat::raw, TokenFormat::llmc, TokenFormat::ids});
  add_choice(app, "--format", options.format, "format of the output");
  add_tokenizer_options(app, options.tokenizer_options);
  app.add_flag("--stats", options.stats, "say on standard error how many documents, bytes and tokens there were");
  app.add_flag("--strict", options.strict, "fail if the tokenizer has no token for some of the text");
  add_binary(app, options.documents.accept);
  add_files_from(app, options.inputs);
  add_files(app, "FILE", options.inputs.files, "text, or folders of texts; standard input if none");
}

using Files = std::vector<std::string>;

void encode(const Options& options, const CommonOptions& common, const Files& files, const Tokenizer& tokenizer,
            TokenOutput& output, TokenStatistics& statistics) {
  const EncodedDocuments sink = {
      .text = [&](std::string_view text) { statistics.add_bytes(static_cast<std::int64_t>(text.size())); },
      .tokens =
          [&](std::span<const TokenId> ids) {
            if (options.stats) statistics.add_tokens(ids);
            output.write(ids);
          },
      .begin = [&] { output.write(tokenizer.begin_tokens()); },
      .end =
          [&] {
            output.end_document();
            statistics.add_document();
          }};
  const std::uint64_t unknown =
      encode_documents(files, options.documents, tokenizer,
                       {.special = options.special, .threads = common.threads, .simd = common.simd}, sink);
  if (unknown == 0) return;
  const std::string lost = std::to_string(unknown) + (tokenizer.unknown_token() ? " places" : " bytes") +
                           " of the text have no token in '" + options.tokenizer + "'";
  if (options.strict) throw Error("cannot encode the text exactly: " + lost);
  spdlog::warn("{}, and cannot be decoded again", lost);
}

/// Writes tokens of one format in another, with the begin tokens that they have.
class Converter {
 public:
  Converter(const Options& options, const Tokenizer& tokenizer, OutputStream& stream, TokenStatistics& statistics)
      : options_(options), tokenizer_(tokenizer), stream_(stream), statistics_(statistics) {}

  void read(const std::string& path) {
    const TokenSink sink = {.tokens = [&](std::span<const TokenId> ids) { take(ids); },
                            .end_document = [&] { end_document(); },
                            .pause = [] {},
                            .start = [&](bool has_begin_tokens) { start(has_begin_tokens, path); }};
    read_tokens(path, *options_.from, tokenizer_, sink);
  }
  void finish() {
    if (output_ == nullptr) open(false);
    output_->finish();
  }

 private:
  void open(bool has_begin_tokens) {
    has_begin_tokens_ = has_begin_tokens;
    output_ = token_output(stream_, options_.format, tokenizer_,
                           has_begin_tokens ? Documents::with_begin_tokens : Documents::plain);
  }
  void start(bool has_begin_tokens, const std::string& path) {
    if (output_ == nullptr) open(has_begin_tokens);
    if (has_begin_tokens == has_begin_tokens_) return;
    throw Error("cannot use '" + path + "': its documents have " + (has_begin_tokens ? "begin tokens" : "no begin tokens") +
                ", unlike those before; --begin none takes begin tokens for text");
  }
  void begin_document() {
    if (has_begin_tokens_ && !in_document_) output_->write(tokenizer_.begin_tokens());
    in_document_ = true;
  }
  void take(std::span<const TokenId> ids) {
    begin_document();
    for (const TokenId id : ids) statistics_.add_bytes(tokenizer_.byte_length(id));
    if (options_.stats) statistics_.add_tokens(ids);
    output_->write(ids);
  }
  void end_document() {
    begin_document();
    output_->end_document();
    statistics_.add_document();
    in_document_ = false;
  }

  const Options& options_;
  const Tokenizer& tokenizer_;
  OutputStream& stream_;
  TokenStatistics& statistics_;
  std::unique_ptr<TokenOutput> output_;
  bool has_begin_tokens_ = false;
  bool in_document_ = false;
};

int run(const Options& options, const CommonOptions& common) {
  if (options.from && options.documents.kind != DocumentKind::Kind::file) {
    throw UsageError("--documents is for text; tokens have their end-of-text");
  }
  if (options.from && options.strict) throw UsageError("--strict is for text; tokens are not encoded");
  if (options.from && options.documents.accept == Accept::anything)
    throw UsageError("--binary is for text; --from says what else the input is");
  check_output_name("-o", options.output, OutputKind::tokens);
  if (is_binary(options.format) && options.output == "-" && is_terminal(1)) {
    throw UsageError("tokens are not written to a terminal; use -o, a pipe, or --format ids or pieces");
  }
  NamedFiles named(common);
  named.reads("-t", options.tokenizer);
  named.writes("-o", options.output);
  const Files files =
      find_inputs(named, options.inputs, options.from ? FileUse::tokens : FileUse::text, options.documents.accept);
  const Tokenizer tokenizer = options.from ? load_tokenizer(options.tokenizer, options.tokenizer_options)
                                           : open_tokenizer(options.tokenizer, options.tokenizer_options);
  for (const int standard : {0, 1}) enlarge_pipe(standard);
  const auto stream = open_output(options.output);
  TokenStatistics statistics(tokenizer.vocab_size());
  if (options.from) {
    Converter converter(options, tokenizer, *stream, statistics);
    for (const std::string& path : files) converter.read(path);
    converter.finish();
  } else {
    const Documents documents = tokenizer.begin_tokens().empty() ? Documents::plain : Documents::with_begin_tokens;
    const std::unique_ptr<TokenOutput> output = token_output(*stream, options.format, tokenizer, documents);
    encode(options, common, files, tokenizer, *output, statistics);
    output->finish();
  }
  stream->close();
  if (options.stats) std::fputs(statistics.to_text().c_str(), stderr);
  return 0;
}

}  // namespace
}  // namespace lm::cmd

int main(int argc, char** argv) {
  using namespace lm::cmd;
  Options options;
  return run_program(argc, argv,
                     {
                         .name = "tok-encode",
                         .summary = "turn text into a stream of tokens",
                         .usage = "-t TOKENIZER [-o OUT] [--documents KIND] [FILE...]",
                         .add_options = [&](CLI::App& app) { add_options(app, options); },
                         .body = [&](const CommonOptions& common) { return run(options, common); },
                     });
}
