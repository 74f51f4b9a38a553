// KVCache: keys and values of the tokens read so far, one sequence.
#pragma once

#include <cstdint>
#include <vector>

#include "model/config.h"
#include "tensor/arena.h"
#include "tensor/view.h"

namespace lm {

/// Holds keys after QK-norm and rotation. copy_from() lets several continuations use the work on one prompt.
class KVCache {
 public:
  /// Makes room for `capacity` tokens, at most config.context_length.
  KVCache(const ModelConfig& config, std::int64_t capacity);

  std::int64_t length() const { return length_; }
  std::int64_t capacity() const { return capacity_; }
  /// Forgets all tokens from `length` on.
  void truncate(std::int64_t length);
  /// Adds `count` tokens, whose keys and values were written after the last one's.
  void advance(std::int64_t count);
  /// Takes over the tokens of another cache of the same model.
  void copy_from(const KVCache& other);

  /// Return the (capacity, KV, D) keys and values of one layer.
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
