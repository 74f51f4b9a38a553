// Validator: the loss of held-out tokens, computed the same way every time, for each objective of a mixture by itself.
#pragma once

#include <cstdint>
#include <optional>
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
#include "train/ranks/ranks.h"

namespace lm {

/// One objective's loss, in nats a target.
struct ValidationPart {
  std::string objective;
  double loss = 0;
  std::optional<double> bits_per_byte = {};  // only causal, and if the bytes are known
};

struct ValidationResult {
  double loss = 0;  // the parts' losses, weighted as the objectives are
  std::vector<ValidationPart> parts;
  /// Returns the causal part; null if there is none.
  const ValidationPart* causal() const;
};

/// What documents are scored with.
struct DocumentLossOptions {
  std::int64_t context_length = 0;
  std::int64_t sequences = 1;              // how many windows are scored at once
  std::vector<TokenId> opening = {};       // precedes each document, unscored; empty: its first token is not scored
  bool opening_is_stored = false;          // the documents begin with it
  std::optional<std::int64_t> bytes = {};  // of the text of all documents, if they are known
};

/// The causal loss, as lm-eval-ppl(1) computes it with a stride of T, so that the numbers agree: each document by itself in
/// windows of T tokens, of which the last reaches back to T, every token scored once, end-of-text not scored.
class DocumentLoss {
 public:
  /// tokens: documents, each closed by `end_of_text`, without the virtual first one. Copies nothing: `tokens` must outlive it.
  /// Throws Error if no token would be scored.
  DocumentLoss(std::span<const TokenId> tokens, TokenId end_of_text, DocumentLossOptions options);
  /// Returns the bytes that it takes in addition to the tokens, at the most.
  static std::int64_t bytes(std::int64_t tokens, std::int64_t documents, std::int64_t context_length,
                            std::int64_t sequences);
  ValidationPart evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations, Ranks& ranks);

 private:
  /// Places of a document that begins with its opening: the inputs are [first, end - 1), the targets [scored, end).
  struct Window {
    std::int64_t document = 0;  // its first token behind the opening, in tokens_
    std::int64_t first = 0, scored = 0, end = 0;
  };
  void add_document(std::int64_t begin, std::int64_t end);
  TokenId at(const Window& window, std::int64_t place) const;
  void fill_batch(std::span<const Window> windows);

  std::span<const TokenId> tokens_;
  TokenId end_of_text_;
  DocumentLossOptions options_;
  std::vector<Window> windows_;
  std::int64_t scored_ = 0;
  Batch batch_;
};

/// The loss of any other objective: of its own examples of the held-out tokens' first epoch, in file order, made with the
/// same random numbers every time.
class ExampleLoss {
 public:
  /// Throws Error if no example has a target.
  ExampleLoss(ExampleSource source, std::int64_t context_length, std::int64_t sequences);
  ValidationPart evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations, Ranks& ranks);

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
  /// Each rank computes some of the batches; all get the same result, which one rank would compute.
  ValidationResult evaluate(Compute& compute, const Parameters<float>& weights, Activations<float>& activations,
                            Ranks& ranks);

 private:
  std::vector<Part> parts_;
};

}  // namespace lm
