// Folders with GPT-2's two files: vocab.json, spellings and ids, and merges.txt, a pair of spellings on each line.
#pragma once

#include <string>
#include <string_view>

#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

namespace lm {

/// Reads both files; the sources name them in messages. Throws Error.
TokenizerParts read_vocabulary_and_merges(std::string_view vocabulary_json, std::string_view vocabulary_source,
                                          std::string_view merges_text, std::string_view merges_source);

/// Reads both files of a folder, and what its configuration says of their use. Throws Error.
TokenizerParts read_vocabulary_folder(const std::string& folder, const TokenizerOptions& options);

}  // namespace lm
