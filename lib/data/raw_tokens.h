// Token ids in other programs' files: bare uint16 or uint32 (nanoGPT), and llm.c's .bin.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/token.h"

namespace lm {

/// All little-endian. llmc: a header of 256 int32 (magic, version, number of tokens, zeros), then uint16 (magic 20240520,
/// version 1) or uint32 (magic 20240801, version 7). None says which tokenizer or where documents end, none can tell that it
/// was cut short at a token, save llmc by its count.
enum class RawFormat { uint16, uint32, llmc };

/// Bare ids in as few bytes as the vocabulary takes.
inline RawFormat raw_format_of(std::int64_t vocab_size) {
  return vocab_size <= 65536 ? RawFormat::uint16 : RawFormat::uint32;
}

/// Reads ids from a file or pipe. Throws Error for ids that are not in the vocabulary, half a token at the end, and for what
/// contradicts llm.c's header.
class RawTokenReader {
 public:
  /// `already_read`: bytes taken from the input before.
  RawTokenReader(FileDescriptor input, RawFormat format, std::int64_t vocab_size, std::string_view already_read = {});
  /// Up to tokens.size() tokens, without waiting for more than there are; 0 only at the end.
  std::size_t read(std::span<TokenId> tokens);
  std::int64_t tokens() const { return tokens_; }
  const std::string& name() const { return input_.name(); }

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

/// Writes ids. `vocab_size` decides uint16 or uint32 for llmc.
class RawTokenWriter {
 public:
  /// llmc has its number of tokens first: `tokens`, or a later patch of the output. Throws Error where neither is to be had.
  RawTokenWriter(OutputStream& output, RawFormat format, std::int64_t vocab_size,
                 std::optional<std::int64_t> tokens = std::nullopt);
  /// Throws Error where an id is not in the vocabulary or does not fit the format.
  void write(std::span<const TokenId> tokens);
  /// Throws Error where llm.c cannot count so many.
  void finish();
  std::int64_t tokens() const { return tokens_; }

 private:
  OutputStream& output_;
  RawFormat format_;
  std::int64_t vocab_size_;
  std::size_t bytes_per_token_;
  std::optional<std::int64_t> expected_tokens_;
  std::int64_t tokens_ = 0;
};

}  // namespace lm
