// What a word that is not known was probably meant to be.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lm {

/// Returns the words of `known` that `word` may stand for, likeliest first, three at most. Upper and lower case are the
/// same, and so are `_` and `-`. In this order, and only of the first kind that there is: words that are equal so, that
/// begin with `word`, that are a few edits away (Damerau and Levenshtein: a character too many, too few, another, or two
/// swapped), and that `word` begins with.
std::vector<std::string> similar_words(std::string_view word, const std::vector<std::string>& known);

/// Returns "; did you mean 'a' or 'b'?", or nothing for no words: the end of a message.
std::string did_you_mean(const std::vector<std::string>& words);

/// Returns "unknown <kind> '<word>'; known: a, b, c", and the end of did_you_mean() if one of them is similar.
std::string unknown_word(std::string_view kind, std::string_view word, const std::vector<std::string>& known);

}  // namespace lm
