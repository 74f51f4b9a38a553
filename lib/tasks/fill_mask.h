// Filling masks: what a masked model thinks stands where a text says <|mask|>.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "infer/sampler.h"
#include "kernels/compute.h"
#include "tasks/load_model.h"

namespace lm {

/// Compute and model outlive the call. For each mask token among `ids` (a prompt without the end-of-text before it), in
/// order, the `count` likeliest tokens, from the model's own distribution; every mask is predicted while all are hidden.
/// Throws Error where the model was not trained on masked, or the text is longer than its context.
std::vector<std::vector<Candidate>> fill_masks(Compute& compute, const TextModel& model, std::span<const TokenId> ids,
                                               std::int64_t count);

/// For people: a list as of next_tokens_report for each mask, a blank line between. As JSON: a line for each, with the keys
/// prompt, mask (its number from 0) and best, a list of objects with the keys id, piece and p.
std::string fill_masks_report(const std::vector<std::vector<Candidate>>& masks, const TextModel& model,
                              std::string_view prompt, bool json);

}  // namespace lm
