// What a word that is not known was probably meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lm {

/// Returns the words of `known` that were probably meant by `word`, three at most. Case is ignored, and so is the difference
/// of `_` and `-`. Four kinds of likeness are tried, and only words of the first kind that any word has are returned:
///
///   1. equal
///   2. begins with `word`, the shortest first
///   3. a few edits away, only the nearest (Damerau and Levenshtein: a character too many, too few, another, or two swapped)
///   4. `word` begins with it, only the longest
std::vector<std::string> similar_words(std::string_view word, const std::vector<std::string>& known);

/// Returns "; did you mean 'a' or 'b'?", or nothing for no words: the end of a message.
std::string did_you_mean(const std::vector<std::string>& words);

/// Returns "unknown <kind> '<word>'; known: a, b, c", and the end of did_you_mean() if one of them is similar.
std::string unknown_word(std::string_view kind, std::string_view word, const std::vector<std::string>& known);

}  // namespace lm
