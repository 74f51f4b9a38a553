// A smaller tokenizer out of a larger one: the one that training would have made with fewer tokens.
#pragma once

#include <cstdint>
#include <string_view>

#include "text/tokenizer_parts.h"

namespace lm {

/// Returns the tokenizer that has `size` tokens: the added ones, the bytes, and what the first merges make. Tokens keep their
/// order, and their ids if none is dropped before them. Throws Error naming `source` for a tokenizer that is not made of bytes
/// and merges, or has fewer tokens.
TokenizerParts truncate_tokenizer(const TokenizerParts& parts, std::int64_t size, std::string_view source);

}  // namespace lm
