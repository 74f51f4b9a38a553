// Generating: a context of visible tokens that slides when it is full, and the loop that samples into it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/token.h"
#include "infer/sampler.h"
#include "kernels/compute.h"
#include "model/decode.h"
#include "model/kv_cache.h"
#include "model/parameters.h"

namespace lm {

/// Context::read_changed() keeps multiples of this many tokens: matrix products work on tiles of rows, and a row's bits
/// depend on which part of a tile it is in, but (tested for every tier) on nothing else of how many rows there are.
constexpr std::int64_t kKeptStep = 16;

/// The tokens that the model sees, with their keys and values, and the logits of what comes next.
class Context {
 public:
  /// capacity: tokens that will be visible at most; cut to the model's context length. The decoder outlives it.
  Context(Decoder& decoder, const ModelConfig& config, std::int64_t capacity);

  /// Forgets everything and makes room for `capacity` tokens, cut likewise; what there is is kept where it suffices.
  void reserve(std::int64_t capacity);
  /// Forgets everything and reads `tokens` (at least one); of more than the model's context only the last half-context.
  /// The first `prefix_length` of them are seen by all of them, as a prefix seen both ways. Returns how many were left out.
  std::int64_t read(std::span<const TokenId> tokens, std::int64_t prefix_length = 0);
  /// The same for tokens (at least one) that fit the capacity; those at the start that this call last read, too, are kept.
  /// The logits' bits are those that a fresh context gives. Returns how many tokens were kept.
  std::int64_t read_changed(std::span<const TokenId> tokens);
  /// Forgets what was appended since read_changed().
  void rewind();
  /// One more token. Where the context is full its older half is dropped first, and the rest read again from position 0;
  /// what is left of a prefix stays one.
  void append(TokenId token);
  /// Takes over what `other`, of the same model, has read.
  void copy_from(const Context& other);

  const std::vector<TokenId>& visible() const { return visible_; }
  /// (V) of the token after the visible ones.
  TensorView<const float> logits() const { return {logits_.data(), static_cast<std::int64_t>(logits_.size())}; }

 private:
  void read_again();
  Decoder& decoder_;
  ModelConfig config_;
  KVCache cache_;
  std::vector<TokenId> visible_;
  std::int64_t prefix_length_ = 0;  // of the visible tokens
  std::vector<float> logits_;
  std::int64_t read_length_ = 0;    // tokens of the last read_changed(); 0: something else was read since
  std::vector<float> read_logits_;  // (V) after them
};

/// Why a text ended.
enum class EndReason {
  length,       // max_tokens were sampled
  end_of_text,  // the model sampled end-of-text, which is not part of the text
  caller,       // on_token said so
};

/// Samples up to max_tokens into `context`, calling on_token for each; it returns false to stop.
EndReason generate(Context& context, Sampler& sampler, TokenId end_of_text, std::int64_t max_tokens,
                   const std::function<bool(TokenId)>& on_token);

}  // namespace lm
