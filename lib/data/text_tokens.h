// Token ids as text, a document a line: decimal numbers, or the tokens' bytes for people to read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text_input.h"
#include "base/token.h"
#include "base/token_codec.h"
#include "data/token_file.h"
#include "data/token_io.h"

namespace lm {

/// Reads decimal ids, which may be compressed, between blanks or commas; the end of a line closes its document.
class IdReader final : public TokenInput {
 public:
  /// Throws Error for what is recognized as something else.
  IdReader(FileDescriptor input, const TokenFileInfo& info);
  const std::string& name() const override { return input_.name(); }
  std::size_t read(std::span<TokenId> tokens) override;

 private:
  void take(std::string_view text);
  void end_number();
  void end_line();

  TextInput input_;
  TokenFileInfo info_;
  std::string block_;
  std::vector<TokenId> ready_;  // from next_ on still to be handed out
  std::size_t next_ = 0;
  std::int64_t line_ = 1;
  std::uint64_t number_ = 0;
  bool in_number_ = false, in_line_ = false, at_end_ = false;
};

/// Writes decimal ids with a blank between them.
class IdWriter final : public TokenOutput {
 public:
  explicit IdWriter(OutputStream& output) : output_(output) {}
  void write(std::span<const TokenId> tokens) override;
  void end_document() override;
  void finish() override;

 private:
  OutputStream& output_;
  bool in_document_ = false;
};

/// Writes a JSON array of the tokens' bytes, U+FFFD for what is not UTF-8.
class PieceWriter final : public TokenOutput {
 public:
  PieceWriter(OutputStream& output, const TokenCodec& codec) : output_(output), codec_(codec) {}
  void write(std::span<const TokenId> tokens) override;
  void end_document() override;
  void finish() override;

 private:
  OutputStream& output_;
  const TokenCodec& codec_;
  bool in_document_ = false;
};

}  // namespace lm
