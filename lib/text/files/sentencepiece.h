// SentencePiece's .model files.
#pragma once

#include <string_view>

#include "text/files/foreign_vocabulary.h"

namespace lm {

/// Reads a model of type unigram, BPE or char, and says what its encoder does: the ids of SentencePieceProcessor's Encode(), without
/// begin and end tokens. Throws Error naming `source` for what SentencePiece refuses, too, and for word models.
ForeignVocabulary read_sentencepiece(std::string_view bytes, std::string_view source);

}  // namespace lm
