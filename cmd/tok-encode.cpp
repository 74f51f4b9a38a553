// tok-encode: text in, token stream out; and tokens from one format to another.
#include <algorithm>
#include <cstdio>
#include <optional>

#include "base/file.h"
#include "inputs.h"
#include "named_files.h"
#include "options.h"
#include "output_names.h"
#include "program.h"
#include "tasks/load_tokenizer.h"
#include "text/documents.h"
#include "text/tokenizer.h"
#include "token_formats.h"
#include "tokenizer_options.h"

namespace {

using lm::TokenFormat;
using lm::TokenId;

struct Options {
  std::string tokenizer;
  std::string output = "-";
  lm::DocumentKind documents;
  lm::SpecialTokens special = lm::SpecialTokens::plain;
  std::optional<TokenFormat> from;  // empty: text
  TokenFormat format = TokenFormat::lm;
  lm::TokenizerOptions tokenizer_options;
  bool stats = false;
  std::vector<std::string> files;
};

void add_options(CLI::App& app, Options& options) {
  using From = std::optional<TokenFormat>;
  lm::cmd::add_text(app, "-t,--tokenizer", options.tokenizer,
                    "tokenizer.json, a model, a folder with vocab.json and merges.txt, or a .tiktoken file", "TOKENIZER")
      ->required();
  lm::cmd::add_text(app, "-o,--output", options.output, "write the tokens here", "OUT");
  lm::cmd::add_documents(app, options.documents, "what a document is: file, line, nul, jsonl[:FIELD] or separator:STRING");
  lm::cmd::add_choice<lm::SpecialTokens>(
      app, "--special", options.special,
      {{"plain", lm::SpecialTokens::plain}, {"allow", lm::SpecialTokens::allow}, {"error", lm::SpecialTokens::error}},
      "what text that spells a special token is");
  lm::cmd::add_choice<From>(
      app, "--from", options.from,
      {{"text", From()}, {"raw", TokenFormat::raw}, {"llmc", TokenFormat::llmc}, {"ids", TokenFormat::ids}},
      "format of the input");
  lm::cmd::add_choice<TokenFormat>(app, "--format", options.format,
                                   {{"lm", TokenFormat::lm},
                                    {"raw", TokenFormat::raw},
                                    {"llmc", TokenFormat::llmc},
                                    {"ids", TokenFormat::ids},
                                    {"pieces", TokenFormat::pieces}},
                                   "format of the output");
  lm::cmd::add_tokenizer_options(app, options.tokenizer_options);
  app.add_flag("--stats", options.stats, "say on standard error how many documents, bytes and tokens there were");
  lm::cmd::add_binary(app, options.documents.accept);
  lm::cmd::add_files(app, "FILE", options.files, "text; standard input if none");
}

struct Statistics {
  std::int64_t documents = 0, bytes = 0, tokens = 0;
  std::vector<bool> used;

  void add(std::span<const TokenId> ids) {
    tokens += static_cast<std::int64_t>(ids.size());
    for (const TokenId id : ids) used[id] = true;
  }

  void print() const {
    const auto different = static_cast<long long>(std::count(used.begin(), used.end(), true));
    const double ratio = tokens == 0 ? 0 : static_cast<double>(bytes) / static_cast<double>(tokens);
    std::fprintf(stderr, "documents %lld\nbytes %lld\ntokens %lld\nbytes_per_token %.4f\ndifferent_tokens %lld\n",
                 static_cast<long long>(documents), static_cast<long long>(bytes), static_cast<long long>(tokens), ratio,
                 different);
  }
};

void encode_texts(const Options& options, const lm::Tokenizer& tokenizer, lm::TokenOutput& output, Statistics& statistics) {
  lm::StreamEncoder encoder(tokenizer, options.special);
  std::vector<TokenId> ids;
  const auto hand_on = [&] {
    if (ids.empty()) return;
    if (options.stats) statistics.add(ids);
    output.write(ids);
    ids.clear();
  };
  lm::split_documents(options.files, options.documents,
                      {.text =
                           [&](std::string_view piece) {
                             statistics.bytes += static_cast<std::int64_t>(piece.size());
                             encoder.feed(piece, ids);
                             hand_on();
                           },
                       .end =
                           [&] {
                             encoder.finish(ids);
                             hand_on();
                             output.end_document();
                             ++statistics.documents;
                           }});
}

void convert_tokens(const Options& options, const lm::Tokenizer& tokenizer, lm::TokenOutput& output,
                    Statistics& statistics) {
  const lm::cmd::TokenSink sink = {.tokens =
                                       [&](std::span<const TokenId> ids) {
                                         for (const TokenId id : ids) statistics.bytes += tokenizer.byte_length(id);
                                         if (options.stats) statistics.add(ids);
                                         output.write(ids);
                                       },
                                   .end_document =
                                       [&] {
                                         output.end_document();
                                         ++statistics.documents;
                                       },
                                   .pause = [] {}};
  const std::vector<std::string> standard_input = {"-"};
  for (const std::string& path : options.files.empty() ? standard_input : options.files) {
    lm::cmd::read_tokens(path, *options.from, tokenizer, sink);
  }
}

int run(const Options& options, const lm::cmd::CommonOptions& common) {
  if (options.from && options.documents.kind != lm::DocumentKind::Kind::file) {
    throw lm::cmd::UsageError("--documents is for text; tokens have their end-of-text");
  }
  if (options.from && options.documents.accept == lm::Accept::anything)
    throw lm::cmd::UsageError("--binary is for text; --from says what else the input is");
  lm::cmd::check_output_name("-o", options.output, lm::cmd::OutputKind::tokens);
  if (is_binary(options.format) && options.output == "-" && lm::cmd::is_terminal(1)) {
    throw lm::cmd::UsageError("tokens are not written to a terminal; use -o, a pipe, or --format ids or pieces");
  }
  lm::cmd::NamedFiles files(common);
  files.reads("-t", options.tokenizer);
  files.reads("FILE", options.files.empty() ? std::vector<std::string>{"-"} : options.files);
  files.writes("-o", options.output);
  files.check();
  const lm::Tokenizer tokenizer = options.from ? lm::load_tokenizer(options.tokenizer, options.tokenizer_options)
                                               : lm::cmd::open_tokenizer(options.tokenizer, options.tokenizer_options);
  const auto stream = lm::open_output(options.output);
  const std::unique_ptr<lm::TokenOutput> output = lm::cmd::token_output(*stream, options.format, tokenizer);
  Statistics statistics;
  statistics.used.resize(static_cast<std::size_t>(tokenizer.vocab_size()));
  if (options.from) {
    convert_tokens(options, tokenizer, *output, statistics);
  } else {
    encode_texts(options, tokenizer, *output, statistics);
  }
  output->finish();
  stream->close();
  if (options.stats) statistics.print();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return lm::cmd::run_program(argc, argv,
                              {
                                  .name = "tok-encode",
                                  .summary = "turn text into a stream of tokens",
                                  .usage = "-t TOKENIZER [-o OUT] [--documents KIND] [FILE...]",
                                  .add_options = [&](CLI::App& app) { add_options(app, options); },
                                  .body = [&](const lm::cmd::CommonOptions& common) { return run(options, common); },
                              });
}
