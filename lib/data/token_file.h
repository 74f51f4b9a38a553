// Token streams (lm-tokens(5)): written to a file or pipe, read from either, or from a file in any order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/file.h"
#include "base/hash.h"
#include "base/random_access.h"
#include "base/token.h"
#include "data/token_io.h"

namespace lm {

// A program that does not know how much is coming must be able to write the format to a pipe, one that reads it must notice
// when not all of it came, and numpy must open it with an offset and nothing else. Hence a header of fixed size, bare
// tokens, and a trailer that counts and hashes them. Not wanted: compression (zstd does it), an index of documents (a scan
// takes a second a gigabyte), appending (a new file is as good). Two streams joined by cat are refused rather than
// understood: the second header would have to be looked for among tokens.

/// What the header says.
struct TokenFileInfo {
  std::int64_t vocab_size = 0;
  TokenId end_of_text = 0;                     // closes every document
  Fingerprint fingerprint = {};                // of the tokenizer
  bool begins = false;                         // each document starts with the tokenizer's begin tokens
  std::optional<std::int64_t> tokens = {};     // with the end-of-text tokens; empty in a stream whose end is not known yet
  std::optional<std::int64_t> documents = {};  // number of end-of-text tokens, likewise

  /// Returns 2 if every id fits into 16 bits, else 4.
  int bytes_per_token() const { return vocab_size <= 65536 ? 2 : 4; }
  /// Returns how many end-of-text tokens are taken to precede the first token: none if documents have begin tokens.
  std::int64_t virtual_tokens() const { return begins ? 0 : 1; }
};

constexpr std::size_t kTokenMagicSize = 16;

/// Returns true if `first_bytes` (kTokenMagicSize of them, or all there are) begin a token stream of any version. Text never
/// does.
bool is_token_stream(std::string_view first_bytes);

/// Writes a stream. Nothing of a file becomes visible without output.close(), which is the caller's.
class TokenWriter final : public TokenOutput {
 public:
  /// Writes the header. Throws Error if the vocabulary is empty or beyond 2^32 - 1, or end_of_text is not in it.
  TokenWriter(OutputStream& output, const TokenFileInfo& info);
  /// Throws Error if an id is not in the vocabulary. An end-of-text among the tokens ends a document.
  void write(std::span<const TokenId> tokens) override;
  /// Closes a document, which may be empty, with its end-of-text.
  void end_document() override;
  /// Writes the trailer, and the counts into the header if the output can be patched.
  void finish() override;
  std::int64_t tokens() const { return tokens_; }
  std::int64_t documents() const { return documents_; }

 private:
  OutputStream& output_;
  TokenFileInfo info_;
  std::int64_t tokens_ = 0;
  std::int64_t documents_ = 0;
  Hasher hasher_;
};

/// Reads a stream from a pipe or file in bounded memory, and verifies all of it: header, ids, counts, hash, the trailer and
/// that nothing follows. Throws Error; tokens that were handed out before are right as far as could be known then.
class TokenReader final : public TokenInput {
 public:
  /// `already_read`: bytes that were taken from the input to distinguish tokens from text.
  explicit TokenReader(FileDescriptor input, std::string_view already_read = {});
  const TokenFileInfo& info() const { return info_; }
  const std::string& name() const override { return input_.name(); }
  std::size_t read(std::span<TokenId> tokens) override;
  /// Return the number of tokens, and of end-of-text tokens, read so far.
  std::int64_t tokens() const { return tokens_; }
  std::int64_t documents() const { return documents_; }
  /// Returns the hash of the tokens read so far: at the end, the trailer's.
  std::uint64_t hash() const { return hasher_.digest64(); }

 private:
  bool fill(std::size_t size);
  std::size_t token_bytes_ready(std::size_t wanted);
  std::size_t scan_for_trailer(std::size_t size);
  void finish();
  std::string_view buffered() const { return std::string_view(buffer_).substr(start_); }

  FileDescriptor input_;
  TokenFileInfo info_;
  std::string buffer_;  // bytes from start_ on are still to be handed out
  std::size_t start_ = 0;
  std::int64_t tokens_ = 0;
  std::int64_t documents_ = 0;
  Hasher hasher_;
  bool at_end_ = false;
};

/// A whole stream: any token at any time, read when it is asked for. A regular file is opened without reading it (verify()
/// does); a pipe is spooled to an unlinked file and so verified.
class TokenFile {
 public:
  /// Opens a path; "-" is standard input. `spool_folder` is for a pipe. Throws Error.
  static TokenFile open(const std::string& path, const std::string& spool_folder);
  /// Does the same with an open input, from its position on.
  static TokenFile open(FileDescriptor input, const std::string& spool_folder);

  /// Returns what the header says, with the counts of the file: `tokens` is always there.
  const TokenFileInfo& info() const { return info_; }
  const std::string& name() const { return file_.name(); }
  std::int64_t size() const { return size_; }
  /// Returns the XXH3-64 of the tokens as the trailer states it, which distinguishes data sets.
  std::uint64_t hash() const { return hash_; }

  /// Reads the tokens [first, first + out.size()), all inside the file. Throws Error if an id is not in the vocabulary, or
  /// the file has become shorter.
  void tokens(std::int64_t first, std::span<TokenId> out) const;
  /// Returns the header's number of documents, else counts them (reads the whole file, once).
  std::int64_t documents();
  /// Returns the position after the end-of-text of document `document` (0-based), or size() if there are not that many.
  std::int64_t end_of_document(std::int64_t document) const;
  /// Reads everything: hash, ids and the number of documents. Throws Error.
  void verify();

 private:
  explicit TokenFile(RandomAccessFile file) : file_(std::move(file)) {}
  static TokenFile spool(FileDescriptor input, const std::string& folder);
  void read_frame();
  std::int64_t read_tokens(std::int64_t first, std::span<TokenId> out, Hasher* hasher) const;
  std::int64_t scan(Hasher* hasher) const;

  RandomAccessFile file_;
  TokenFileInfo info_;
  std::int64_t size_ = 0;
  std::uint64_t hash_ = 0;
};

}  // namespace lm
