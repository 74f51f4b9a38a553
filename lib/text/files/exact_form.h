// What a tokenizer.json of Hugging Face's library cannot say of tokenizers that SentencePiece or llama.cpp apply: kept in it
// under a key of ours in
// the model, "lm_exact", which that library ignores. The rest of the file is a translation for it.
#pragma once

#include <string_view>

#include "base/json.h"
#include "text/tokenizer_parts.h"

namespace lm {

/// Fills `parts` with what "lm_exact" says. Throws Error naming `source`.
void read_exact_form(const JsonValue& exact, std::string_view source, TokenizerParts& parts);

/// Checks what was read against the vocabulary, once that is complete. Throws Error naming `source` if there are scores or kinds
/// of more ids than it has, or of fewer than the model has.
void check_exact_form(const TokenizerParts& parts, std::string_view source);

/// Spells the tokens of a WordPiece vocabulary of llama.cpp as it does, from BERT's spelling: those that begin words with the
/// word prefix, the others without "##".
void mark_word_begins(TokenizerParts& parts);

/// Returns the value of "lm_exact"; null for a tokenizer that needs none.
JsonValue exact_form(const TokenizerParts& parts);

}  // namespace lm
