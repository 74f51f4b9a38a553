// A second model that scores the same documents, to be compared with the first.
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "kernels/compute.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/text_model.h"
#include "text/tokenizer.h"

namespace lm {

/// Returns whether two models cut every text into the same windows, given the same plan: the same tokenizer, by its
/// fingerprint, and the same tokens before a text.
bool shares_windows(const TextModel& first, const TextModel& second);

/// Returns the number of ids that two models with one tokenizer have in common: all rows of both, or if one has more rows,
/// those that the tokenizer has too.
std::int64_t common_ids(const TextModel& first, const TextModel& second);

/// Returns the completed plan of the first model. If both share windows, and no context is given, the context is one that
/// both have. Throws Error if the plan does not suit one of the two.
WindowPlan plan_against(WindowPlan plan, const TextModel& first, const TextModel& second);

/// Scores documents by a second model with a tokenizer of its own, as their text comes to the first.
class SecondModel {
 public:
  /// on_document gets the documents' scores in order.
  SecondModel(Compute& compute, const TextModel& model, const WindowPlan& plan, bool at_once,
              std::function<void(const DocumentScore&)> on_document);

  /// Returns what hands documents on to `first`, and their text to this model after it. Token streams, whose text the second
  /// tokenizer cannot be given, make it throw Error.
  DocumentTokens beside(const DocumentTokens& first);
  void finish() { evaluator_.finish(); }
  const WindowPlan& plan() const { return evaluator_.plan(); }

 private:
  void add_text(std::string_view text);
  void end_document();
  void hand_over();

  const TextModel& model_;
  Evaluator evaluator_;
  StreamEncoder encoder_;
  std::vector<TokenId> tokens_;
  bool has_text_ = false;  // of the document that has begun
};

}  // namespace lm
