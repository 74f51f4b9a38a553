// AgainstSink: scores each row by two models that share their ids, whose logits of a row exist at the same time.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "infer/score.h"
#include "kernels/distribution.h"
#include "model/transformer.h"

namespace lm {

/// Takes the logits of one model and asks the other for those of the same rows, a chunk at a time: memory is one chunk of
/// logits for each model, whatever the rows and V. Scores as a ScoreSink, with TargetScore::against.
class AgainstSink : public RowSink<float> {
 public:
  /// The second model's forward has been called; all outlive the sink.
  AgainstSink(Compute& compute, const Batch& batch, const ScoreDetail& detail, Transformer<float>& second,
              Activations<float>& second_activations);
  void consume(std::span<const std::int64_t> rows, TensorView<float> logits) override;

  const std::vector<TargetScore>& scores() const { return own_.scores; }

 private:
  void compare(std::span<const std::int64_t> rows, TensorView<float> logits);

  Compute& compute_;
  const Batch& batch_;
  ScoreDetail detail_;
  Transformer<float>& second_;
  Activations<float>& second_activations_;
  ScoreSink own_;
  std::vector<TokenId> targets_;
  std::vector<double> nats_;
  std::vector<Divergence> divergences_;
};

}  // namespace lm
