// Texts into tokens, document by document, and what there was of them.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/simd_tier.h"
#include "base/token.h"
#include "text/documents.h"
#include "text/tokenizer.h"

namespace lm {

/// Where the tokens of texts go, piece by piece, from one thread at a time.
struct EncodedDocuments {
  std::function<void(std::string_view text)> text;  // before its tokens
  std::function<void(std::span<const TokenId> tokens)> tokens;
  std::function<void()> begin = {};  // of a document whose tokenizer has begin tokens: these go first
  std::function<void()> end;
};

struct EncodingOptions {
  SpecialTokens special = SpecialTokens::plain;
  int threads = 1;
  SimdTier simd = best_simd_tier();
};

/// Reads every path ("-" and no path at all: standard input), cuts the text into documents and encodes them, each behind the
/// tokenizer's begin tokens. What the sink gets does not depend on the number of threads: each encodes blocks of text with tables of its
/// own. Returns how much of the text has no token: bytes that were left out, or unknown tokens. Throws Error: the first one, after
/// the tokens before it.
std::uint64_t encode_documents(const std::vector<std::string>& paths, const DocumentKind& kind, const Tokenizer& tokenizer,
                               const EncodingOptions& options, const EncodedDocuments& sink);

/// How many documents, bytes and tokens there were, and how many different ones.
class TokenStatistics {
 public:
  explicit TokenStatistics(std::int64_t vocab_size) : used_(static_cast<std::size_t>(vocab_size)) {}
  void add_document() { ++documents_; }
  void add_bytes(std::int64_t count) { bytes_ += count; }
  void add_tokens(std::span<const TokenId> tokens);
  /// Returns lines of a name and a number: documents bytes tokens bytes_per_token different_tokens.
  std::string to_text() const;

 private:
  std::int64_t documents_ = 0, bytes_ = 0, tokens_ = 0;
  std::vector<bool> used_;
};

}  // namespace lm
