// The head: logits a chunk of rows at a time, for losses, gradients and sinks.
#include <algorithm>
#include <span>

#include "base/error.h"
#include "kernels/cross_entropy.h"
#include "kernels/matmul.h"
#include "model/decoding_weights.h"
#include "model/layer_kernels.h"
#include "model/transformer.h"

namespace lm {

namespace {

/// Calls body(rows) for chunks of the rows that count, in order.
template <class Body>
void for_each_chunk(const Batch& batch, std::int64_t chunk_rows, std::vector<std::int64_t>& counted, Body&& body) {
  counted.clear();
  for (std::int64_t row = 0; row < batch.rows(); ++row) {
    if (batch.weight[static_cast<std::size_t>(row)] != 0) counted.push_back(row);
  }
  const auto step = static_cast<std::size_t>(chunk_rows);
  for (std::size_t first = 0; first < counted.size(); first += step) {
    body(std::span<const std::int64_t>(counted).subspan(first, std::min(step, counted.size() - first)));
  }
}

bool consecutive(std::span<const std::int64_t> rows) {
  return rows.back() - rows.front() + 1 == static_cast<std::int64_t>(rows.size());
}

/// Returns the hidden states of `rows`: a view if they are neighbours, else gathered.
template <class T>
TensorView<T> gather(TensorView<T> hidden, TensorView<T> buffer, std::span<const std::int64_t> rows) {
  const auto count = static_cast<std::int64_t>(rows.size());
  if (consecutive(rows)) return hidden.rows(rows.front(), count);
  for (std::int64_t i = 0; i < count; ++i) {
    std::copy_n(hidden.row(rows[static_cast<std::size_t>(i)]), hidden.columns(), buffer.row(i));
  }
  return buffer.rows(0, count);
}

template <class T>
NormMoments<T> head_moments(const HeadActivations<T>& head, std::int64_t count) {
  return {head.moments.mean.empty() ? head.moments.mean : head.moments.mean.rows(0, count),
          head.moments.rstd.rows(0, count)};
}

}  // namespace

template <class T>
TensorView<T> Transformer<T>::logits(std::span<const std::int64_t> rows, Activations<T>& a) {
  const ModelConfig& c = weights_.config();
  const auto count = static_cast<std::int64_t>(rows.size());
  LM_CHECK(count > 0 && count <= a.logits.rows());
  TensorView<T> hidden = gather(a.final_norm, a.hidden_chunk, rows);
  if (c.head_dense) {
    HeadActivations<T>& s = a.head;
    const TensorView<T> dense = s.dense.rows(0, count), activated = s.activated.rows(0, count);
    LinearWeight<T> dense_weight = weights_.head_dense;
    if (weights_.packed != nullptr) dense_weight.packed = {&weights_.packed->head_dense(), 1};
    linear_forward<T>(compute_, dense, hidden, dense_weight, weights_.head_dense_bias);
    activation_forward<T>(compute_, c.head_activation, activated, dense);
    hidden = s.normed.rows(0, count);
    norm_forward<T>(compute_, c, hidden, head_moments(s, count), activated, weights_.head_norm);
  }
  const TensorView<T> result = a.logits.rows(0, count);
  linear_forward<T>(compute_, result, hidden, linears_.head, weights_.head_bias);
  if (c.logit_scale != 1 || c.logit_cap != 0) cap_logits<T>(compute_, result, c.logit_scale, c.logit_cap);
  return result;
}

template <class T>
void Transformer<T>::head(const Batch& batch, Activations<T>& a, RowSink<T>& sink) {
  for_each_chunk(batch, a.logits.rows(), counted_rows_,
                 [&](std::span<const std::int64_t> rows) { sink.consume(rows, logits(rows, a)); });
}

template <class T>
Loss Transformer<T>::head_backward(const Batch& batch, Activations<T>& a, Parameters<T>& gradients, double scale) {
  const ModelConfig& c = weights_.config();
  Loss loss;
  fill<T>(compute_, a.d_hidden.rows(0, batch.rows()), T(0));
  row_nats_.assign(static_cast<std::size_t>(batch.rows()), 0.0);
  for_each_chunk(batch, a.logits.rows(), counted_rows_, [&](std::span<const std::int64_t> rows) {
    const TensorView<T> scored = logits(rows, a);
    chunk_targets_.clear();
    chunk_weights_.clear();
    chunk_nats_.resize(rows.size());
    for (const std::int64_t row : rows) {
      chunk_targets_.push_back(batch.target[static_cast<std::size_t>(row)]);
      chunk_weights_.push_back(batch.weight[static_cast<std::size_t>(row)]);
    }
    const TensorView<T> capped = c.logit_cap == 0 ? TensorView<T>() : a.head.capped.rows(0, scored.rows());
    if (c.logit_cap != 0) copy<T>(compute_, capped, scored);
    cross_entropy_backward<T>(compute_, chunk_nats_, scored, chunk_targets_, chunk_weights_, scale);
    if (c.logit_scale != 1 || c.logit_cap != 0) cap_logits_backward<T>(compute_, scored, capped, c.logit_scale, c.logit_cap);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double nats = static_cast<double>(chunk_weights_[i]) * chunk_nats_[i];
      row_nats_[static_cast<std::size_t>(rows[i])] = nats;
      loss.nats += nats;
      loss.weight += static_cast<double>(chunk_weights_[i]);
    }
    head_chunk_backward(rows, scored, a, gradients);
  });
  return loss;
}

