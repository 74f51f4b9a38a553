#include "data/token_io.h"

#include <algorithm>

#include "base/error.h"

namespace lm {

std::size_t count_known(std::span<const TokenId> tokens, std::int64_t vocab_size, const std::string& name) {
  const auto unknown = std::find_if(tokens.begin(), tokens.end(), [&](TokenId id) { return id >= vocab_size; });
  if (unknown == tokens.begin() && !tokens.empty()) {
    throw Error("'" + name + "' has the token id " + std::to_string(*unknown) + ", outside the vocabulary of " +
                std::to_string(vocab_size) + "; was it made with another tokenizer?");
  }
  return static_cast<std::size_t>(unknown - tokens.begin());
}

}  // namespace lm
