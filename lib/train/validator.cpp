#include "train/validator.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "model/row_sink.h"

namespace lm {

double ValidationResult::bits_per_byte() const { return nats / (std::numbers::ln2 * static_cast<double>(bytes)); }

Validator::Validator(std::span<const TokenId> tokens, const TokenTable& table, std::int64_t context_length,
                     std::int64_t sequences)
    : tokens_(tokens), table_(table), context_length_(context_length), sequences_(sequences) {
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

void Validator::fill_batch(std::span<const Window> windows) {
  std::int64_t longest = 0;
  for (const Window& window : windows) longest = std::max(longest, window.count);
  batch_.sequences = static_cast<std::int64_t>(windows.size());
  batch_.length = longest;
  const auto rows = static_cast<std::size_t>(batch_.rows());
  batch_.input.assign(rows, table_.end_of_text());
  batch_.target.assign(rows, table_.end_of_text());
  batch_.weight.assign(rows, 0.0f);
  std::size_t row = 0;
  for (const Window& window : windows) {
    for (std::int64_t i = 0; i < window.count; ++i) {
      const auto target = static_cast<std::size_t>(window.first + i);
      const bool opening = window.opens_document && i == 0;
      batch_.input[row + static_cast<std::size_t>(i)] = opening ? table_.end_of_text() : tokens_[target - 1];
      batch_.target[row + static_cast<std::size_t>(i)] = tokens_[target];
      batch_.weight[row + static_cast<std::size_t>(i)] = 1.0f;
    }
    row += static_cast<std::size_t>(longest);
  }
}

ValidationResult Validator::evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations) {
  Transformer<float> transformer(compute, weights);
  ValidationResult result{.nats = 0, .tokens = scored_, .bytes = bytes_};
  for (std::size_t first = 0; first < windows_.size(); first += static_cast<std::size_t>(sequences_)) {
    const std::size_t count = std::min(static_cast<std::size_t>(sequences_), windows_.size() - first);
    fill_batch(std::span<const Window>(windows_).subspan(first, count));
    result.nats += transformer.loss(batch_, activations).nats;
  }
  return result;
}

}  // namespace lm
