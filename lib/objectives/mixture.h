// Mixtures of objectives: which ones a run trains on, and which fraction of the sequences each gets.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "objectives/objective.h"

namespace lm {

struct ObjectiveShare {
  const ObjectiveEntry* entry = nullptr;
  double share = 1.0;  // fraction of the sequences; all of a mixture sum to 1
};

/// What a model is trained on: one objective or several, parsed once. Only parse_mixture() makes another one than "causal".
class Mixture {
 public:
  Mixture();
  /// Returns the text that was parsed, unchanged: what settings show and model files record.
  const std::string& text() const { return text_; }
  /// Returns the objectives in the order in which they were named.
  const std::vector<ObjectiveShare>& shares() const& { return shares_; }
  std::vector<ObjectiveShare> shares() && { return std::move(shares_); }
  /// Returns true if there is more than one objective.
  bool mixed() const { return shares_.size() > 1; }
  /// Returns true if the objective of this name is one of them.
  bool trains(std::string_view name) const;
  /// Returns true if a model trained on it predicts the next token from those before it, so that it can be sampled left to
  /// right.
  bool predicts_next_token() const;

 private:
  friend Mixture parse_mixture(std::string_view text);
  Mixture(std::string text, std::vector<ObjectiveShare> shares);

  std::string text_;
  std::vector<ObjectiveShare> shares_;
};

/// Parses "causal", or names with weights: "causal:0.5,fim:0.5" (a missing weight is 1). Throws Error for unknown or
/// repeated names and for weights that are not positive.
Mixture parse_mixture(std::string_view text);

}  // namespace lm
