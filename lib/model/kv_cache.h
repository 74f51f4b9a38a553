// KVCache: keys and values of the tokens read so far, one sequence.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cached_rows.h"
#include "model/config.h"
#include "tensor/arena.h"
#include "tensor/layout.h"
#include "tensor/view.h"

namespace lm {

/// Holds keys after QK-norm and rotation. A layer with a window keeps only what a later token can still see; its memory is a
/// ring that is unrolled: when its end is reached, what is still seen moves to its beginning, so that it is always in one
/// piece. copy_from() lets several continuations use the work on one prompt.
class KVCache {
 public:
  /// Makes room for `capacity` tokens, at most config.context_length, read at most `block` at a time.
  KVCache(const ModelConfig& config, std::int64_t capacity, std::int64_t block = kUsualBlock,
          CacheType type = CacheType::f32);

  /// Returns the bytes that such a cache takes.
  static std::int64_t bytes(const ModelConfig& config, std::int64_t capacity, CacheType type = CacheType::f32);
  std::int64_t length() const { return length_; }
  std::int64_t capacity() const { return capacity_; }
  /// Returns the most tokens that may be read at a time if more are there than a window holds.
  std::int64_t block() const { return block_; }
  /// Forgets all tokens from `length` on, and those before it too if a window has forgotten some of what it needs of them.
  /// Returns how many are left: `length` or 0.
  std::int64_t truncate(std::int64_t length);
  /// Adds `count` tokens, whose keys and values were written after the last one's.
  void advance(std::int64_t count);
  /// Takes over the tokens of another cache of the same model and type.
  void copy_from(const KVCache& other);

  /// Keys and values that queries at length() and after may see, with room for `count` more tokens: (seen + count, KV, D).
  struct Slots {
    CachedRows keys, values;
    std::int64_t count;
  };
  /// Returns those of a layer, the places of the next `count` tokens last.
  Slots slots(std::int64_t layer, std::int64_t count);

  static constexpr std::int64_t kUsualBlock = 256;

 private:
  struct Layer {
    CachedRows keys, values;  // (rows, KV, D)
    std::int64_t window = 0;  // 0: unbounded
    std::int64_t first = 0;   // position of the token in row 0
    std::int64_t oldest = 0;  // position of the first token that is still there
  };
  static void lay_out(std::vector<Layer>& layers, const ModelConfig& config, std::int64_t capacity, std::int64_t block,
                      CacheType type, Layout& layout);
  void drop_unseen(Layer& layer, std::int64_t count);
  std::int64_t capacity_;
  std::int64_t block_;
  std::int64_t length_ = 0;
  std::vector<Layer> layers_;
  Arena<std::byte> arena_;
};

}  // namespace lm
