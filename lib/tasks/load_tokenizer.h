// A tokenizer from wherever one can be: its own files, or inside a model.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "data/token_file.h"
#include "objectives/objective.h"
#include "text/tokenizer.h"

namespace lm {

/// Loads a tokenizer from a model file (its lm.tokenizer), or from any file or folder of lm-tokenizer(5). Throws Error.
Tokenizer load_tokenizer(const std::string& path, const TokenizerOptions& options = {});

/// Throws Error if a token stream was not made with `tokenizer`, saying which of fingerprint, vocabulary and end-of-text
/// differs, and if the stream's begin tokens contradict the option that names them.
void require_same_tokenizer(const Tokenizer& tokenizer, const TokenFileInfo& info, std::string_view source);

/// Which ids a model reads.
struct ReadableIds {
  std::int64_t vocab_size = 0;                      // those below; its tokenizer may have more
  std::optional<TokenId> uncounted = std::nullopt;  // but for uncounted_token()
};

/// Throws Error naming the first of `ids` that the model at `path` does not read. `what` has them: "this text".
void require_embedded(std::span<const TokenId> ids, const Tokenizer& tokenizer, const ReadableIds& readable,
                      std::string_view path, std::string_view what);

/// Takes the begin tokens off the documents of a stream that has them, since reports and texts leave them out.
class BeginTokens {
 public:
  BeginTokens(const Tokenizer& tokenizer, const TokenFileInfo& info, std::string_view name)
      : tokenizer_(tokenizer), name_(name), present_(info.begins) {}
  /// Takes them off the documents of a format that does not say whether there are any: the first token decides.
  BeginTokens(const Tokenizer& tokenizer, std::string_view name) : tokenizer_(tokenizer), name_(name) {}
  /// Returns what follows the begin tokens in these tokens of a document. Throws Error if it begins with others.
  std::span<const TokenId> strip(std::span<const TokenId> tokens);
  void end_document() { seen_ = 0; }
  /// Returns whether there are any; false as long as that is open.
  bool are_present() const { return present_.value_or(false); }

 private:
  const Tokenizer& tokenizer_;
  std::string name_;
  std::optional<bool> present_;
  std::size_t seen_ = 0;  // begin tokens of this document
};

/// Returns the tokenizer_config.json that the tokenizer came with, or one that tells Hugging Face's library what it needs to know,
/// for a model of that context, if there is one. `gaps`: special tokens that stand for what a prompt hides; if pieces begin
/// with the space before a word, the one before a gap is hidden with it.
std::string tokenizer_config(const Tokenizer& tokenizer, std::optional<std::int64_t> context_length,
                             std::span<const TokenId> gaps = {});

/// Returns whether some piece is a space and what follows it, so that a hidden word hides its space too.
bool joins_spaces(const Tokenizer& tokenizer);

/// Returns the special tokens of objectives, by their names; those that the tokenizer lacks are left out.
SpecialIds special_ids(const Tokenizer& tokenizer);

}  // namespace lm
