#include "model/kv_cache.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "base/error.h"

namespace lm {

KVCache::KVCache(const ModelConfig& config, std::int64_t capacity)
    : layers_(config.n_layers),
      kv_heads_(config.n_kv_heads),
      head_dim_(config.head_dim),
      capacity_(capacity),
      arena_(2 * config.n_layers * aligned_size<float>(capacity * config.kv_width())) {
  LM_CHECK(capacity > 0 && capacity <= config.context_length);
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
  LM_CHECK(layers_ == other.layers_ && kv_heads_ == other.kv_heads_ && head_dim_ == other.head_dim_);
  LM_CHECK(other.length_ <= capacity_);
  const auto bytes = static_cast<std::size_t>(other.length_ * kv_heads_ * head_dim_) * sizeof(float);
  for (std::int64_t layer = 0; layer < layers_; ++layer) {
    std::memcpy(keys(layer).data(), other.keys(layer).data(), bytes);
    std::memcpy(values(layer).data(), other.values(layer).data(), bytes);
  }
  length_ = other.length_;
}

TensorView<float> KVCache::keys(std::int64_t layer) const {
  const std::int64_t stride = aligned_size<float>(capacity_ * kv_heads_ * head_dim_);
  return TensorView<float>(arena_.at(2 * layer * stride), capacity_, kv_heads_, head_dim_);
}

TensorView<float> KVCache::values(std::int64_t layer) const {
  const std::int64_t stride = aligned_size<float>(capacity_ * kv_heads_ * head_dim_);
  return TensorView<float>(arena_.at((2 * layer + 1) * stride), capacity_, kv_heads_, head_dim_);
}

}  // namespace lm
