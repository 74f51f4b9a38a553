// Token ids in and out of the tok- programs, in the format that the user chose.
#pragma once

#include <CLI/App.hpp>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "base/file.h"
#include "data/token_io.h"
#include "text/documents.h"
#include "text/tokenizer.h"

namespace lm::cmd {

/// Adds --documents; its value is checked when it is parsed.
CLI::Option* add_documents(CLI::App& app, DocumentKind& kind, const std::string& description);

/// Returns what writes tokens in a format; the output and the tokenizer outlive it. Throws Error if the format needs to state
/// its length first and the output cannot be patched.
enum class Documents { with_begin_tokens, plain };  // what the header says of them
std::unique_ptr<TokenOutput> token_output(OutputStream& output, TokenFormat format, const Tokenizer& tokenizer,
                                          Documents documents);

/// Receives tokens without their closing end-of-text, which comes as end_document.
struct TokenSink {
  std::function<void(std::span<const TokenId> tokens)> tokens;
  std::function<void()> end_document;
  std::function<void()> pause;                            // before reading on: what came so far can be handed out
  std::function<void(bool has_begin_tokens)> start = {};  // of an input, before anything else of it
};

/// Reads a whole input in one of the formats except pieces. Begin tokens of a stream that has them are left out. A last document without its end-of-text is handed on as it is,
/// without an end_document. Throws Error for ids outside the vocabulary, a cut file, or a stream made with another tokenizer.
void read_tokens(const std::string& path, TokenFormat format, const Tokenizer& tokenizer, const TokenSink& sink);

}  // namespace lm::cmd
