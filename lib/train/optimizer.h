// The optimizers over a model's arenas: AdamW, and Muon for the matrices of the layers. Clipping is folded in.
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

/// The moments and the number of steps taken: all that the optimizer remembers.
class Optimizer {
 public:
  Optimizer(const ModelConfig& config, const OptimizerOptions& options);
  /// Bytes of the moments that the constructor would allocate.
  static std::int64_t bytes(const ModelConfig& config, const OptimizerOptions& options);
  /// Scratch that a step asks for.
  static ScratchSize scratch(const ModelConfig& config, const OptimizerOptions& options, SimdTier tier, int threads);

  /// One update of every tensor from gradient_scale * gradients (clipping is in the scale).
  void step(Compute& compute, Parameters<float>& weights, const Parameters<float>& gradients, double learning_rate,
            double gradient_scale);

  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps) { steps_ = steps; }
  Parameters<float>& first_moment() { return first_; }
  /// Of the tensors that AdamW updates.
  Parameters<float>& second_moment() { return second_; }

 private:
  OptimizerOptions options_;
  Parameters<float> first_, second_;
  std::vector<MuonMatrix<float>> matrices_;  // of the step in work
  std::int64_t steps_ = 0;
};

}  // namespace lm
