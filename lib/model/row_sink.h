// RowSink: what is done with each chunk of logits, so that the logits of all tokens never exist at once.
#pragma once

#include <span>

#include "kernels/compute.h"
#include "model/batch.h"
#include "tensor/view.h"

namespace lm {

/// Receives the logits of the rows whose weight is not 0, in row order, a chunk at a time.
template <class T>
class RowSink {
 public:
  virtual ~RowSink() = default;
  /// Takes a chunk. rows: indices into the batch's (B * T), ascending; logits: (rows.size(), V), which may be overwritten.
  virtual void consume(std::span<const std::int64_t> rows, TensorView<T> logits) = 0;
};

/// Sums the weighted cross-entropy of the batch's targets.
template <class T>
class LossSink : public RowSink<T> {
 public:
  LossSink(Compute& compute, const Batch& batch) : compute_(compute), batch_(batch) {}
  void consume(std::span<const std::int64_t> rows, TensorView<T> logits) override;
  const Loss& loss() const { return loss_; }

 private:
  Compute& compute_;
  const Batch& batch_;
  std::vector<TokenId> targets_;
  std::vector<double> nats_;
  Loss loss_;
};

}  // namespace lm
