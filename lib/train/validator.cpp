#include "train/validator.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "model/row_sink.h"

namespace lm {

const ValidationPart* ValidationResult::causal() const {
  for (const ValidationPart& part : parts) {
    if (part.objective == "causal") return &part;
  }
  return nullptr;
}

DocumentLoss::DocumentLoss(std::span<const TokenId> tokens, const TokenTable& table, std::int64_t context_length,
                           std::int64_t sequences)
    : tokens_(tokens), table_(&table), context_length_(context_length), sequences_(sequences) {
  const auto size = static_cast<std::int64_t>(tokens.size());
  std::int64_t start = 0;
  while (start < size) {
    std::int64_t end = start;
    while (end < size && tokens[static_cast<std::size_t>(end)] != table.end_of_text()) {
      bytes_ += table.byte_length(tokens[static_cast<std::size_t>(end++)]);
    }
    for (std::int64_t first = start; first < end; first += context_length) {
      windows_.push_back({.first = first, .count = std::min(context_length, end - first), .opens_document = first == start});
    }
    scored_ += end - start;
    start = end + 1;
  }
  if (scored_ == 0) throw Error("the held-out data has no token to score; give more of it");
}

std::int64_t DocumentLoss::bytes(std::int64_t tokens, std::int64_t documents, std::int64_t context_length,
                                 std::int64_t sequences) {
  // A growing vector takes up to twice what it holds.
  const std::int64_t windows = 2 * (tokens / context_length + documents);
  return windows * static_cast<std::int64_t>(sizeof(Window)) + Batch::bytes(sequences * context_length);
}

void DocumentLoss::fill_batch(std::span<const Window> windows) {
  std::int64_t longest = 0;
  for (const Window& window : windows) longest = std::max(longest, window.count);
  batch_.sequences = static_cast<std::int64_t>(windows.size());
  batch_.length = longest;
  const auto rows = static_cast<std::size_t>(batch_.rows());
  batch_.input.assign(rows, table_->end_of_text());
  batch_.target.assign(rows, table_->end_of_text());
  batch_.weight.assign(rows, 0.0f);
  std::size_t row = 0;
  for (const Window& window : windows) {
    for (std::int64_t i = 0; i < window.count; ++i) {
      const auto target = static_cast<std::size_t>(window.first + i);
      const bool opening = window.opens_document && i == 0;
      batch_.input[row + static_cast<std::size_t>(i)] = opening ? table_->end_of_text() : tokens_[target - 1];
      batch_.target[row + static_cast<std::size_t>(i)] = tokens_[target];
      batch_.weight[row + static_cast<std::size_t>(i)] = 1.0f;
    }
    row += static_cast<std::size_t>(longest);
  }
}

ValidationPart DocumentLoss::evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations) {
  Transformer<float> transformer(compute, weights);
  double nats = 0;
  for (std::size_t first = 0; first < windows_.size(); first += static_cast<std::size_t>(sequences_)) {
    const std::size_t count = std::min(static_cast<std::size_t>(sequences_), windows_.size() - first);
    fill_batch(std::span<const Window>(windows_).subspan(first, count));
    nats += transformer.loss(batch_, activations).nats;
  }
  return {.objective = "causal",
          .loss = nats / static_cast<double>(scored_),
          .bits_per_byte = nats / (std::numbers::ln2 * static_cast<double>(bytes_))};
}

ExampleLoss::ExampleLoss(ExampleSource source, std::int64_t context_length, std::int64_t sequences)
    : source_(std::move(source)), context_length_(context_length), sequences_(sequences) {
  DataPosition position;
  const std::int64_t windows = source_.count(0);
  while (position.index < windows) {
    if (has_target(source_.next(position))) return;
  }
  refuse();
}

void ExampleLoss::refuse() const {
  throw Error("the held-out data has no target for objective '" + source_.objective().name() + "'; give more of it");
}

ValidationPart ExampleLoss::evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations) {
  Transformer<float> transformer(compute, weights);
  Loss loss;
  Batch batch;
  DataPosition position;
  const std::int64_t windows = source_.count(0);
  while (position.epoch == 0 && position.index < windows) {
    begin_batch(batch, context_length_);
    for (std::int64_t i = 0; i < sequences_ && position.index < windows; ++i)
      append_example(batch, source_.next(position), 0);
    const Loss part = transformer.loss(batch, activations);
    loss.nats += part.nats;
    loss.weight += part.weight;
  }
  if (loss.weight == 0) refuse();
  return {.objective = source_.objective().name(), .loss = loss.mean(), .bits_per_byte = 0};
}

ValidationResult Validator::evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations) {
  ValidationResult result;
  for (Part& part : parts_) {
    result.parts.push_back(std::visit([&](auto& loss) { return loss.evaluate(compute, weights, activations); }, part.loss));
    result.loss += part.share * result.parts.back().loss;
  }
  return result;
}

}  // namespace lm
