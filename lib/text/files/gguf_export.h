// A tokenizer as the vocabulary of a GGUF file, for llama.cpp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/gguf_writer.h"
#include "base/token.h"
#include "text/tokenizer.h"

namespace lm {

// llama.cpp has one piece of code for each way to cut text, and files name it (tokenizer.ggml.pre). What it has no name for cannot
// be written: the model would be read without an error and see other tokens than it was trained on. So every vocabulary is read back
// as llama.cpp would read it, and has to give the same ids for a text with words, numbers and spaces of all kinds and for each token.

struct GgufVocabulary {
  GgufFields fields;               // tokenizer.*
  std::vector<std::string> notes;  // what the user should know, a sentence each
};

/// What a model knows of its vocabulary.
struct GgufVocabularyFacts {
  std::int64_t vocab_size = 0;      // rows of its embedding; those beyond the tokenizer's tokens are unused
  std::vector<TokenId> begin = {};  // before each text
  std::vector<TokenId> ends = {};   // beside the tokenizer's end-of-text
  std::string chat_template = {};   // empty: as the tokenizer's own configuration says
};

/// Returns the metadata of a tokenizer. Throws Error, naming `target`, for one that llama.cpp has no code for, and for one with more
/// tokens than the model.
GgufVocabulary gguf_vocabulary(const Tokenizer& tokenizer, const GgufVocabularyFacts& facts, std::string_view target);

}  // namespace lm
