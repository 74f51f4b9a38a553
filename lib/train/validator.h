// Validator: the loss of held-out tokens by the rule of the reports (lm-eval-ppl), so that the numbers agree.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/token.h"
#include "base/token_table.h"
#include "model/activations.h"
#include "model/batch.h"
#include "model/transformer.h"

namespace lm {

struct ValidationResult {
  double nats = 0;
  std::int64_t tokens = 0;
  std::int64_t bytes = 0;
  double loss() const { return nats / static_cast<double>(tokens); }
  double bits_per_byte() const;
};

/// Each document by itself in disjoint windows of T tokens, every token scored once, end-of-text not scored (definitions:
/// windows with S = L).
class Validator {
 public:
  /// tokens: documents, each closed by end-of-text, without the virtual first one. Copies nothing: `tokens` must outlive it.
  /// `table` tells end-of-text and bytes. sequences: how many windows are scored at once. Throws Error where no token would
  /// be scored.
  Validator(std::span<const TokenId> tokens, const TokenTable& table, std::int64_t context_length, std::int64_t sequences);

  ValidationResult evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations);
  /// Tokens that are scored.
  std::int64_t scored_tokens() const { return scored_; }

 private:
  /// Targets tokens_[first .. first + count), predicted from the token before each.
  struct Window {
    std::int64_t first = 0;
    std::int64_t count = 0;
    bool opens_document = false;  // the input before the first target is end-of-text
  };
  void fill_batch(std::span<const Window> windows);

  std::span<const TokenId> tokens_;
  const TokenTable& table_;
  std::int64_t context_length_;
  std::int64_t sequences_;
  std::vector<Window> windows_;
  std::int64_t scored_ = 0;
  std::int64_t bytes_ = 0;
  Batch batch_;
};

}  // namespace lm
