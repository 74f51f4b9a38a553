// KVCache: keys and values of the tokens read so far, one sequence.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"
#include "tensor/arena.h"
#include "tensor/view.h"

namespace lm {

/// Keys are stored after QK-norm and rotation. Copyable by copy_from, so that several continuations share one prompt's work.
class KVCache {
 public:
  /// capacity: tokens, at most config.context_length.
  KVCache(const ModelConfig& config, std::int64_t capacity);

  std::int64_t length() const { return length_; }
  std::int64_t capacity() const { return capacity_; }
  /// Forgets all tokens from `length` on.
  void truncate(std::int64_t length);
  /// Sets the number of tokens whose keys and values have been written.
  void advance(std::int64_t count);
  void copy_from(const KVCache& other);

  /// (capacity, KV, D) of one layer.
  TensorView<float> keys(std::int64_t layer) const { return layers_[static_cast<std::size_t>(layer)].keys; }
  TensorView<float> values(std::int64_t layer) const { return layers_[static_cast<std::size_t>(layer)].values; }

 private:
  struct Layer {
    TensorView<float> keys, values;
  };
  std::int64_t capacity_;
  std::int64_t length_ = 0;
  std::vector<Layer> layers_;
  Arena<float> arena_;
};

}  // namespace lm
