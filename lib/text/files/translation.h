// What a tokenizer.json says of a tokenizer, for Hugging Face's library: the components as they came, or, for tokenizers from
// other files, the components with which that library gives the same ids.
#pragma once

#include <optional>
#include <vector>

#include "text/tokenizer_parts.h"

namespace lm {

struct Translation {
  TokenizerComponents components;
  std::optional<std::vector<MergePair>> merges = {};  // of a vocabulary that merges by scores; empty: the tokenizer's own
  std::optional<TokenId> unknown = {};
  bool fuse_unknown = false;
  bool ignore_merges = false;
  bool marks_word_begins = false;  // tokens that begin words are spelled with "▁" before them, and the others as they are
};

/// Returns how Hugging Face's library would be told of this tokenizer.
Translation translate(const TokenizerParts& parts);

}  // namespace lm
