#include "model/row_sink.h"

#include "kernels/cross_entropy.h"

namespace lm {

template <class T>
void LossSink<T>::consume(std::span<const std::int64_t> rows, TensorView<T> logits) {
  targets_.clear();
  for (const std::int64_t row : rows) targets_.push_back(batch_.target[static_cast<std::size_t>(row)]);
  nats_.resize(rows.size());
  cross_entropy_forward<T>(compute_, nats_, logits, targets_);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::size_t>(rows[i]);
    const auto weight = static_cast<double>(batch_.weight[row]);
    loss_.nats += weight * nats_[i];
    loss_.weight += weight;
  }
}

template class LossSink<float>;
template class LossSink<double>;

}  // namespace lm
