// Pairs: of two sentences that differ in one thing, whether a model finds the good one likelier (BLiMP, arXiv:1912.00582).
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "base/json.h"
#include "kernels/compute.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/judgements.h"
#include "tasks/score/windows.h"
#include "tasks/text_model.h"

namespace lm {

struct SentencePair {
  std::string good = {}, bad = {};
  ItemLabels labels = {};
};

/// Returns the pair of a record: `sentence_good` and `sentence_bad`, or `good` and `bad`, not empty. Its kind is `kind`, else BLiMP's
/// `field` and `linguistics_term` with a slash between them; its phenomenon is `phenomenon`, else `UID`. Throws Error naming `source`.
SentencePair pair_of(const JsonValue& record, const std::string& source);

/// Receives a pair, and where it is.
using VisitPair = std::function<void(const SentencePair& pair, const std::string& source)>;
/// Reads JSON lines of every path, or arrays, compressed or not. Throws Error.
void for_each_pair(const std::vector<std::string>& paths, const VisitPair& visit);

/// Scores both sentences of each pair as an Evaluator scores documents: from x_0 on, in windows if they are longer than the context;
/// with a masked model, by pseudo-log-likelihood.
class PairsEvaluator {
 public:
  using Handler = std::function<void(const Judgement& judgement)>;
  /// The handler gets the judgements in the order of the pairs; their scores are log p of the good and the bad sentence.
  PairsEvaluator(Compute& compute, const TextModel& model, const WindowPlan& plan, Handler handler);
  PairsEvaluator(const PairsEvaluator&) = delete;
  PairsEvaluator& operator=(const PairsEvaluator&) = delete;

  void add(const SentencePair& pair, const std::string& source);
  void finish() { evaluator_.finish(); }
  /// Returns "pairs context 256 stride 128".
  std::string protocol() const;

 private:
  void take(const DocumentScore& sentence);

  const TextModel& model_;
  Handler handler_;
  std::int64_t count_ = 0;
  std::deque<Judgement> waiting_;
  Evaluator evaluator_;
};

}  // namespace lm
