// The vocabularies of GGUF files: what llama.cpp makes of them.
#pragma once

#include "base/gguf.h"
#include "text/files/foreign_vocabulary.h"

namespace lm {

/// Reads the vocabulary of a GGUF file of the kinds gpt2, llama, bert, t5 and gemma4 (tokenizer.ggml.model), with what llama.cpp
/// does by default where the file does not say. Throws Error for other kinds and for ways to cut text (tokenizer.ggml.pre) that are
/// not known, with those that are.
///
/// Where it does not follow llama.cpp: invalid UTF-8; user-defined tokens that overlap in text (there the longest in the vocabulary
/// goes first, wherever it is); characters newer than its Unicode tables; user-defined tokens in the normalizer of t5, of which
/// there the beginnings count, too, and a space before a text of nothing but spaces.
ForeignVocabulary read_gguf_vocabulary(const GgufFile& file);

}  // namespace lm
