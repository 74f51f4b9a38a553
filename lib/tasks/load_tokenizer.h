// A tokenizer from wherever one can be: its own files, or inside a model.
#pragma once

#include <string>
#include <string_view>

#include "data/token_file.h"
#include "objectives/objective.h"
#include "text/tokenizer.h"

namespace lm {

/// Loads a tokenizer from a model file (its lm.tokenizer), a tokenizer.json, a folder, or a .tiktoken file. Throws Error.
Tokenizer load_tokenizer(const std::string& path, const TokenizerOptions& options = {});

/// Throws Error if a token stream was not made with `tokenizer`, saying which of fingerprint, vocabulary and end-of-text
/// differs.
void require_same_tokenizer(const Tokenizer& tokenizer, const TokenFileInfo& info, std::string_view source);

/// Returns the special tokens of objectives, by their names; those that the tokenizer lacks are left out.
SpecialIds special_ids(const Tokenizer& tokenizer);

}  // namespace lm
