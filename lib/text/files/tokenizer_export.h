// Tokenizers in the forms that other programs read, besides tokenizer.json.
#pragma once

#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace lm {

/// Return GPT-2's two files: vocab.json, spellings and ids, and merges.txt, a merge a line. Throw Error, naming `target`, for a
/// tokenizer that they cannot hold: not byte-level BPE by merges.
std::string vocabulary_json(const Tokenizer& tokenizer, std::string_view target);
std::string merges_text(const Tokenizer& tokenizer, std::string_view target);
/// Returns whether both can hold the tokenizer.
bool has_vocabulary_and_merges(const Tokenizer& tokenizer);

/// Returns a .tiktoken file: a token in base64 and its rank, a line each. Its reader has to be told the pattern and the special
/// tokens. Throws Error, naming `target`, if ranks do not give the same ids.
std::string tiktoken_text(const Tokenizer& tokenizer, std::string_view target);

}  // namespace lm
