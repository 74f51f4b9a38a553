// Encoding a stretch of text of which more may come: what is certain now, and what has to wait.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "text/piece_encoder.h"
#include "text/tokenizer.h"

namespace lm {

class SegmentEncoder {
 public:
  SegmentEncoder(const TokenizerTables& tables, SpecialTokens special, PieceEncoder::Cache cache);

  enum class End { open, final };
  /// Appends the ids of the beginning of `text` that is certain whatever follows, and returns its length; with End::final
  /// all of it. `offset` of text in its document is for messages. Throws Error for a special token under
  /// SpecialTokens::error.
  std::size_t encode(std::string_view text, End end, std::uint64_t offset, std::vector<TokenId>& ids);

 private:
  std::size_t encode_plain(std::string_view text, End end, std::vector<TokenId>& ids);
  std::size_t encode_unsplit(std::string_view text, End end, std::vector<TokenId>& ids);

  const TokenizerTables& tables_;
  SpecialTokens special_;
  PieceEncoder pieces_;
};

}  // namespace lm
