// What other libraries do with a tokenizer's files and this one does not: tokens put around a text, and what classes imply.
#pragma once

#include <string>

#include "base/json.h"
#include "text/tokenizer.h"

namespace lm {

/// Returns the tokens that a tokenizer.json's post-processor puts around a single text (`"<s>" before and "</s>" after`), or
/// an empty string if it puts none, as ByteLevel does.
std::string tokens_around_text(const JsonValue& post_processor);

/// How a folder's vocab.json and merges.txt are meant to be used.
struct FolderUse {
  Pattern pattern = Pattern::gpt2;
  std::string tokens_around_text;
};

/// Reads tokenizer_config.json and config.json, which may be absent. Throws Error if they name a class or model type whose
/// pattern is not known to be GPT-2's (unless options.pattern names one), or ask for a space before each text.
FolderUse read_folder_use(const std::string& folder, const TokenizerOptions& options);

}  // namespace lm
