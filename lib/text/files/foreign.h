// From the common form of foreign vocabularies to a tokenizer's parts.
#pragma once

#include <string_view>

#include "text/files/foreign_vocabulary.h"
#include "text/tokenizer_parts.h"

namespace lm {

/// Returns the parts of a tokenizer whose vocabulary came from a SentencePiece model, a GGUF file or a vocab.txt. Throws Error
/// naming `source`.
TokenizerParts parts_of(ForeignVocabulary vocabulary, std::string_view source);

}  // namespace lm
