// The little that layers below text need of a tokenizer: bytes to ids and back.
#pragma once

#include <string_view>
#include <vector>

#include "base/token.h"

namespace lm {

class TokenCodec {
 public:
  virtual ~TokenCodec() = default;
  /// The bytes that a token stands for; of a special token, its literal spelling. Throws Error where id >= vocabulary.
  virtual std::string_view bytes_of(TokenId id) const = 0;
  /// Ids of plain text: what looks like a special token is text. Any bytes.
  virtual std::vector<TokenId> encode(std::string_view bytes) const = 0;
};

}  // namespace lm
