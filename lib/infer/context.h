// Context: the tokens that a model sees; they slide when there are more than it can see.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/token.h"
#include "model/decode.h"
#include "model/kv_cache.h"
#include "tensor/view.h"

namespace lm {

/// The tokens that the model sees, with their keys and values, and the logits of what comes next.
class Context {
 public:
  /// capacity: how many tokens can be visible, at most the model's context length. The decoder must outlive it.
  Context(Decoder& decoder, const ModelConfig& config, std::int64_t capacity, CacheType cache_type = CacheType::f32);

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

  /// A token that comes next in a context, and a guess of those after it.
  struct Next {
    Context* context;
    TokenId token;
    std::span<const TokenId> guess = {};
  };
  /// Reads one more token in each context, all of one decoder, with one reading of the weights. If a context is full, its older
  /// half is dropped first and the rest read again from position 0; what is left of a prefix stays one. As much of a guess as
  /// there is room for is read along: as long as it turns out right, appending its tokens costs nothing. No guess, and no other
  /// context, changes a bit of the logits. Returns how many rows were computed; 0 if none was, or all were read again.
  static std::int64_t append_all(std::span<const Next> all);
  std::int64_t append(TokenId token, std::span<const TokenId> guess = {});
  /// Takes over what `other`, of the same model, has read.
  void copy_from(const Context& other);

  const std::vector<TokenId>& visible() const { return visible_; }
  /// Returns the (V) logits of the token after the visible ones.
  TensorView<const float> logits() const { return {logits_.data() + row_ * config_.vocab_size, config_.vocab_size}; }

 private:
  bool begin_append(TokenId token, std::span<const TokenId> guess);
  void end_append();
  void read_again();
  void set_logits(TensorView<const float> logits);
  void forget_guess();
  std::int64_t kept_length(std::int64_t same, std::int64_t count) const;
  Decoder& decoder_;
  ModelConfig config_;
  CacheType cache_type_;
  KVCache cache_;
  std::vector<TokenId> visible_;
  std::int64_t prefix_length_ = 0;  // of the visible tokens
  std::vector<TokenId> guess_;      // read beyond the visible tokens
  std::vector<TokenId> reading_;    // while a token is appended: that, and a guess
  std::vector<float> logits_;       // (rows, V), after the last visible token and each guessed one
  std::int64_t row_ = 0;            // of the last visible token
  std::int64_t read_length_ = 0;    // tokens of the last read_changed(); 0 if something else was read since
  std::vector<float> read_logits_;  // (V) after them
};

}  // namespace lm
