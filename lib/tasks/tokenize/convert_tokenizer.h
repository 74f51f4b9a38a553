// Writing a tokenizer in the form that a name asks for.
#pragma once

#include <string>

#include "text/tokenizer.h"

namespace lm {

enum class TokenizerForm {
  json,     // NAME.json: a tokenizer.json
  folder,   // NAME/: tokenizer.json, tokenizer_config.json, and vocab.json with merges.txt if they can hold it
  tiktoken  // NAME.tiktoken
};

/// Returns the form that a name ends with. Throws Error for a name that says none.
TokenizerForm tokenizer_form(const std::string& name);

/// Writes the tokenizer to `name` ("-": a tokenizer.json to standard output). Throws Error if the form cannot hold it exactly.
void write_tokenizer_as(const std::string& name, TokenizerForm form, const Tokenizer& tokenizer);

}  // namespace lm
