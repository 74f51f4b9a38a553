#include "infer/sequence_batches.h"

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "model/rotary_tables.h"

namespace lm {
namespace {

Batch stack(std::span<const ScoredSequence> sequences, std::span<const std::size_t> members) {
  const std::size_t length = sequences[members.front()].input.size();
  Batch batch;
  batch.sequences = static_cast<std::int64_t>(members.size());
  batch.length = static_cast<std::int64_t>(length);
  batch.input.resize(members.size() * length);
  batch.target.resize(members.size() * length);
  batch.weight.resize(members.size() * length);
  for (std::size_t s = 0; s < members.size(); ++s) {
    const ScoredSequence& sequence = sequences[members[s]];
    const auto size = static_cast<std::int64_t>(sequence.input.size());
    std::copy(sequence.input.begin(), sequence.input.end(), batch.input.begin() + static_cast<std::ptrdiff_t>(s * length));
    for (const ScoredSequence::Target& target : sequence.targets) {
      LM_CHECK(target.place >= 0 && target.place < size);
      const std::size_t row = s * length + static_cast<std::size_t>(target.place);
      batch.target[row] = target.token;
      batch.weight[row] = 1;
    }
    batch.prefix_length.push_back(std::min(sequence.prefix_length, size));
  }
  // Without any prefix the kernel takes its causal path.
  if (std::all_of(batch.prefix_length.begin(), batch.prefix_length.end(), [](std::int64_t p) { return p == 0; }))
    batch.prefix_length.clear();
  return batch;
}

}  // namespace

BatchLimits limit_batches(const ModelConfig& model, std::int64_t max_length, std::int64_t rows) {
  LM_CHECK(max_length >= 1 && max_length <= model.context_length);
  return {.max_length = max_length, .rows = std::max(rows, max_length) / max_length * max_length, .models = {&model}};
}

void for_each_batch(std::span<const ScoredSequence> sequences, const BatchLimits& limits, const VisitBatch& visit) {
  std::vector<std::size_t> order(sequences.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return sequences[a].input.size() > sequences[b].input.size(); });
  for (std::size_t first = 0; first < order.size();) {
    const std::size_t length = sequences[order[first]].input.size();  // the longest of the batch
    LM_CHECK(length >= 1 && length <= static_cast<std::size_t>(limits.max_length));
    const std::size_t room = std::min(order.size() - first, static_cast<std::size_t>(limits.rows) / length);
    // Padded to another length, a sequence's rotation may be another.
    const auto fits = [&](std::size_t member) {
      const auto padded = static_cast<std::int64_t>(length), own = std::ssize(sequences[member].input);
      return std::none_of(limits.models.begin(), limits.models.end(),
                          [&](const ModelConfig* model) { return rotation_changes(*model, padded, own); });
    };
    std::size_t count = 1;
    while (count < room && fits(order[first + count])) ++count;
    const auto members = std::span<const std::size_t>(order).subspan(first, count);
    visit(stack(sequences, members), members);
    first += count;
  }
}

}  // namespace lm
