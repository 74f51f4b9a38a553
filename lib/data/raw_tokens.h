// Token ids in other programs' files: bare uint16 or uint32 (nanoGPT), and llm.c's .bin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/file.h"
#include "base/token.h"
#include "data/token_file.h"
#include "data/token_io.h"

namespace lm {

/// All little-endian. llmc: a header of 256 int32 (magic, version, number of tokens, zeros), then uint16 (magic 20240520,
/// version 1) or uint32 (magic 20240801, version 7). None says which tokenizer made it or where documents end; only llmc's
/// count shows that a file was cut short between two tokens.
enum class RawFormat { uint16, uint32, llmc };

/// Returns the format of bare ids in as few bytes as the vocabulary takes.
RawFormat raw_format_of(const TokenFileInfo& info);

/// Reads ids. Throws Error for ids that are not in the vocabulary, half a token at the end, and what contradicts llm.c's
/// header.
class RawTokenReader final : public TokenInput {
 public:
  RawTokenReader(FileDescriptor input, RawFormat format, const TokenFileInfo& info);
  const std::string& name() const override { return input_.name(); }
  std::size_t read(std::span<TokenId> tokens) override;

 private:
  bool fill(std::size_t size);
  void read_header();
  void check_end();

  FileDescriptor input_;
  std::int64_t vocab_size_;
  std::size_t bytes_per_token_ = 2;
  std::optional<std::int64_t> expected_tokens_;  // llm.c's count
  std::string buffer_;                           // bytes from start_ on are still to be handed out
  std::size_t start_ = 0;
  std::int64_t tokens_ = 0;
};

/// Writes ids, and the end-of-text as one of them.
class RawTokenWriter final : public TokenOutput {
 public:
  /// The vocabulary decides between uint16 and uint32 for llmc. Throws Error if ids do not fit, and for llmc, which has its
  /// number of tokens first, if the output cannot be patched.
  RawTokenWriter(OutputStream& output, RawFormat format, const TokenFileInfo& info);
  void write(std::span<const TokenId> tokens) override;
  void end_document() override;
  /// Throws Error if llm.c cannot count so many.
  void finish() override;

 private:
  OutputStream& output_;
  RawFormat format_;
  TokenFileInfo info_;
  std::size_t bytes_per_token_;
  std::int64_t tokens_ = 0;
};

}  // namespace lm
