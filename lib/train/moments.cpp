#include "train/moments.h"

#include "base/error.h"

namespace lm {

namespace {

/// Returns the ranges of the tensors that have the moment.
std::vector<TensorRange> ranges_with(const Shards& shards, int shard, Moment which) {
  std::vector<TensorRange> ranges = shards.ranges(shard);
  for (std::size_t tensor = 0; tensor < ranges.size(); ++tensor) {
    const auto units = shards.units_of(tensor);
    if (units.empty() || !has_moment(units.front(), which)) ranges[tensor] = {};
  }
  return ranges;
}

std::int64_t size_of(const std::vector<TensorRange>& ranges) {
  std::int64_t size = 0;
  for (const TensorRange& range : ranges) size += range.size;
  return size;
}

}  // namespace

MomentShard::MomentShard(const Shards& shards, int shard, Moment which)
    : ranges_(ranges_with(shards, shard, which)), arena_(size_of(ranges_)) {
  std::int64_t begin = 0;
  for (const TensorRange& range : ranges_) {
    begins_.push_back(begin);
    begin += range.size;
  }
}

std::int64_t MomentShard::bytes(const Shards& shards, int shard, Moment which) {
  return Arena<float>::bytes(size_of(ranges_with(shards, shard, which)));
}

TensorView<float> MomentShard::part(std::size_t tensor, std::int64_t first, std::int64_t size) const {
  const TensorRange& range = ranges_[tensor];
  LM_CHECK(first >= range.first && first + size <= range.first + range.size);
  return {arena_.at(begins_[tensor] + first - range.first), size};
}

}  // namespace lm
