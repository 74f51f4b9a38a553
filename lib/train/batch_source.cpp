#include "train/batch_source.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace lm {

namespace {

template <class T>
void slice_rows(std::vector<T>& part, const std::vector<T>& whole, std::int64_t first, std::int64_t count) {
  if (whole.empty()) {
    part.clear();
  } else {
    part.assign(whole.begin() + first, whole.begin() + first + count);
  }
}

}  // namespace

void add_counts(SourceCounts& total, const SourceCounts& more) {
  total.untransformed += more.untransformed;
  total.token_cuts += more.token_cuts;
}

SequenceRange clip(SequenceRange range, std::int64_t count) {
  const std::int64_t first = std::min(range.first, count);
  return {.first = first, .count = std::min(range.count, count - first)};
}

std::vector<double> sequence_weights(const Batch& batch) {
  std::vector<double> weights(static_cast<std::size_t>(batch.sequences));
  for (std::size_t i = 0; i < batch.weight.size(); ++i)
    weights[i / static_cast<std::size_t>(batch.length)] += static_cast<double>(batch.weight[i]);
  return weights;
}

std::int64_t BatchSource::draw(Batch& batch, std::int64_t sequences, SequenceRange own) {
  Batch all;
  next(all, sequences);
  const SequenceRange there = clip(own, all.sequences);
  if (there.count == all.sequences) {
    std::swap(batch, all);
    return batch.sequences;
  }
  if (there.count > 0) {
    slice(batch, all, there.first, there.count);
  } else {
    batch = {};
    batch.length = all.length;
  }
  return all.sequences;
}

void slice(Batch& part, const Batch& batch, std::int64_t first, std::int64_t count) {
  LM_CHECK(first >= 0 && count > 0 && first + count <= batch.sequences);
  const std::int64_t length = batch.length;
  part.sequences = count;
  part.length = length;
  slice_rows(part.input, batch.input, first * length, count * length);
  slice_rows(part.target, batch.target, first * length, count * length);
  slice_rows(part.weight, batch.weight, first * length, count * length);
  slice_rows(part.prefix_length, batch.prefix_length, first, count);
  slice_rows(part.document, batch.document, first * length, count * length);
  slice_rows(part.objective, batch.objective, first, count);
}

}  // namespace lm
