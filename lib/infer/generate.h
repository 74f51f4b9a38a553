// Generating: a context of visible tokens that slides when it is full, and the loop that samples into it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
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
/// depend on its place in a tile, but (tested for every tier) not otherwise on how many rows there are.
constexpr std::int64_t kKeptStep = 16;

/// The tokens that the model sees, with their keys and values, and the logits of what comes next.
class Context {
 public:
  /// capacity: how many tokens can be visible, at most the model's context length. The decoder must outlive it.
  Context(Decoder& decoder, const ModelConfig& config, std::int64_t capacity);

  /// Forgets everything and makes room for `capacity` tokens, at most the model's context length.
  void reserve(std::int64_t capacity);
  /// Forgets everything and reads `tokens` (at least one); if they are more than the model's context, only the last
  /// half-context. The first `prefix_length` of them are visible to all of them. Returns how many were left out.
  std::int64_t read(std::span<const TokenId> tokens, std::int64_t prefix_length = 0);
  /// Reads tokens (at least one) that fit the capacity, but keeps those at the start that the last such call read too. The
  /// logits' bits are those that a fresh context gives. Returns how many tokens were kept.
  std::int64_t read_changed(std::span<const TokenId> tokens);
  /// Forgets what was appended since read_changed().
  void rewind();
  /// Reads one more token. If the context is full, its older half is dropped first and the rest read again from position 0;
  /// what is left of a prefix stays one.
  void append(TokenId token);
  /// Takes over what `other`, of the same model, has read.
  void copy_from(const Context& other);

  const std::vector<TokenId>& visible() const { return visible_; }
  /// Returns the (V) logits of the token after the visible ones.
  TensorView<const float> logits() const { return {logits_.data(), static_cast<std::int64_t>(logits_.size())}; }

 private:
  void read_again();
  Decoder& decoder_;
  ModelConfig config_;
  KVCache cache_;
  std::vector<TokenId> visible_;
  std::int64_t prefix_length_ = 0;  // of the visible tokens
  std::vector<float> logits_;
  std::int64_t read_length_ = 0;    // tokens of the last read_changed(); 0 if something else was read since
  std::vector<float> read_logits_;  // (V) after them
};

enum class EndReason {
  length,       // max_tokens were sampled
  end_of_text,  // a token was sampled that ends texts, and is not part of them
  caller,       // on_token stopped it
};

/// Why a text ended.
struct Ending {
  EndReason reason = EndReason::length;
  std::optional<TokenId> token = {};  // with end_of_text: which one
};

/// Samples up to max_tokens into `context`, until one of `ends`, and calls on_token for each, which returns false to stop.
Ending generate(Context& context, Sampler& sampler, std::span<const TokenId> ends, std::int64_t max_tokens,
                const std::function<bool(TokenId)>& on_token);

}  // namespace lm
