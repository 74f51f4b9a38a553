// Folders with GPT-2's two files: vocab.json, spellings and ids, and merges.txt, a pair of spellings on each line.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "text/files/spelled_vocabulary.h"
#include "text/files/tokenizer_config.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

namespace lm {

/// The contents of the two files, and what names them in messages.
struct VocabularyTexts {
  std::string_view vocabulary_json, vocabulary_source;
  std::string_view merges_text, merges_source;
};
/// Adds the tokens that are in neither file.
using AddLiterals = std::function<void(SpelledVocabulary& vocabulary)>;

/// Reads both files. Throws Error.
TokenizerParts read_vocabulary_and_merges(const VocabularyTexts& texts, const AddLiterals& add_literals,
                                          TokenizerParts::Form form);

/// Reads both files of a folder, and what its configuration says of their use. Throws Error.
TokenizerParts read_vocabulary_folder(const std::string& folder, const TokenizerConfig& config,
                                      const TokenizerOptions& options);

}  // namespace lm
