// Tokens in and out, in whatever format a file has them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/choice.h"
#include "base/token.h"

namespace lm {

/// The formats of lm-tokens(5).
enum class TokenFormat {
  lm,     // the toolkit's own stream: token_file.h
  raw,    // bare little-endian numbers: raw_tokens.h
  llmc,   // the same after llm.c's header
  ids,    // decimal, a document a line: text_tokens.h
  pieces  // a JSON array of strings a line, output only
};
template <>
inline constexpr auto kChoices<TokenFormat> = choice_table<TokenFormat>("format", {{"lm", TokenFormat::lm},
                                                                                   {"raw", TokenFormat::raw},
                                                                                   {"llmc", TokenFormat::llmc},
                                                                                   {"ids", TokenFormat::ids},
                                                                                   {"pieces", TokenFormat::pieces}});

/// Returns true for the formats that are no text.
constexpr bool is_binary(TokenFormat format) { return format != TokenFormat::ids && format != TokenFormat::pieces; }

/// Reads tokens from a file or pipe.
class TokenInput {
 public:
  virtual ~TokenInput() = default;
  virtual const std::string& name() const = 0;
  /// Reads up to tokens.size() tokens, without waiting for more than there are; 0 only at the end. Every document is
  /// followed by its end-of-text, except a last one that the input leaves open. Throws Error for what the format does not
  /// allow, and for ids that are not in the vocabulary, once the tokens before them are read.
  virtual std::size_t read(std::span<TokenId> tokens) = 0;
};

/// Writes tokens to a file or pipe.
class TokenOutput {
 public:
  virtual ~TokenOutput() = default;
  /// Writes tokens of the current document.
  virtual void write(std::span<const TokenId> tokens) = 0;
  /// Closes a document, which may be empty.
  virtual void end_document() = 0;
  /// Writes what closes the format; closing the output is the caller's.
  virtual void finish() = 0;
};

/// Returns how many tokens at the front are in the vocabulary. Throws Error naming the input if the first is not.
std::size_t count_known(std::span<const TokenId> tokens, std::int64_t vocab_size, const std::string& name);

}  // namespace lm
