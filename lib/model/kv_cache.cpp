#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"

namespace lm {

namespace {

void move_rows(TensorView<float> view, std::int64_t to, std::int64_t from, std::int64_t count) {
  std::memmove(view.row(to), view.row(from), static_cast<std::size_t>(count * view.stride(0)) * sizeof(float));
}

}  // namespace

void KVCache::lay_out(std::vector<Layer>& layers, const ModelConfig& config, std::int64_t capacity, std::int64_t block,
                      Layout& layout) {
  layers.resize(static_cast<std::size_t>(config.n_layers));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    Layer& layer = layers[i];
    layer.window = config.layer(static_cast<std::int64_t>(i)).window;
    // Twice the window, so that rows are moved once in a window's length at the most.
    const std::int64_t rows = layer.window == 0 ? capacity : std::min(capacity, 2 * layer.window + block);
    layout.place(layer.keys, rows, config.n_kv_heads, config.head_dim);
    layout.place(layer.values, rows, config.n_kv_heads, config.head_dim);
  }
}

KVCache::KVCache(const ModelConfig& config, std::int64_t capacity, std::int64_t block) : capacity_(capacity), block_(block) {
  LM_CHECK(capacity > 0 && capacity <= config.context_length && block > 0);
  arena_ = place_views<float>([&](Layout& layout) { lay_out(layers_, config, capacity, block, layout); });
}

std::int64_t KVCache::bytes(const ModelConfig& config, std::int64_t capacity, std::int64_t block) {
  std::vector<Layer> layers;
  return view_bytes([&](Layout& layout) { lay_out(layers, config, capacity, block, layout); });
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
  if (length_ + count - layer.first <= layer.keys.rows()) return;
  const std::int64_t seen = std::max(layer.oldest, length_ - layer.window + 1);
  LM_CHECK(layer.window > 0 && length_ - seen + count <= layer.keys.rows());
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
  return {layer.keys.rows(seen - layer.first, rows), layer.values.rows(seen - layer.first, rows), count};
}

void KVCache::copy_from(const KVCache& other) {
  LM_CHECK(layers_.size() == other.layers_.size() && other.length_ <= capacity_);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    Layer& layer = layers_[i];
    const Layer& from = other.layers_[i];
    LM_CHECK(layer.keys.dim(1) == from.keys.dim(1) && layer.keys.dim(2) == from.keys.dim(2));
    // As much of the latest as there is room for.
    const std::int64_t oldest = std::max(from.oldest, other.length_ - layer.keys.rows());
    const std::int64_t rows = other.length_ - oldest;
    const auto bytes = static_cast<std::size_t>(rows * layer.keys.stride(0)) * sizeof(float);
    std::memcpy(layer.keys.data(), from.keys.row(oldest - from.first), bytes);
    std::memcpy(layer.values.data(), from.values.row(oldest - from.first), bytes);
    layer.first = layer.oldest = oldest;
  }
  length_ = other.length_;
}

}  // namespace lm
