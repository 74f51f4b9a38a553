// DrawnTokens: which tokens may be drawn for a text, and which of them end it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/token.h"
#include "tasks/text_model.h"

namespace lm {

/// What may be drawn beside text and what ends it by the model's files.
struct DrawOptions {
  std::vector<std::string> stop_tokens = {};  // names of further tokens that end a text
  std::vector<TokenId> ends = {};             // further ones that do so as end-of-text does, in the vocabulary
  bool special = false;                       // special tokens, which become their spelling
};

struct DrawnTokens {
  std::vector<std::uint8_t> allowed;  // (V) 1 for the ids that sampling may choose
  std::vector<TokenId> ends;          // those that end a text, ascending
  std::vector<TokenId> own_ends;      // those of them that do so by themselves: stop tokens are left out
};

/// Throws Error naming what is similar if the vocabulary has no token of a name.
DrawnTokens drawn_tokens(const TextModel& model, const DrawOptions& options);

}  // namespace lm
