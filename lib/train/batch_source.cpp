#include "train/batch_source.h"

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
