// Pseudo-log-likelihood: what a masked model thinks of a text, hiding its tokens one at a time.
#pragma once

#include "infer/score.h"
#include "tasks/score/windows.h"
#include "tasks/text_model.h"

namespace lm {

/// Throws Error if the model was not trained on masked.
void require_masked(const TextModel& model);

/// Returns how far before a hidden token the output is that predicts it: 0, but 1 in a mixture, whose objectives share one
/// alignment.
std::int64_t masked_output_shift(const TextModel& model);

/// Asks for each scored token of a window with one sequence: the whole window, visible both ways, in which the token is
/// replaced by the mask token, and with Pseudo::within_word the later pieces of its word too. A word begins at a piece that
/// begins with white space and does not follow one of only white space. Throws Error if the model was not trained on masked.
Questions ask_hidden_tokens(const TextModel& model, Pseudo pseudo);

}  // namespace lm
