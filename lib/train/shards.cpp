#include "train/shards.h"

#include <algorithm>

#include "base/error.h"

namespace lm {

int shard_of_rank(int rank, int ranks) {
  int shard = 0;
  for (int bit = 1; bit < ranks; bit *= 2) shard = 2 * shard + ((rank & bit) != 0 ? 1 : 0);
  return shard;
}

Shards::Shards(const Parameters<float>& shapes, OptimizerKind kind, int count) : count_(count) {
  LM_CHECK(count >= 1);
  for (std::size_t i = 0; i < shapes.tensors().size(); ++i) {
    first_unit_.push_back(units_.size());
    add_tensor(i, shapes.tensors()[i], kind);
  }
  first_unit_.push_back(units_.size());
  for (UpdateUnit& unit : units_) {
    unit.tile = tiles_;
    tiles_ += tiles_of(unit);
  }
  divide();
}

void Shards::add_tensor(std::size_t number, const TensorSpec& spec, OptimizerKind kind) {
  const auto add = [&](std::int64_t first, std::int64_t size, std::int64_t rows) {
    units_.push_back({.tensor = number, .first = first, .size = size, .offset = spec.offset + first, .rows = rows});
  };
  if (kind == OptimizerKind::muon && spec.in_layer_matrices()) {
    std::int64_t first = 0;
    for (const std::int64_t rows : spec.matrix_rows) {
      add(first, rows * spec.columns, rows);
      first += rows * spec.columns;
    }
    return;
  }
  for (std::int64_t first = 0; first < spec.size(); first += kTile) add(first, std::min(kTile, spec.size() - first), 0);
}

/// Gives each unit to the shard in whose equal part of all elements of its kind its middle lies.
void Shards::divide() {
  const auto is_matrix = [](const UpdateUnit& unit) { return unit.rows > 0 ? 1U : 0U; };
  std::int64_t total[2] = {0, 0}, before[2] = {0, 0};
  for (const UpdateUnit& unit : units_) total[is_matrix(unit)] += unit.size;
  for (const UpdateUnit& unit : units_) {
    std::int64_t& begin = before[is_matrix(unit)];
    const double middle = static_cast<double>(begin) + static_cast<double>(unit.size) / 2;
    const double part = middle / static_cast<double>(total[is_matrix(unit)]) * count_;
    shard_.push_back(std::clamp(static_cast<int>(part), 0, count_ - 1));
    begin += unit.size;
  }
}

std::span<const UpdateUnit> Shards::units_of(std::size_t tensor) const {
  return units().subspan(first_unit_[tensor], first_unit_[tensor + 1] - first_unit_[tensor]);
}

std::vector<TensorRange> Shards::ranges(int shard) const {
  std::vector<TensorRange> ranges(first_unit_.size() - 1);
  for (std::size_t i = 0; i < units_.size(); ++i) {
    if (shard_[i] != shard) continue;
    TensorRange& range = ranges[units_[i].tensor];
    if (range.size == 0) range.first = units_[i].first;
    LM_CHECK(range.first + range.size == units_[i].first);
    range.size += units_[i].size;
  }
  return ranges;
}

std::pair<std::size_t, std::size_t> Shards::units_between(std::int64_t begin, std::int64_t end) const {
  const auto at = [&](std::int64_t offset) {
    const auto unit = std::partition_point(units_.begin(), units_.end(),
                                           [&](const UpdateUnit& candidate) { return candidate.offset < offset; });
    return static_cast<std::size_t>(unit - units_.begin());
  };
  return {at(begin), at(end)};
}

void Shards::append_tiles(std::vector<std::span<const float>>& tiles, const float* values, std::int64_t size) {
  for (std::int64_t first = 0; first < size; first += kTile)
    tiles.emplace_back(values + first, static_cast<std::size_t>(std::min(kTile, size - first)));
}

std::int64_t Shards::elements(int first, int end) const {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < units_.size(); ++i) {
    if (shard_[i] >= first && shard_[i] < end) sum += units_[i].size;
  }
  return sum;
}

}  // namespace lm
