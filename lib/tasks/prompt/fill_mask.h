// Filling masks: what a masked model thinks is hidden by each <|mask|> of a text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/compute.h"
#include "tasks/prompt/next_tokens.h"
#include "tasks/text_model.h"

namespace lm {

/// Returns for each mask token among `ids` (a prompt without the end-of-text before it), in order, the `count` likeliest
/// tokens and the entropy, from the model's own distribution; every mask is predicted while all are hidden. Compute and
/// model outlive the call. Throws Error if the model was not trained on masked, or the text is longer than its context.
std::vector<NextTokens> fill_masks(Compute& compute, const TextModel& model, std::span<const TokenId> ids,
                                   std::int64_t count);

/// Returns for people a list as of next_tokens_report for each mask, a blank line between; as JSON a line for each, with the
/// keys prompt, mask (its number from 0), entropy and best, a list of objects with the keys id, piece, p and surprisal.
std::string fill_masks_report(const std::vector<NextTokens>& masks, const TextModel& model, std::string_view prompt,
                              NextTokensForm form);

}  // namespace lm
