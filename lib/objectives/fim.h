// Fill in the middle: a piece of a document is cut in three, and its middle is predicted after both ends (arXiv:2207.14255).
#pragma once

#include "objectives/objective.h"

namespace lm {

/// The most places that fill-in-the-middle adds to a piece of a window: three tokens, an end-of-text, and room for cuts
/// inside tokens.
constexpr std::int64_t kFimOverhead = 8;

/// Returns the length of the longest pieces, in tokens. A model trained on them expects the middle to end when prefix,
/// middle and suffix together are as long: none is asked for more.
constexpr std::int64_t longest_fim_piece(std::int64_t context_length) { return context_length - kFimOverhead; }

/// Each piece of the window, with probability fim_rate, is cut at two uniform points and rearranged: with probability
/// spm_rate suffix first, else prefix first. Cuts fall between code points (the parts are encoded again), between tokens, or
/// between lines; special tokens are never cut, and a piece that holds one of the three FIM tokens is left as it is
/// (Example::untransformed counts these). If the parts take more than the window holds once they are encoded again, its last
/// transformed pieces are cut between tokens instead (Example::token_cuts). Throws Error if the tokenizer lacks the three
/// tokens.
std::unique_ptr<Objective> make_fim(const ObjectiveOptions& options);

}  // namespace lm
