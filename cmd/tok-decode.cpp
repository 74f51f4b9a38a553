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

namespace lm::cmd {
namespace {

struct Options {
  std::string tokenizer;
  std::string output = "-";
  DocumentKind documents;
  TokenFormat format = TokenFormat::lm;
  TokenizerOptions tokenizer_options;
  std::vector<std::string> files;
};

void add_options(CLI::App& app, Options& options) {
  add_text(app, "-t,--tokenizer", options.tokenizer, "the tokenizer of the tokens, as for tok-encode, or a model",
           "TOKENIZER")
      ->required();
  add_text(app, "-o,--output", options.output, "write the text here", "OUT");
  add_documents(app, options.documents, "what follows each document: file (nothing), line, nul or separator:STRING");
  add_choice(app, "--format", options.format, "format of the input",
             {TokenFormat::lm, TokenFormat::raw, TokenFormat::llmc, TokenFormat::ids});
  add_tokenizer_options(app, options.tokenizer_options);
  add_files(app, "FILE", options.files, "tokens; standard input if none");
}

int run(const Options& options, const CommonOptions& common) {
  if (options.files.size() > 1) throw UsageError("tok-decode takes one FILE");
  if (options.documents.kind == DocumentKind::Kind::jsonl) {
    throw UsageError("documents cannot be joined as jsonl; use file, line, nul or separator:STRING");
  }
  const std::string path = options.files.empty() ? "-" : options.files[0];
  NamedFiles files(common);
  files.reads("-t", options.tokenizer);
  files.reads("FILE", path);
  files.writes("-o", options.output);
  files.check();
  check_output_name("-o", options.output, OutputKind::text);
  const std::string delimiter = document_delimiter(options.documents);
  const Tokenizer tokenizer = load_tokenizer(options.tokenizer, options.tokenizer_options);
  const auto output = open_output(options.output);
  StreamDecoder decoder(tokenizer);
  std::string text;
  const auto write = [&] {
    output->write(text);
    text.clear();
  };
  const TokenSink sink = {.tokens =
                              [&](std::span<const TokenId> ids) {
                                for (const TokenId id : ids) decoder.feed(id, text);
                                write();
                              },
                          .end_document =
                              [&] {
                                decoder.finish(text);
                                text += delimiter;
                                write();
                              },
                          .pause = [&] { output->flush(); }};  // so that a reader sees what a slow writer has sent
  read_tokens(path, options.format, tokenizer, sink);
  decoder.finish(text);
  write();
  output->close();
  return 0;
}

}  // namespace
}  // namespace lm::cmd

int main(int argc, char** argv) {
  using namespace lm::cmd;
  Options options;
  return run_program(argc, argv,
                     {
                         .name = "tok-decode",
                         .summary = "turn a stream of tokens back into text",
                         .usage = "-t TOKENIZER [-o OUT] [--documents KIND] [FILE]",
                         .add_options = [&](CLI::App& app) { add_options(app, options); },
                         .body = [&](const CommonOptions& common) { return run(options, common); },
                     });
}
