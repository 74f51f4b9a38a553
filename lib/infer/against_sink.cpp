#include "infer/against_sink.h"

#include <algorithm>

#include "kernels/cross_entropy.h"

namespace lm {

AgainstSink::AgainstSink(Compute& compute, const Batch& batch, const ScoreDetail& detail, Transformer<float>& second,
                         Activations<float>& second_activations)
    : compute_(compute),
      batch_(batch),
      detail_(detail),
      second_(second),
      second_activations_(second_activations),
      own_(compute, batch, detail) {}

void AgainstSink::consume(std::span<const std::int64_t> rows, TensorView<float> logits) {
  const auto step = static_cast<std::size_t>(second_activations_.logits.rows());
  for (std::size_t first = 0; first < rows.size(); first += step) {
    const std::size_t count = std::min(step, rows.size() - first);
    compare(rows.subspan(first, count), logits.rows(static_cast<std::int64_t>(first), static_cast<std::int64_t>(count)));
  }
  own_.consume(rows, logits);  // last: it may overwrite them
}

void AgainstSink::compare(std::span<const std::int64_t> rows, TensorView<float> logits) {
  const TensorView<float> other = second_.logits(rows, second_activations_);
  targets_.clear();
  for (const std::int64_t row : rows) targets_.push_back(batch_.target[static_cast<std::size_t>(row)]);
  nats_.resize(rows.size());
  divergences_.resize(rows.size());
  cross_entropy_forward<float>(compute_, nats_, other, targets_);
  compare_distributions<float>(compute_, divergences_, logits.columns(0, detail_.common_ids),
                               other.columns(0, detail_.common_ids));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    own_.scores[static_cast<std::size_t>(rows[i])].against = {.nats = nats_[i],
                                                              .kl = divergences_[i].kl,
                                                              .kl_reverse = divergences_[i].kl_reverse,
                                                              .agrees = divergences_[i].agrees};
  }
}

}  // namespace lm
