// TokenCodec: from bytes to ids and back, for layers that know no tokenizer.
#pragma once

#include <string_view>
#include <vector>

#include "base/token.h"

namespace lm {

/// Turns tokens into their bytes and back. Tokenizer is one.
class TokenCodec {
 public:
  virtual ~TokenCodec() = default;
  /// Returns the bytes that a token stands for; of a special token, its literal spelling. Throws Error if the id is outside
  /// the vocabulary.
  virtual std::string_view bytes_of(TokenId id) const = 0;
  /// Returns the ids of any bytes as plain text: what looks like a special token is text.
  virtual std::vector<TokenId> encode(std::string_view bytes) const = 0;
  /// Returns whether the parts of a text, each encoded by itself, stand for the bytes of the whole: false if something is put
  /// before texts, or if some of a text is lost.
  virtual bool keeps_parts() const { return true; }
};

}  // namespace lm
