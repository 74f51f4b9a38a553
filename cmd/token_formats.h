// Token ids in and out of the tok- programs: the native stream, raw numbers, llm.c's files, decimal ids, readable pieces.
#pragma once

#include <CLI/App.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "data/token_file.h"
#include "text/documents.h"
#include "text/tokenizer.h"

namespace lm::cmd {

/// --documents, its value checked where it is parsed.
CLI::Option* add_documents(CLI::App& app, DocumentKind& kind, const std::string& description);
/// lm: lm-tokens(5). raw: bare little-endian integers of 2 bytes, or 4 where the vocabulary needs them (nanoGPT). llmc:
/// llm.c's files, 256 int32 of header before those. ids: decimal, a document a line. pieces: a JSON array of strings a line,
/// output only.
enum class TokenFormat { lm, raw, llmc, ids, pieces };

/// True for the formats that are no text: they are not for terminals.
bool is_binary(TokenFormat format);

/// Writes tokens in a format. Whole documents only: write() its tokens, then end_document(), which adds the end-of-text.
class TokenOutput {
 public:
  /// Throws Error where the format needs to state its length first and the output cannot be patched.
  TokenOutput(OutputStream& output, TokenFormat format, const Tokenizer& tokenizer);
  void write(std::span<const TokenId> tokens);
  void end_document();
  /// Writes what closes the format; output.close() is the caller's.
  void finish();

 private:
  void write_numbers(std::span<const TokenId> tokens);
  void write_text(TokenId token);

  OutputStream& output_;
  TokenFormat format_;
  const Tokenizer& tokenizer_;
  std::unique_ptr<TokenWriter> writer_;  // lm
  int bytes_per_token_;                  // raw, llmc
  std::int64_t tokens_ = 0;
  bool in_document_ = false;
  std::string buffer_;
};

/// Receives tokens without their closing end-of-text, which comes as end_document.
struct TokenSink {
  std::function<void(std::span<const TokenId> tokens)> tokens;
  std::function<void()> end_document;
  std::function<void()> pause;  // before reading on: what came so far can be handed out
};

/// Reads a whole input in one of the formats but pieces. A last document without its end-of-text is handed on as it is,
/// without an end_document. Throws Error: ids outside the vocabulary, a cut file, a stream made with another tokenizer.
void read_tokens(const std::string& path, TokenFormat format, const Tokenizer& tokenizer, const TokenSink& sink);

}  // namespace lm::cmd
