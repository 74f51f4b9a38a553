// What llama.cpp makes of an exported vocabulary, beside what the tokenizer does.
#pragma once

#include <string>
#include <string_view>

#include "base/gguf_writer.h"
#include "text/tokenizer.h"

namespace lm {

/// Differences of llama.cpp that are known, and are said to the user.
struct GgufDifferences {
  bool beyond_ascii = false;    // it cuts letters beyond ASCII elsewhere, in places
  bool leading_spaces = false;  // it puts a space before a text that begins with one, too
};

/// Returns a vocabulary as llama.cpp reads it. Throws Error naming `target`.
Tokenizer read_back(const GgufFields& fields, std::string_view target);

/// Returns the first text that the two tokenizers cut otherwise: of a probe, its lines, and each token's text; empty if there is
/// none. Texts that a normalizer changes are not asked about, nor those in which differences are known.
std::string first_difference(const Tokenizer& tokenizer, const Tokenizer& other, const GgufDifferences& known);

}  // namespace lm
