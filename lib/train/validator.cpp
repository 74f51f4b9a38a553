#include "train/validator.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/error.h"
#include "base/round.h"
#include "model/row_sink.h"
#include "train/ranks/together.h"

namespace lm {

namespace {

/// Returns the sum of the losses of `batches` batches, added in their order; each rank computes every R-th of them.
template <class LossOf>
Loss sum_losses(Ranks& ranks, std::int64_t batches, LossOf&& loss_of) {
  const std::int64_t count = ranks.size(), each = divide_up(batches, count);
  std::vector<Loss> losses(static_cast<std::size_t>(each * count));  // (ranks, each)
  together(ranks, [&] {
    for (std::int64_t i = 0; i * count + ranks.rank() < batches; ++i)
      losses[static_cast<std::size_t>(ranks.rank() * each + i)] = loss_of(i * count + ranks.rank());
  });
  ranks.all_gather(std::as_writable_bytes(std::span(losses)));
  Loss sum;
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    const Loss& loss = losses[static_cast<std::size_t>(batch % count * each + batch / count)];
    sum.nats += loss.nats;
    sum.weight += loss.weight;
  }
  return sum;
}

}  // namespace

const ValidationPart* ValidationResult::causal() const {
  for (const ValidationPart& part : parts) {
    if (part.objective == "causal") return &part;
  }
  return nullptr;
}

DocumentLoss::DocumentLoss(std::span<const TokenId> tokens, TokenId end_of_text, DocumentLossOptions options)
    : tokens_(tokens), end_of_text_(end_of_text), options_(std::move(options)) {
  const auto size = static_cast<std::int64_t>(tokens.size());
  const std::int64_t stored = options_.opening_is_stored ? std::ssize(options_.opening) : 0;
  for (std::int64_t begin = 0; begin < size;) {
    const auto end = std::find(tokens.begin() + begin, tokens.end(), end_of_text) - tokens.begin();
    // A part that was held out may begin inside a document.
    const bool opens = end - begin >= stored &&
                       std::equal(options_.opening.begin(), options_.opening.begin() + stored, tokens.begin() + begin);
    add_document(opens ? begin + stored : begin, end);
    begin = end + 1;
  }
  if (scored_ == 0) throw Error("the held-out data has no token to score; give more of it");
}

/// Cuts a document, whose tokens behind the opening are [begin, end), as WindowCutter does.
void DocumentLoss::add_document(std::int64_t begin, std::int64_t end) {
  const std::int64_t opening = std::ssize(options_.opening), context = options_.context_length;
  const std::int64_t places = opening + end - begin;
  std::int64_t scored = std::max<std::int64_t>(1, opening);
  for (std::int64_t last = context + 1; scored < places; last += context) {
    const std::int64_t stop = std::min(last, places);
    if (stop <= scored) continue;  // the opening takes a whole window
    windows_.push_back(
        {.document = begin, .first = std::max<std::int64_t>(0, stop - 1 - context), .scored = scored, .end = stop});
    scored_ += stop - scored;
    scored = stop;
  }
}

TokenId DocumentLoss::at(const Window& window, std::int64_t place) const {
  const std::int64_t opening = std::ssize(options_.opening);
  if (place < opening) return options_.opening[static_cast<std::size_t>(place)];
  return tokens_[static_cast<std::size_t>(window.document + place - opening)];
}

std::int64_t DocumentLoss::bytes(std::int64_t tokens, std::int64_t documents, std::int64_t context_length,
                                 std::int64_t sequences) {
  // A growing vector takes up to twice what it holds.
  const std::int64_t windows = 2 * (tokens / context_length + documents);
  return windows * static_cast<std::int64_t>(sizeof(Window)) + Batch::bytes(sequences * context_length);
}

void DocumentLoss::fill_batch(std::span<const Window> windows) {
  std::int64_t longest = 0;
  for (const Window& window : windows) longest = std::max(longest, window.end - 1 - window.first);
  batch_.sequences = static_cast<std::int64_t>(windows.size());
  batch_.length = longest;
  const auto rows = static_cast<std::size_t>(batch_.rows());
  batch_.input.assign(rows, end_of_text_);
  batch_.target.assign(rows, end_of_text_);
  batch_.weight.assign(rows, 0.0f);
  std::size_t row = 0;
  for (const Window& window : windows) {
    for (std::int64_t place = window.first; place + 1 < window.end; ++place) {
      const std::size_t i = row + static_cast<std::size_t>(place - window.first);
      batch_.input[i] = at(window, place);
      batch_.target[i] = at(window, place + 1);
      batch_.weight[i] = place + 1 >= window.scored ? 1.0f : 0.0f;
    }
    row += static_cast<std::size_t>(longest);
  }
}

ValidationPart DocumentLoss::evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations,
                                      Ranks& ranks) {
  Transformer<float> transformer(compute, weights);
  const auto at_once = static_cast<std::size_t>(options_.sequences);
  const auto loss_of = [&](std::int64_t batch) {
    const std::size_t first = static_cast<std::size_t>(batch) * at_once;
    fill_batch(std::span<const Window>(windows_).subspan(first, std::min(at_once, windows_.size() - first)));
    return transformer.loss(batch_, activations);
  };
  const double nats = sum_losses(ranks, divide_up(std::ssize(windows_), options_.sequences), loss_of).nats;
  ValidationPart part{.objective = "causal", .loss = nats / static_cast<double>(scored_)};
  if (options_.bytes.value_or(0) > 0) part.bits_per_byte = nats / (std::numbers::ln2 * static_cast<double>(*options_.bytes));
  return part;
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

ValidationPart ExampleLoss::evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations,
                                     Ranks& ranks) {
  Transformer<float> transformer(compute, weights);
  Batch batch;
  const std::int64_t windows = source_.count(0);
  const Loss loss = sum_losses(ranks, divide_up(windows, sequences_), [&](std::int64_t number) {
    begin_batch(batch, context_length_);
    DataPosition position{.epoch = 0, .index = number * sequences_};
    for (std::int64_t i = 0; i < sequences_ && position.index < windows; ++i)
      append_example(batch, source_.next(position), 0);
    return transformer.loss(batch, activations);
  });
  if (loss.weight == 0) refuse();
  return {.objective = source_.objective().name(), .loss = loss.mean()};
}

ValidationResult Validator::evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations,
                                     Ranks& ranks) {
  ValidationResult result;
  for (Part& part : parts_) {
    result.parts.push_back(
        std::visit([&](auto& loss) { return loss.evaluate(compute, weights, activations, ranks); }, part.loss));
    result.loss += part.share * result.parts.back().loss;
  }
  return result;
}

}  // namespace lm
