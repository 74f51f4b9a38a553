// The optimizers of a model's parameters: AdamW, and Muon for the matrices of the layers. Clipping is part of the step.
#pragma once

#include <cstdint>
#include <vector>

#include "base/choice.h"
#include "kernels/compute.h"
#include "kernels/muon.h"
#include "model/parameters.h"

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

/// Holds the moments and the number of steps taken, which is all that it remembers.
class Optimizer {
 public:
  Optimizer(const ModelConfig& config, const OptimizerOptions& options);
  /// Returns the bytes of the moments that the constructor would allocate.
  static std::int64_t bytes(const ModelConfig& config, const OptimizerOptions& options);
  /// Returns the scratch that a step asks for.
  static ScratchSize scratch(const ModelConfig& config, const OptimizerOptions& options, SimdTier tier, int threads);

  /// Updates every tensor from gradient_scale * gradients (clipping is in the scale).
  void step(Compute& compute, Parameters<float>& weights, const Parameters<float>& gradients, double learning_rate,
            double gradient_scale);

  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  Parameters<float>& first_moment() { return first_; }
  /// Returns the second moment of the tensors that AdamW updates.
  Parameters<float>& second_moment() { return second_; }

 private:
  OptimizerOptions options_;
  Parameters<float> first_, second_;
  std::vector<MuonMatrix<float>> matrices_;  // of the current step
  std::int64_t steps_ = 0;
};

}  // namespace lm
