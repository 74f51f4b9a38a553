#include "token_formats.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/file_use.h"
#include "base/text_input.h"
#include "data/raw_tokens.h"
#include "data/text_tokens.h"
#include "data/token_file.h"
#include "data/token_file_bytes.h"
#include "options.h"
#include "tasks/load_tokenizer.h"

namespace lm::cmd {

namespace {

/// What the formats need to know of a tokenizer.
TokenFileInfo info_of(const Tokenizer& tokenizer) {
  return {
      .vocab_size = tokenizer.vocab_size(), .end_of_text = tokenizer.end_of_text(), .fingerprint = tokenizer.fingerprint()};
}

/// Throws Error if a path is recognized as something else.
void require_format(TokenFormat format, const std::string& path) {
  if (format == TokenFormat::lm) require_token_stream(path);
  if (format == TokenFormat::llmc) require_kind(FileUse::llmc_tokens, path);
  if (format == TokenFormat::raw) require_kind(FileUse::raw_tokens, path);
  if (format == TokenFormat::ids) check_text_inputs(FileUse::ids, {path}, Accept::text);
}

/// `info`: gives what the format needs to know, and gets what a stream's header says.
std::unique_ptr<TokenInput> open_tokens(const std::string& path, TokenFormat format, const Tokenizer& tokenizer,
                                        TokenFileInfo& info) {
  require_format(format, path);
  FileDescriptor input = open_input(path);
  switch (format) {
    case TokenFormat::lm: {
      auto reader = std::make_unique<TokenReader>(std::move(input));
      require_same_tokenizer(tokenizer, reader->info(), reader->name());
      info = reader->info();
      return reader;
    }
    case TokenFormat::raw:
      return std::make_unique<RawTokenReader>(std::move(input), raw_format_of(info), info);
    case TokenFormat::llmc:
      return std::make_unique<RawTokenReader>(std::move(input), RawFormat::llmc, info);
    case TokenFormat::ids:
      return std::make_unique<IdReader>(std::move(input), info);
    case TokenFormat::pieces:
      break;
  }
  throw Error("pieces cannot be read, only written");
}

/// Hands tokens on, documents apart.
void hand_on(std::span<const TokenId> tokens, TokenId end_of_text, BeginTokens& begins, bool& started,
             const TokenSink& sink) {
  while (!tokens.empty()) {
    const auto end = std::find(tokens.begin(), tokens.end(), end_of_text);
    const auto count = static_cast<std::size_t>(end - tokens.begin());
    const std::span<const TokenId> text = begins.strip(tokens.first(count));
    if (!started && sink.start) sink.start(begins.are_present());
    started = true;
    if (!text.empty()) sink.tokens(text);
    if (end == tokens.end()) return;
    begins.end_document();
    sink.end_document();
    tokens = tokens.subspan(count + 1);
  }
}

}  // namespace

CLI::Option* add_documents(CLI::App& app, DocumentKind& kind, const std::string& description) {
  return add_parsed(app, "--documents", "KIND", "file", description, "file, line, nul, jsonl[:FIELD] or separator:STRING",
                    [&kind](const std::string& text) {
                      const DocumentKind parsed = parse_document_kind(text);
                      kind.kind = parsed.kind;
                      kind.detail = parsed.detail;
                      return true;
                    });
}

std::unique_ptr<TokenOutput> token_output(OutputStream& output, TokenFormat format, const Tokenizer& tokenizer,
                                          Documents documents) {
  TokenFileInfo info = info_of(tokenizer);
  info.begins = documents == Documents::with_begin_tokens;
  switch (format) {
    case TokenFormat::lm:
      return std::make_unique<TokenWriter>(output, info);
    case TokenFormat::raw:
      return std::make_unique<RawTokenWriter>(output, raw_format_of(info), info);
    case TokenFormat::llmc:
      return std::make_unique<RawTokenWriter>(output, RawFormat::llmc, info);
    case TokenFormat::ids:
      return std::make_unique<IdWriter>(output);
    case TokenFormat::pieces:
      break;
  }
  return std::make_unique<PieceWriter>(output, tokenizer);
}

void read_tokens(const std::string& path, TokenFormat format, const Tokenizer& tokenizer, const TokenSink& sink) {
  TokenFileInfo info = info_of(tokenizer);
  const std::unique_ptr<TokenInput> input = open_tokens(path, format, tokenizer, info);
  const bool says = format == TokenFormat::lm;
  BeginTokens begins = says ? BeginTokens(tokenizer, info, input->name()) : BeginTokens(tokenizer, input->name());
  bool started = false;
  std::vector<TokenId> tokens(65536);
  for (;;) {
    sink.pause();
    const std::size_t count = input->read(tokens);
    if (count == 0) return;
    hand_on(std::span(tokens).first(count), tokenizer.end_of_text(), begins, started, sink);
  }
}

}  // namespace lm::cmd
