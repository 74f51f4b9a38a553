// From the parts read out of a file to the tables of the encoder, with every check that makes them a tokenizer.
#pragma once

#include <memory>
#include <string_view>

#include "text/tokenizer.h"
#include "text/tokenizer_tables.h"

namespace lm {

/// Builds the tables of a tokenizer. Throws Error naming `source` for a byte without a token, two tokens of the same bytes,
/// a merge whose result is no token or that appears twice, no end-of-text token, a pattern other than the option's.
std::unique_ptr<TokenizerTables> build_tables(TokenizerParts parts, const TokenizerOptions& options,
                                              std::string_view source);

}  // namespace lm
