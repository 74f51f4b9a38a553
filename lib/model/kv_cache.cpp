#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace lm {

namespace {

void move_rows(const CachedRows& rows, std::int64_t to, std::int64_t from, std::int64_t count) {
  std::memmove(rows.data + to * rows.row_bytes, rows.data + from * rows.row_bytes,
               static_cast<std::size_t>(count * rows.row_bytes));
}

}  // namespace

void KVCache::lay_out(std::vector<Layer>& layers, const ModelConfig& config, std::int64_t capacity, std::int64_t block,
                      CacheType type, Layout& layout) {
  layers.resize(static_cast<std::size_t>(config.n_layers));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    Layer& layer = layers[i];
    layer.window = config.layer(static_cast<std::int64_t>(i)).window;
    // Twice the window, so that rows are moved once in a window's length at the most.
    const std::int64_t rows = layer.window == 0 ? capacity : std::min(capacity, 2 * layer.window + block);
    for (CachedRows* cached : {&layer.keys, &layer.values}) {
      *cached = {.type = type, .rows = rows, .heads = config.n_kv_heads, .width = config.head_dim};
      cached->row_bytes = config.n_kv_heads * cached_bytes(type, config.head_dim);
      cached->data = layout.take<std::byte>(rows * cached->row_bytes);
    }
  }
}

KVCache::KVCache(const ModelConfig& config, std::int64_t capacity, std::int64_t block, CacheType type)
    : capacity_(capacity), block_(block) {
  LM_CHECK(capacity > 0 && capacity <= config.context_length && block > 0);
  arena_ = place_views<std::byte>([&](Layout& layout) { lay_out(layers_, config, capacity, block, type, layout); });
}

std::int64_t KVCache::bytes(const ModelConfig& config, std::int64_t capacity, CacheType type) {
  std::vector<Layer> layers;
  return view_bytes([&](Layout& layout) { lay_out(layers, config, capacity, kUsualBlock, type, layout); });
}

std::int64_t KVCache::truncate(std::int64_t length) {
  LM_CHECK(length >= 0 && length <= length_);
  const bool whole = std::all_of(layers_.begin(), layers_.end(), [&](const Layer& layer) {
    return layer.oldest <= std::max<std::int64_t>(0, length - layer.window + 1);
  });
  length_ = whole ? length : 0;
  if (length_ > 0) return length_;
  for (Layer& layer : layers_) layer.first = layer.oldest = 0;
  return 0;
}

void KVCache::advance(std::int64_t count) {
  LM_CHECK(count >= 0 && length_ + count <= capacity_);
  length_ += count;
}

/// Moves what the next queries see to the beginning if `count` more tokens do not fit behind it.
void KVCache::drop_unseen(Layer& layer, std::int64_t count) {
  if (length_ + count - layer.first <= layer.keys.rows) return;
  const std::int64_t seen = std::max(layer.oldest, length_ - layer.window + 1);
  LM_CHECK(layer.window > 0 && length_ - seen + count <= layer.keys.rows);
  move_rows(layer.keys, 0, seen - layer.first, length_ - seen);
  move_rows(layer.values, 0, seen - layer.first, length_ - seen);
  layer.first = layer.oldest = seen;
}

KVCache::Slots KVCache::slots(std::int64_t number, std::int64_t count) {
  Layer& layer = layers_[static_cast<std::size_t>(number)];
  drop_unseen(layer, count);
  const std::int64_t seen =
      layer.window == 0 ? 0 : std::max(layer.oldest, std::max<std::int64_t>(0, length_ - layer.window + 1));
  const std::int64_t rows = length_ + count - seen;
  return {layer.keys.rows_part(seen - layer.first, rows), layer.values.rows_part(seen - layer.first, rows), count};
}

void KVCache::copy_from(const KVCache& other) {
  LM_CHECK(layers_.size() == other.layers_.size() && other.length_ <= capacity_);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    const Layer& from = other.layers_[i];
    LM_CHECK(layer.keys.type == from.keys.type && layer.keys.row_bytes == from.keys.row_bytes);
    // As much of the latest as there is room for.
    const std::int64_t oldest = std::max(from.oldest, other.length_ - layer.keys.rows);
    const auto bytes = static_cast<std::size_t>((other.length_ - oldest) * layer.keys.row_bytes);
    std::memcpy(layer.keys.data, from.keys.rows_part(oldest - from.first, 0).data, bytes);
    std::memcpy(layer.values.data, from.values.rows_part(oldest - from.first, 0).data, bytes);
    layer.first = layer.oldest = oldest;
  }
  length_ = other.length_;
}

}  // namespace lm
