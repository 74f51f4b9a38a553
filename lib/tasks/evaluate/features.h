// Features: what a model makes of a document, as one row of numbers.
//
// A document's features are the mean of the model's last hidden states over the document's tokens: after the final norm, before the
// head and what the head transforms. A model that learned to look both ways sees the document both ways; any other reads it from
// left to right. What stands around a text (x_0, [CLS], [SEP]) is read, and not counted.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "base/choice.h"
#include "base/token.h"
#include "infer/pool.h"
#include "kernels/compute.h"
#include "tasks/text_model.h"

namespace lm {

/// Which tokens of a window each of its tokens sees: those before it, or all.
enum class Sight { left_to_right, both_ways };
template <>
inline constexpr auto kChoices<Sight> = choice_table<Sight>("direction of sight", {{"left-to-right", Sight::left_to_right},
                                                                                   {"both-ways", Sight::both_ways}});

/// Returns both_ways for a model that learned to see a text both ways, by an objective or a part of its mixture (masked, prefix,
/// span): to it a document is a text in which nothing is hidden, or a prefix that nothing follows.
Sight sight_of(const TextModel& model);

/// Computes the features of documents that come in pieces, in bounded memory. A document that is longer than the context is cut into
/// windows side by side, each of which is read as a text by itself: x_0, as many tokens as there is room for, and what closes a
/// masked model's texts. Every token so counts once.
class FeatureExtractor {
 public:
  /// Gets the features (C) of a document, in the order of the documents. They do not depend on the others.
  using Handler = std::function<void(std::span<const float> features)>;
  /// context: tokens of a window at most, with what stands around it; 0: the model's. Throws Error if it is beyond that, or leaves
  /// no room for a token.
  FeatureExtractor(Compute& compute, const TextModel& model, std::int64_t context, Handler handler);

  void add(std::span<const TokenId> tokens);
  /// Throws Error naming `place` if the document has no tokens.
  void end_document(const std::string& place);
  /// Computes what waits.
  void finish();
  std::int64_t tokens() const { return tokens_; }
  /// Returns "left-to-right context 256", and what stands around a text as describe() names it.
  std::string protocol() const;

 private:
  void push_window(bool ends_document);
  void take(std::span<const double> sums, std::int64_t count, bool ends_document);

  const TextModel& model_;
  Sight sight_;
  std::int64_t context_;
  std::vector<TokenId> opening_, closing_;
  Handler handler_;
  SequencePooler pooler_;
  std::int64_t tokens_ = 0;           // of all documents
  std::int64_t document_tokens_ = 0;  // of the one that grows
  std::vector<TokenId> window_;       // its tokens that are in no window yet
  std::vector<ScoredSequence> waiting_;
  std::vector<bool> ends_;  // of each that waits: it is a document's last
  std::int64_t waiting_rows_ = 0;
  std::vector<double> sums_;  // (C) over the windows of a document so far
  std::int64_t counted_ = 0;
  std::vector<float> features_;  // (C)
};

}  // namespace lm
