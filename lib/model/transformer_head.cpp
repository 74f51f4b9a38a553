// The head: logits a chunk of rows at a time, for losses, gradients and sinks.
#include <algorithm>
#include <span>

#include "kernels/cross_entropy.h"
#include "kernels/matmul.h"
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

}  // namespace

template <class T>
void Transformer<T>::head(const Batch& batch, Activations<T>& a, RowSink<T>& sink) {
  for_each_chunk(batch, a.logits.rows(), counted_rows_, [&](std::span<const std::int64_t> rows) {
    const TensorView<T> logits = a.logits.rows(0, static_cast<std::int64_t>(rows.size()));
    linear_forward<T>(compute_, logits, gather(a.final_norm, a.hidden_chunk, rows), linears_.head, {});
    sink.consume(rows, logits);
  });
}

template <class T>
Loss Transformer<T>::head_backward(const Batch& batch, Activations<T>& a, Parameters<T>& gradients, double scale) {
  Loss loss;
  fill<T>(compute_, a.d_hidden.rows(0, batch.rows()), T(0));
  row_nats_.assign(static_cast<std::size_t>(batch.rows()), 0.0);
  for_each_chunk(batch, a.logits.rows(), counted_rows_, [&](std::span<const std::int64_t> rows) {
    const auto count = static_cast<std::int64_t>(rows.size());
    const TensorView<T> logits = a.logits.rows(0, count);
    const TensorView<T> hidden = gather(a.final_norm, a.hidden_chunk, rows);
    linear_forward<T>(compute_, logits, hidden, linears_.head, {});
    chunk_targets_.clear();
    chunk_weights_.clear();
    chunk_nats_.resize(rows.size());
    for (const std::int64_t row : rows) {
      chunk_targets_.push_back(batch.target[static_cast<std::size_t>(row)]);
      chunk_weights_.push_back(batch.weight[static_cast<std::size_t>(row)]);
    }
    cross_entropy_backward<T>(compute_, chunk_nats_, logits, chunk_targets_, chunk_weights_, scale);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const double nats = static_cast<double>(chunk_weights_[i]) * chunk_nats_[i];
      row_nats_[static_cast<std::size_t>(rows[i])] = nats;
      loss.nats += nats;
      loss.weight += static_cast<double>(chunk_weights_[i]);
    }
    linear_backward_weight<T>(compute_, gradients.head, {}, logits, hidden, linears_.precision());
    const bool direct = consecutive(rows);
    const TensorView<T> d_hidden = direct ? a.d_hidden.rows(rows.front(), count) : a.d_hidden_chunk.rows(0, count);
    linear_backward_input<T>(compute_, d_hidden, logits, linears_.head, Write::overwrite);
    for (std::int64_t i = 0; !direct && i < count; ++i) {
      std::copy_n(d_hidden.row(i), d_hidden.columns(), a.d_hidden.row(rows[static_cast<std::size_t>(i)]));
    }
  });
  return loss;
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
template Loss Transformer<float>::head_backward(const Batch&, Activations<float>&, Parameters<float>&, double);
template Loss Transformer<double>::head_backward(const Batch&, Activations<double>&, Parameters<double>&, double);
template void Transformer<float>::score(const Batch&, Activations<float>&, RowSink<float>&);
template void Transformer<double>::score(const Batch&, Activations<double>&, RowSink<double>&);
template Loss Transformer<float>::loss(const Batch&, Activations<float>&);
template Loss Transformer<double>::loss(const Batch&, Activations<double>&);

}  // namespace lm
