// Mixtures of objectives: which ones a run trains on, and which share of the sequences each gets.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "objectives/objective.h"

namespace lm {

struct ObjectiveShare {
  const ObjectiveEntry* entry = nullptr;
  double share = 1.0;  // of the sequences; all shares sum to 1
};

/// "causal", or names with weights: "causal:0.5,fim:0.5" (a missing weight is 1). Throws Error for unknown or repeated names
/// and weights that are not positive.
std::vector<ObjectiveShare> parse_mixture(std::string_view text);

/// True where a model trained on it predicts the next token from those before it, so that it can be sampled left to right.
bool predicts_next_token(std::string_view mixture);

}  // namespace lm
