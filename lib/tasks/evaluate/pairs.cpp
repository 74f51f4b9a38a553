#include "tasks/evaluate/pairs.h"

#include <utility>

#include "base/error.h"
#include "tasks/evaluate/read_records.h"

namespace lm {
namespace {

/// Returns a member that may be missing, or be something else than a text.
std::string blimp_text(const JsonValue& record, std::string_view name) {
  const JsonValue* value = record.find(name);
  return value != nullptr && value->if_string() != nullptr ? *value->if_string() : std::string();
}

}  // namespace

SentencePair pair_of(const JsonValue& record, const std::string& source) {
  SentencePair pair{.good = string_of(record, {"sentence_good", "good"}, source),
                    .bad = string_of(record, {"sentence_bad", "bad"}, source),
                    .labels = labels_of(record, source)};
  if (pair.good.empty() || pair.bad.empty()) throw Error("expected two sentences in " + source + "; one is empty");
  if (pair.labels.kind.empty()) {
    const std::string field = blimp_text(record, "field"), term = blimp_text(record, "linguistics_term");
    pair.labels.kind = field + (field.empty() || term.empty() ? "" : "/") + term;
  }
  if (pair.labels.phenomenon.empty()) pair.labels.phenomenon = blimp_text(record, "UID");
  return pair;
}

void for_each_pair(const std::vector<std::string>& paths, const VisitPair& visit) {
  for_each_record(paths,
                  [&](const JsonValue& record, const std::string& source) { visit(pair_of(record, source), source); });
}

PairsEvaluator::PairsEvaluator(Compute& compute, const TextModel& model, const WindowPlan& plan, Handler handler)
    : model_(model),
      handler_(std::move(handler)),
      evaluator_(compute, model, plan, {}, {.document = [this](const DocumentScore& sentence) { take(sentence); }}) {}

void PairsEvaluator::add(const SentencePair& pair, const std::string& source) {
  waiting_.push_back({.number = count_++, .labels = pair.labels, .text = pair.good});
  for (const std::string& sentence : {pair.good, pair.bad}) {
    const std::vector<TokenId> tokens = model_.tokenizer.encode(sentence);
    model_.require_embedded(tokens, source);
    if (tokens.empty()) throw Error("cannot score " + source + ": a sentence of it has no tokens");
    evaluator_.add(tokens);
    evaluator_.end_document();
  }
}

void PairsEvaluator::take(const DocumentScore& sentence) {
  Judgement& judgement = waiting_.front();
  judgement.scores.push_back(-sentence.score.nats.value());
  if (judgement.scores.size() < 2) return;
  judge(judgement);
  handler_(judgement);
  waiting_.pop_front();
}

std::string PairsEvaluator::protocol() const { return "pairs " + describe(evaluator_.plan()); }

}  // namespace lm
