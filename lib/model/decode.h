// Decoder: reads tokens into a cache and returns the next token's logits.
//
// There are two paths. A prompt's is for many tokens at once: matrix products, and attention by blocks of queries. Generation's is
// for a few: every row is computed as if it were alone (decode_step.h). Which one runs is the caller's choice, never that of the
// number of tokens; the logits of one differ from those of the other in attention's order of summation.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/token.h"
#include "kernels/compute.h"
#include "model/decode_step.h"
#include "model/decoding_weights.h"
#include "model/kv_cache.h"
#include "model/parameters.h"
#include "model/rotary_tables.h"
#include "tensor/arena.h"
#include "tensor/view.h"

namespace lm {

/// Buffers are allocated once. The logits' bits depend only on the tokens and on which of them were prompts, not on threads.
class Decoder {
 public:
  /// Compute and weights outlive it.
  Decoder(Compute& compute, const DecodingWeights& weights);
  /// Packs the weights for itself, which takes as much memory as their matrices again, unless they are packed.
  Decoder(Compute& compute, const Parameters<float>& parameters);

  /// Reads a prompt's `tokens` (at least one) after those in the cache and returns the logits (V) after the last. Throws Error if
  /// they do not fit the cache or an id is not below the vocabulary. prefix_length: keys before it are visible to every
  /// query (positions from the start of the sequence); only meaningful when the cache was empty. final_length: that of the
  /// sequence once all of its parts are read, if more than this call's follow; keys may depend on it (keeps_keys()). The view
  /// is valid until the next call.
  TensorView<const float> prefill(KVCache& cache, std::span<const TokenId> tokens, std::int64_t prefix_length = 0,
                                  std::int64_t final_length = 0);
  /// Reads tokens that are generated, or guessed, of one or several sequences, each of which has at least one. Writes the logits
  /// after every one of them, in order: the bits are those of reading them one by one. logits: (tokens, V). Throws as above.
  void generate(std::span<const Continuation> inputs, TensorView<float> logits);
  /// Reads one such token. The view is valid until the next call.
  TensorView<const float> step(KVCache& cache, TokenId token);

  /// Returns whether the keys of a sequence of `from` tokens serve one of `to` tokens.
  bool keeps_keys(std::int64_t from, std::int64_t to) const;

 private:
  struct Buffers;
  Decoder(Compute& compute, std::unique_ptr<const DecodingWeights> owned, const DecodingWeights* weights);
  void check_tokens(const KVCache& cache, std::span<const TokenId> tokens) const;
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
  /// Adds hidden * weight^T + bias to the stream, with the norm at the branch's end.
  void end_branch(const Buffers& buffers, TensorView<float> stream, TensorView<float> hidden, const PackedMatrix& weight,
                  TensorView<const float> bias, const NormParameters<float>& post_norm);
  void feed_forward(const PackedLayer& matrices, const LayerParameters<float>& layer, const Buffers& buffers,
                    TensorView<float> x);
  struct CachedFloats {
    TensorView<float> keys, values;  // (S, KV, D)
  };
  CachedFloats float_rows(const KVCache::Slots& slots);
  void attend(KVCache& cache, std::int64_t layer, const Buffers& buffers, const Block& block);
  TensorView<const float> last_logits(std::int64_t rows);
  Compute& compute_;
  std::unique_ptr<const DecodingWeights> owned_;
  const DecodingWeights& weights_;
  const Parameters<float>& parameters_;
  DecodeStep step_;
  std::int64_t block_rows_;  // longest block that there is room for
  Arena<float> arena_;
  Arena<float> unpacked_;       // keys and values of a layer, if the cache is not fp32
  Arena<float> tables_;         // of rotary_ and logits_
  std::int64_t positions_ = 0;  // longest sequence that rotary_ serves
  RotaryTables<float> rotary_;
  TensorView<float> logits_;  // (V)
};

}  // namespace lm
