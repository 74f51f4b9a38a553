// tok-decode: token stream in, text out.
#include "base/file.h"
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
  TokenFormat format = TokenFormat::lm;
  lm::TokenizerOptions tokenizer_options;
  std::vector<std::string> files;
};

void add_options(CLI::App& app, Options& options) {
  lm::cmd::add_text(app, "-t,--tokenizer", options.tokenizer, "the tokenizer of the tokens, as for tok-encode, or a model",
                    "TOKENIZER")
      ->required();
  lm::cmd::add_text(app, "-o,--output", options.output, "write the text here", "OUT");
  lm::cmd::add_documents(app, options.documents,
                         "what follows each document: file (nothing), line, nul or separator:STRING");
  lm::cmd::add_choice<TokenFormat>(
      app, "--format", options.format,
      {{"lm", TokenFormat::lm}, {"raw", TokenFormat::raw}, {"llmc", TokenFormat::llmc}, {"ids", TokenFormat::ids}},
      "format of the input");
  lm::cmd::add_tokenizer_options(app, options.tokenizer_options);
  lm::cmd::add_files(app, "FILE", options.files, "tokens; standard input if none");
}

int run(const Options& options, const lm::cmd::CommonOptions& common) {
  if (options.files.size() > 1) throw lm::cmd::UsageError("tok-decode takes one FILE");
  if (options.documents.kind == lm::DocumentKind::Kind::jsonl) {
    throw lm::cmd::UsageError("documents cannot be joined as jsonl; use file, line, nul or separator:STRING");
  }
  const std::string path = options.files.empty() ? "-" : options.files[0];
  lm::cmd::NamedFiles files(common);
  files.reads("-t", options.tokenizer);
  files.reads("FILE", path);
  files.writes("-o", options.output);
  files.check();
  lm::cmd::check_output_name("-o", options.output, lm::cmd::OutputKind::text);
  const std::string delimiter = lm::document_delimiter(options.documents);
  const lm::Tokenizer tokenizer = lm::load_tokenizer(options.tokenizer, options.tokenizer_options);
  const auto output = lm::open_output(options.output);
  const lm::cmd::TokenSink sink = {.tokens =
                                       [&](std::span<const TokenId> ids) {
                                         for (const TokenId id : ids) output->write(tokenizer.bytes_of(id));
                                       },
                                   .end_document = [&] { output->write(delimiter); },
                                   .pause = [&] { output->flush(); }};  // so that a reader sees what a slow writer has sent
  lm::cmd::read_tokens(path, options.format, tokenizer, sink);
  output->close();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return lm::cmd::run_program(argc, argv,
                              {
                                  .name = "tok-decode",
                                  .summary = "turn a stream of tokens back into text",
                                  .usage = "-t TOKENIZER [-o OUT] [--documents KIND] [FILE]",
                                  .add_options = [&](CLI::App& app) { add_options(app, options); },
                                  .body = [&](const lm::cmd::CommonOptions& common) { return run(options, common); },
                              });
}
