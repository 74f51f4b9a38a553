// Decoder: reads tokens into a cache and returns the next token's logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/token.h"
#include "kernels/compute.h"
#include "model/kv_cache.h"
#include "model/parameters.h"
#include "model/rotary_tables.h"
#include "tensor/arena.h"
#include "tensor/view.h"

namespace lm {

/// Reads one sequence at a time; buffers are allocated once. The logits' bits depend only on the tokens, not on threads.
class Decoder {
 public:
  Decoder(Compute& compute, const Parameters<float>& parameters);

  /// Reads `tokens` (at least one) after those in the cache and returns the logits (V) after the last. Throws Error if
  /// they do not fit the cache or an id is not below the vocabulary. prefix_length: keys before it are visible to every
  /// query (positions from the start of the sequence); only meaningful when the cache was empty. final_length: that of the
  /// sequence once all of its parts are read, if more than this call's follow; keys may depend on it (keeps_keys()). The view
  /// is valid until the next call.
  TensorView<const float> prefill(KVCache& cache, std::span<const TokenId> tokens, std::int64_t prefix_length = 0,
                                  std::int64_t final_length = 0);
  /// Reads one token, as prefill() does with one. A single token goes through linear_decode() and attention_decode(), whose
  /// sums have another order than those of the products for many rows: the bits may differ from those of a longer prefill().
  TensorView<const float> step(KVCache& cache, TokenId token);

  /// Returns whether the keys of a sequence of `from` tokens serve one of `to` tokens.
  bool keeps_keys(std::int64_t from, std::int64_t to) const;

 private:
  struct Buffers;
  /// A block of tokens, and the length that the sequence has after the whole prompt.
  struct Block {
    std::span<const TokenId> tokens;
    std::int64_t prefix_length, length;
  };
  void run_layers(KVCache& cache, const Block& block);
  Buffers view_buffers(std::int64_t rows) const;
  void reserve(std::int64_t rows);
  void reserve_positions(std::int64_t length);
  void embed(const KVCache& cache, const Block& block, const Buffers& buffers);
  void normalise(TensorView<float> y, TensorView<float> x, const NormParameters<float>& weights, const Buffers& buffers);
  void linear(TensorView<float> y, TensorView<float> x, TensorView<const float> weight, TensorView<const float> bias);
  /// Adds hidden * weight^T + bias to the stream, with the norm at the branch's end.
  void end_branch(const Buffers& buffers, TensorView<float> stream, TensorView<float> hidden, TensorView<const float> weight,
                  TensorView<const float> bias, const NormParameters<float>& post_norm);
  void attend(KVCache& cache, std::int64_t layer, const Buffers& buffers, const Block& block);
  TensorView<const float> last_logits(std::int64_t rows);
  Compute& compute_;
  const Parameters<float>& weights_;
  std::int64_t block_rows_;  // longest block that there is room for
  Arena<float> arena_;
  Arena<float> tables_;         // of rotary_ and logits_
  std::int64_t positions_ = 0;  // longest sequence that rotary_ serves
  RotaryTables<float> rotary_;
  TensorView<float> logits_;  // (V)
};

}  // namespace lm
