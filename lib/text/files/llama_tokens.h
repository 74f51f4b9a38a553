// Which tokens of a GGUF vocabulary llama.cpp takes out of text before all else, and how.
#pragma once

#include "base/gguf.h"
#include "text/files/foreign_vocabulary.h"

namespace lm {

/// Changes kinds by the tokens' names as llama.cpp does: known ends of turns are control tokens, whatever the file says, and so are
/// the tokens for infilling unless the file names them.
void correct_llama_kinds(ForeignVocabulary& vocabulary, const GgufFile& file);

/// Fills vocabulary.added from the kinds: control and unknown tokens are special, user-defined ones are matched always; with the
/// blanks that some models' take with them.
void add_llama_tokens(ForeignVocabulary& vocabulary, const GgufFile& file);

}  // namespace lm
