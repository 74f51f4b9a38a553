// Files of OpenAI's tiktoken: a token in base64 and its rank on each line.
#pragma once

#include <string>
#include <string_view>

#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

namespace lm {

/// Reads the ranks, which are all that the text has: no special tokens. `source` names it in messages. Throws Error.
TokenizerParts read_tiktoken(std::string_view text, std::string_view source);

/// Reads a file, and adds the special tokens of the encoding of its name, or of options.pattern. Throws Error.
TokenizerParts read_tiktoken_file(const std::string& path, const TokenizerOptions& options);

}  // namespace lm
