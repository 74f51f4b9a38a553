// Pseudo-log-likelihood: what a masked model thinks of a text, hiding its tokens one at a time.
#pragma once

#include "infer/score.h"
#include "tasks/score/windows.h"
#include "tasks/text_model.h"

namespace lm {

/// Throws Error where the model was not trained on masked.
void require_masked(const TextModel& model);

/// Where the output stands that predicts a hidden token, counted back from the token's own place: 0, but 1 in a mixture,
/// whose objectives share one alignment.
std::int64_t masked_output_shift(const TextModel& model);

/// For each scored token of a window, one sequence: the whole window, visible both ways, in which the token is replaced by
/// the mask token, and with Pseudo::within_word the later pieces of its word too. A word begins at a piece that begins with
/// white space and does not follow one of white space alone. Throws Error where the model was not trained on masked.
Questions ask_hidden_tokens(const TextModel& model, Pseudo pseudo);

}  // namespace lm