/// Takes the gradient of a chunk's logits back to the hidden states that it was computed from.
template <class T>
void Transformer<T>::head_chunk_backward(std::span<const std::int64_t> rows, TensorView<T> d_logits, Activations<T>& a,
                                         Parameters<T>& gradients) {
  const ModelConfig& c = weights_.config();
  const auto count = static_cast<std::int64_t>(rows.size());
  const TensorView<T> hidden = gather(a.final_norm, a.hidden_chunk, rows);
  const bool direct = consecutive(rows);
  const TensorView<T> d_hidden = direct ? a.d_hidden.rows(rows.front(), count) : a.d_hidden_chunk.rows(0, count);
  if (c.head_dense) {
    HeadActivations<T>& s = a.head;
    const TensorView<T> d_head = a.d_head.rows(0, count), dense = s.dense.rows(0, count);
    const TensorView<T> d_dense = s.normed.rows(0, count);  // what forward left there has been used by then
    linear_backward_weight<T>(compute_, gradients.head, gradients.head_bias, d_logits, s.normed.rows(0, count),
                              linears_.precision());
    linear_backward_input<T>(compute_, d_head, d_logits, linears_.head, Write::overwrite);
    norm_backward<T>(compute_, c, d_head, gradients.head_norm, d_head, s.activated.rows(0, count), head_moments(s, count),
                     weights_.head_norm, Write::overwrite);
    activation_backward<T>(compute_, c.head_activation, d_dense, d_head, dense, Write::overwrite);
    linear_backward_weight<T>(compute_, gradients.head_dense, gradients.head_dense_bias, d_dense, hidden);
    linear_backward_input<T>(compute_, d_hidden, d_dense, weights_.head_dense, Write::overwrite);
  } else {
    linear_backward_weight<T>(compute_, gradients.head, gradients.head_bias, d_logits, hidden, linears_.precision());
    linear_backward_input<T>(compute_, d_hidden, d_logits, linears_.head, Write::overwrite);
  }
  for (std::int64_t i = 0; !direct && i < count; ++i) {
    std::copy_n(d_hidden.row(i), d_hidden.columns(), a.d_hidden.row(rows[static_cast<std::size_t>(i)]));
  }
}

template <class T>
void Transformer<T>::score(const Batch& batch, Activations<T>& activations, RowSink<T>& sink) {
  forward(batch, activations);
  head(batch, activations, sink);
}

template <class T>
Loss Transformer<T>::loss(const Batch& batch, Activations<T>& activations) {
  LossSink<T> sink(compute_, batch);
  score(batch, activations, sink);
  return sink.loss();
}

template void Transformer<float>::head(const Batch&, Activations<float>&, RowSink<float>&);
template void Transformer<double>::head(const Batch&, Activations<double>&, RowSink<double>&);
template TensorView<float> Transformer<float>::logits(std::span<const std::int64_t>, Activations<float>&);
template Loss Transformer<float>::head_backward(const Batch&, Activations<float>&, Parameters<float>&, double);
template TensorView<double> Transformer<double>::logits(std::span<const std::int64_t>, Activations<double>&);
template Loss Transformer<double>::head_backward(const Batch&, Activations<double>&, Parameters<double>&, double);
template void Transformer<float>::score(const Batch&, Activations<float>&, RowSink<float>&);
template void Transformer<double>::score(const Batch&, Activations<double>&, RowSink<double>&);
template Loss Transformer<float>::loss(const Batch&, Activations<float>&);
template Loss Transformer<double>::loss(const Batch&, Activations<double>&);

}  // namespace lm
