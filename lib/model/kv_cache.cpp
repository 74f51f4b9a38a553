#include "model/kv_cache.h"

#include <cstring>

#include "base/error.h"
#include "tensor/layout.h"

namespace lm {

KVCache::KVCache(const ModelConfig& config, std::int64_t capacity)
    : capacity_(capacity), layers_(static_cast<std::size_t>(config.n_layers)) {
  LM_CHECK(capacity > 0 && capacity <= config.context_length);
  arena_ = place_views<float>([&](Layout& layout) {
    for (Layer& layer : layers_) {
      layout.place(layer.keys, capacity, config.n_kv_heads, config.head_dim);
      layout.place(layer.values, capacity, config.n_kv_heads, config.head_dim);
    }
  });
}

void KVCache::truncate(std::int64_t length) {
  LM_CHECK(length >= 0 && length <= length_);
  length_ = length;
}

void KVCache::advance(std::int64_t count) {
  LM_CHECK(count >= 0 && length_ + count <= capacity_);
  length_ += count;
}

void KVCache::copy_from(const KVCache& other) {
  LM_CHECK(layers_.size() == other.layers_.size() && other.length_ <= capacity_);
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    const TensorView<float> keys = layers_[i].keys, other_keys = other.layers_[i].keys;
    LM_CHECK(keys.dim(1) == other_keys.dim(1) && keys.dim(2) == other_keys.dim(2));
    const auto bytes = static_cast<std::size_t>(other.length_ * keys.stride(0)) * sizeof(float);
    std::memcpy(keys.data(), other_keys.data(), bytes);
    std::memcpy(layers_[i].values.data(), other.layers_[i].values.data(), bytes);
  }
  length_ = other.length_;
}

}  // namespace lm
