// Prefix: a prefix is seen from both sides, what follows is predicted token by token (T5's prefix LM, arXiv:1910.10683).
#pragma once

#include "objectives/objective.h"

namespace lm {

/// Windows as causal. A prefix length n is drawn uniformly from [1, N - 1], N being the window's targets (T in a full one);
/// weight 1 iff i >= n - 1, since the prefix's last place predicts the first token beyond it.
std::unique_ptr<Objective> make_prefix(const ObjectiveOptions& options);

}  // namespace lm
