// tokenizer.json, the format of Hugging Face's tokenizers library.
#pragma once

#include <string>
#include <string_view>

#include "text/tokenizer_parts.h"
#include "text/tokenizer_tables.h"

namespace lm {

/// Reads a whole tokenizer.json; `source` names it in messages. Throws Error for what is no byte-level BPE, and for what
/// would give other ids here than in Hugging Face's library.
TokenizerParts read_tokenizer_json(std::string_view text, std::string_view source);

/// Returns a tokenizer.json that Hugging Face's library loads with the same ids. Throws Error if two tokens would
/// be spelled alike.
std::string write_tokenizer_json(const TokenizerTables& tables);

/// Returns the same with a post-processor that puts these tokens before each text, and nothing after it; the tokenizer's own is
/// kept for read_tokenizer_json().
std::string write_tokenizer_json(const TokenizerTables& tables, const std::vector<TokenId>& opening);

}  // namespace lm
