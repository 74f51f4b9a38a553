// Cloze: which ending of a context a model finds likeliest, or whether it would write the last word of a text.
//
// Contexts and endings do not end where tokens do ("The ca" + "t"). So each ending is encoded together with the context, and what is
// scored begins with the first token in which these encodings, or that of the context by itself, differ: the same place for all
// endings of an item, so that none gains by a token that reaches back into the context.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/choice.h"
#include "infer/score.h"
#include "kernels/compute.h"
#include "tasks/evaluate/cloze_items.h"
#include "tasks/evaluate/judgements.h"
#include "tasks/score/windows.h"
#include "tasks/text_model.h"

namespace lm {

/// What the log p of an ending is divided by: nothing, or its bytes.
enum class Normalize { none, bytes };
template <>
inline constexpr auto kChoices<Normalize> = choice_table<Normalize>("normalization", {{"none", Normalize::none},
                                                                                      {"bytes", Normalize::bytes}});

/// Scores items as they come, many endings at a time, in bounded memory.
class ClozeEvaluator {
 public:
  using Handler = std::function<void(const Judgement& judgement)>;
  /// Of the plan, only context, score_end and what is before a text matter. The handler gets the judgements in the order of the
  /// items. Throws Error if the model was not trained to predict the next token.
  ClozeEvaluator(Compute& compute, const TextModel& model, const WindowPlan& plan, Normalize normalize, Handler handler);

  /// A context that is too long loses its beginning. Throws Error, naming `source`, if an ending does not fit, and if items with
  /// endings and last words are mixed.
  void add(const ClozeItem& item, const std::string& source);
  void finish();
  /// Returns whether the items are last words; false before any.
  bool last_words() const { return last_words_.value_or(false); }
  /// Returns "cloze context 256 normalize none", or "last-word context 256".
  std::string protocol() const;

 private:
  struct Encoded {  // an item's candidates: x_0, then context and ending, then what ends a text if that is scored
    std::vector<std::vector<TokenId>> tokens;
    std::int64_t first = 0;  // place of the first token that is scored
  };
  Encoded encode(const ClozeItem& item, const std::string& source) const;
  void ask(const Encoded& encoded, std::int64_t dropped);
  void settle(Judgement& judgement, std::size_t sequence, const std::vector<std::vector<TargetScore>>& scores) const;

  struct Waiting {
    Judgement judgement;
    std::vector<double> divisors;  // of the candidates' log p
  };
  const TextModel& model_;
  WindowPlan plan_;
  Normalize normalize_;
  Handler handler_;
  SequenceScorer scorer_;
  std::optional<bool> last_words_;
  std::int64_t count_ = 0, waiting_rows_ = 0;
  std::vector<Waiting> waiting_;
  std::vector<ScoredSequence> sequences_;  // of the candidates of what waits
};

}  // namespace lm
