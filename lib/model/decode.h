// Decoder: reads tokens into a cache and returns the next token's logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/token.h"
#include "kernels/compute.h"
#include "model/kv_cache.h"
#include "model/parameters.h"
#include "tensor/arena.h"
#include "tensor/view.h"

namespace lm {

/// Reads one sequence at a time; buffers are allocated once. The logits' bits depend only on the tokens, not on threads.
class Decoder {
 public:
  Decoder(Compute& compute, const Parameters<float>& parameters);

  /// Reads `tokens` (at least one) after those in the cache and returns the logits (V) after the last. Throws Error if
  /// they do not fit the cache or an id is not below the vocabulary. prefix_length: keys before it are visible to every
  /// query (positions from the start of the sequence); only meaningful when the cache was empty. The view is valid until the
  /// next call.
  TensorView<const float> prefill(KVCache& cache, std::span<const TokenId> tokens, std::int64_t prefix_length = 0);
  /// Reads one token, as prefill() does with one. A single token goes through linear_decode() and attention_decode(), whose
  /// sums have another order than those of the products for many rows: the bits may differ from those of a longer prefill().
  TensorView<const float> step(KVCache& cache, TokenId token);

 private:
  struct Buffers;
  void run_layers(KVCache& cache, std::span<const TokenId> tokens, std::int64_t prefix_length);
  Buffers view_buffers(std::int64_t rows) const;
  void reserve(std::int64_t rows);
  void normalise(TensorView<float> y, TensorView<float> x, TensorView<const float> gain, TensorView<const float> bias,
                 const Buffers& buffers);
  void linear(TensorView<float> y, TensorView<float> x, TensorView<const float> weight, TensorView<const float> bias);
  void attend(const KVCache& cache, std::int64_t layer, const Buffers& buffers, std::int64_t prefix_length);
  TensorView<const float> last_logits(std::int64_t rows);
  Compute& compute_;
  const Parameters<float>& weights_;
  std::int64_t block_rows_;  // longest block that there is room for
  Arena<float> arena_;
  Arena<float> tables_;
  TensorView<float> cosine_, sine_;  // (context, D/2)
  TensorView<float> logits_;         // (V)
};

}  // namespace lm
