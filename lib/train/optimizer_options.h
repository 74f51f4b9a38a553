// What an optimizer is told: its kind, and the numbers of its formulas.
#pragma once

#include "base/choice.h"

namespace lm {

enum class OptimizerKind {
  adamw,  // every tensor
  muon,   // the matrices of the layers; AdamW for embeddings, head and vectors
};
template <>
inline constexpr auto kChoices<OptimizerKind> = choice_table<OptimizerKind>("optimizer", {{"muon", OptimizerKind::muon},
                                                                                          {"adamw", OptimizerKind::adamw}});

/// AdamW's decay of the first and of the second moment.
struct Betas {
  double first = 0.9;
  double second = 0.95;
  bool operator==(const Betas&) const = default;
};

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::muon;
  Betas betas = {};
  double eps = 1e-8;
  double momentum = 0.9;      // Muon's
  double weight_decay = 0.1;  // of matrices; vectors do not decay
};

}  // namespace lm
