// Validator: the loss of held-out tokens, computed the same way every time, for each objective of a mixture by itself.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "base/token.h"
#include "base/token_table.h"
#include "model/activations.h"
#include "model/batch.h"
#include "model/transformer.h"
#include "train/example_source.h"

namespace lm {

/// One objective's loss, in nats a target.
struct ValidationPart {
  std::string objective;
  double loss = 0;
  double bits_per_byte = 0;  // only causal; else 0
};

struct ValidationResult {
  double loss = 0;  // the parts' losses, weighted as the objectives are
  std::vector<ValidationPart> parts;
  /// Returns the causal part; null if there is none.
  const ValidationPart* causal() const;
};

/// The causal loss, as lm-eval-ppl(1) computes it, so that the numbers agree: each document by itself in disjoint windows of
/// T tokens, every token scored once, end-of-text not scored.
class DocumentLoss {
 public:
  /// tokens: documents, each closed by end-of-text, without the virtual first one. Copies nothing: `tokens` and `table` must
  /// outlive it. sequences: how many windows are scored at once. Throws Error if no token would be scored.
  DocumentLoss(std::span<const TokenId> tokens, const TokenTable& table, std::int64_t context_length,
               std::int64_t sequences);
  /// Returns the bytes that it takes in addition to the tokens, at the most.
  static std::int64_t bytes(std::int64_t tokens, std::int64_t documents, std::int64_t context_length,
                            std::int64_t sequences);
  ValidationPart evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations);

 private:
  /// Targets tokens_[first .. first + count), predicted from the token before each.
  struct Window {
    std::int64_t first = 0;
    std::int64_t count = 0;
    bool opens_document = false;  // the input before the first target is end-of-text
  };
  void fill_batch(std::span<const Window> windows);

  std::span<const TokenId> tokens_;
  const TokenTable* table_;
  std::int64_t context_length_;
  std::int64_t sequences_;
  std::vector<Window> windows_;
  std::int64_t scored_ = 0;
  std::int64_t bytes_ = 0;
  Batch batch_;
};

/// The loss of any other objective: of its own examples of the held-out tokens' first epoch, in file order, made with the
/// same random numbers every time.
class ExampleLoss {
 public:
  /// Throws Error if no example has a target.
  ExampleLoss(ExampleSource source, std::int64_t context_length, std::int64_t sequences);
  ValidationPart evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations);

 private:
  [[noreturn]] void refuse() const;
  ExampleSource source_;
  std::int64_t context_length_;
  std::int64_t sequences_;
};

class Validator {
 public:
  struct Part {
    double share = 1.0;
    std::variant<DocumentLoss, ExampleLoss> loss;
  };
  explicit Validator(std::vector<Part> parts) : parts_(std::move(parts)) {}
  ValidationResult evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations);

 private:
  std::vector<Part> parts_;
};

}  // namespace lm
