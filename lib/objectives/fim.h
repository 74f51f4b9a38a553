// Fill in the middle: a piece of a document is cut in three, and its middle is predicted after both ends (arXiv:2207.14255).
#pragma once

#include "objectives/objective.h"

namespace lm {

/// Places of a piece of a window that fill-in-the-middle adds at most: three tokens, an end-of-text, and room for cuts
/// inside tokens.
constexpr std::int64_t kFimOverhead = 8;

/// Tokens of the longest pieces. A model trained on them expects the middle to end where prefix, middle and suffix are
/// together as long: none is asked for more.
constexpr std::int64_t longest_fim_piece(std::int64_t context_length) { return context_length - kFimOverhead; }

/// Each piece of the window, with probability fim_rate, is cut at two uniform points and rearranged: with probability
/// spm_rate suffix first, else prefix first. Cuts fall between code points (the parts are encoded anew), between tokens, or
/// between lines; special tokens are never cut, and a piece that holds one of the three FIM tokens is left as it is. Where
/// encoding anew takes more than the window holds, its last transformed pieces take cuts between tokens. Both are counted.
/// Throws Error where the tokenizer lacks the three tokens.
std::unique_ptr<Objective> make_fim(const ObjectiveOptions& options);

}  // namespace lm
