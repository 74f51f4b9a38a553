// build_tables(): checks that the parts read from a file are a tokenizer, and makes the tables that encoding needs.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"
#include "text/tokenizer_tables.h"

namespace lm {

/// Builds the tables of a tokenizer. Throws Error naming `source` for a byte without a token, two tokens of the same bytes,
/// a merge whose result is no token or that appears twice, no end-of-text token, a pattern other than the option's.
std::unique_ptr<TokenizerTables> build_tables(TokenizerParts parts, const TokenizerOptions& options,
                                              std::string_view source);

/// Returns the names of special tokens that `name`, which no token has, was probably meant to be.
std::vector<std::string> similar_special_tokens(const TokenizerParts& parts, const std::string& name);

}  // namespace lm
