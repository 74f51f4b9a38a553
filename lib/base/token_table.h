// TokenTable: facts about each token id, for layers that know no tokenizer.
#pragma once

#include <cstdint>

#include "base/token.h"

namespace lm {

/// Says of the ids of a vocabulary which are special, how many bytes they have, and where words begin. Tokenizer is one.
class TokenTable {
 public:
  virtual ~TokenTable() = default;
  virtual std::int64_t vocab_size() const = 0;
  virtual TokenId end_of_text() const = 0;
  /// Returns how many bytes of text the token stands for; 0 for special tokens.
  virtual std::int64_t byte_length(TokenId id) const = 0;
  /// Returns true for end-of-text, and if the first byte is whitespace: surprisal by word counts from there.
  virtual bool begins_word(TokenId id) const = 0;
  virtual bool is_special(TokenId id) const = 0;
};

}  // namespace lm
