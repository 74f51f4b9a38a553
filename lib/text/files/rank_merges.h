// From a vocabulary that merges by rank (tiktoken's) to a list of merges that gives the same ids.
#pragma once

#include <vector>

#include "text/tokenizer_tables.h"

namespace lm {

/// Returns the merges in the order of their ranks. By rank any two neighbours merge whose concatenation is a token; but what
/// two neighbours that make up a token can be follows from the token: they are what merging it by itself comes to last. A
/// token that merging does not come to has no merge: only a whole pretoken becomes it.
std::vector<MergePair> merges_of_ranks(const TokenizerTables& tables);

/// Returns whether the ordinary tokens, in the order of their ids, are ranks that give the same ids as the tokenizer's merges:
/// whether a .tiktoken file can hold it. `why_not` says what stands against it.
bool is_ranked(const TokenizerTables& tables, std::string& why_not);

}  // namespace lm
