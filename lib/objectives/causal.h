// Causal: every token predicts the next one.
#pragma once

#include "objectives/objective.h"

namespace lm {

/// target[i] = window[i + 1]; windows of T + 1 tokens, T apart, so that each token is a target once an epoch.
std::unique_ptr<Objective> make_causal(const ObjectiveOptions& options);

}  // namespace lm
