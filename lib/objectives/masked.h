// Masked: some tokens are hidden and predicted from both sides (BERT, arXiv:1810.04805).
#pragma once

#include "objectives/objective.h"

namespace lm {

/// min(L, max(1, round(mask_rate L))) of a window's L ordinary tokens are chosen; 80 % become the mask token, 10 % a uniform
/// ordinary token, 10 % stay; the loss counts only them. As the only objective: windows of T, the target at the token's own
/// place. In a mixture: windows of T + 1, the target one place before, so that one head learns one alignment (GPT-BERT).
/// Throws Error if the tokenizer has no mask token.
std::unique_ptr<Objective> make_masked(const ObjectiveOptions& options);

}  // namespace lm
