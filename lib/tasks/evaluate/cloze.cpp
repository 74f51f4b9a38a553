#include "tasks/evaluate/cloze.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/json.h"
#include "tasks/evaluate/evaluate.h"

namespace lm {
namespace {

constexpr std::int64_t kClozeRows = 2048;
// Items wait until there are this many batches of them, so that sequences of about equal length meet in one.
constexpr std::int64_t kClozeBatches = 8;

/// Returns how many tokens two texts have in common at their beginning, at most `most`.
std::int64_t common_beginning(const std::vector<TokenId>& a, const std::vector<TokenId>& b, std::int64_t most) {
  const std::int64_t length = std::min({std::ssize(a), std::ssize(b), most});
  std::int64_t place = 0;
  while (place < length && a[static_cast<std::size_t>(place)] == b[static_cast<std::size_t>(place)]) ++place;
  return place;
}

}  // namespace

ClozeEvaluator::ClozeEvaluator(Compute& compute, const TextModel& model, const WindowPlan& plan, Normalize normalize,
                               Handler handler)
    : model_(model),
      plan_(complete_plan(plan, model)),
      normalize_(normalize),
      handler_(std::move(handler)),
      scorer_(compute, model.parameters(), plan_.context, kClozeRows, {.all = true}) {}

/// Throws Error if nothing of a candidate is left to score, or if nothing precedes what is.
ClozeEvaluator::Encoded ClozeEvaluator::encode(const ClozeItem& item, const std::string& source) const {
  const Tokenizer& tokenizer = model_.tokenizer;
  const std::vector<TokenId> opening = tokenizer.opening();
  const std::vector<TokenId> context = tokenizer.encode(item.context);
  Encoded encoded;
  encoded.first = std::ssize(context);
  for (const std::string& ending : item.endings) {
    std::vector<TokenId>& tokens = encoded.tokens.emplace_back(tokenizer.encode(item.context + ending));
    model_.require_embedded(tokens, source);
    encoded.first = common_beginning(context, tokens, encoded.first);
  }
  for (std::size_t i = 0; i < item.endings.size(); ++i) {
    std::vector<TokenId>& tokens = encoded.tokens[i];
    if (std::ssize(tokens) == encoded.first)
      throw Error("cannot score " + source + ": its ending " + json_quote(item.endings[i]) + " has no tokens");
    tokens.insert(tokens.begin(), opening.begin(), opening.end());
    if (plan_.score_end) tokens.push_back(tokenizer.end_of_text());
  }
  encoded.first += std::ssize(opening);
  if (encoded.first == 0)
    throw Error("cannot score " + source + ": no token is before its endings; give it a context, or name one with --begin");
  return encoded;
}

void ClozeEvaluator::ask(const Encoded& encoded, std::int64_t dropped) {
  for (const std::vector<TokenId>& tokens : encoded.tokens) {
    ScoredSequence& sequence = sequences_.emplace_back();
    sequence.input.assign(tokens.begin() + dropped, tokens.end() - 1);
    for (std::int64_t i = encoded.first; i < std::ssize(tokens); ++i)
      sequence.targets.push_back({.place = i - 1 - dropped, .token = tokens[static_cast<std::size_t>(i)]});
    waiting_rows_ += std::ssize(sequence.input);
  }
}

void ClozeEvaluator::add(const ClozeItem& item, const std::string& source) {
  if (last_words_ && *last_words_ != item.is_last_word()) {
    throw Error("cannot score " + source + " with the items before it: it has " +
                (item.is_last_word() ? "only a text, and they have endings" : "endings, and they have only a text") +
                "; evaluate the two apart");
  }
  last_words_ = item.is_last_word();
  const Encoded encoded = encode(item, source);
  std::int64_t longest = 0;
  for (const std::vector<TokenId>& tokens : encoded.tokens) longest = std::max(longest, std::ssize(tokens));
  const std::int64_t dropped = std::max<std::int64_t>(0, longest - 1 - plan_.context);
  if (dropped >= encoded.first) {
    throw Error("cannot score " + source + ": an ending of " + std::to_string(longest - encoded.first) +
                " tokens does not fit a context of " + std::to_string(plan_.context) + "; shorten it");
  }
  Waiting& waiting = waiting_.emplace_back();
  waiting.judgement = {.number = count_++,
                       .labels = item.labels,
                       .text = item.context + item.endings[static_cast<std::size_t>(item.answer)],
                       .answer = item.answer,
                       .cut = dropped > 0};
  for (const std::string& ending : item.endings)
    waiting.divisors.push_back(normalize_ == Normalize::bytes ? static_cast<double>(ending.size()) : 1);
  ask(encoded, dropped);
  if (waiting_rows_ >= kClozeBatches * scorer_.batch_rows()) finish();
}

/// Turns a candidate's nats into its score; a last word is right if each of its tokens is the likeliest.
void ClozeEvaluator::settle(Judgement& judgement, std::size_t sequence,
                            const std::vector<std::vector<TargetScore>>& scores) const {
  double log_p = 0;
  bool greedy = true;
  for (std::size_t i = 0; i < scores[sequence].size(); ++i) {
    log_p -= scores[sequence][i].nats;
    greedy = greedy && scores[sequence][i].likeliest == sequences_[sequence].targets[i].token;
  }
  judgement.scores.push_back(log_p);
  if (!last_words()) return;
  judgement.right = greedy ? 1 : 0;
  judgement.tokens = std::ssize(scores[sequence]);
}

void ClozeEvaluator::finish() {
  const std::vector<std::vector<TargetScore>> scores = scorer_.score(sequences_);
  std::size_t next = 0;
  for (Waiting& waiting : waiting_) {
    Judgement& judgement = waiting.judgement;
    for (const double divisor : waiting.divisors) {
      settle(judgement, next++, scores);
      judgement.scores.back() /= divisor;
    }
    if (!last_words()) judge(judgement);
    handler_(judgement);
  }
  waiting_.clear();
  sequences_.clear();
  waiting_rows_ = 0;
}

std::string ClozeEvaluator::protocol() const {
  const std::string what = last_words() ? "last-word" : "cloze";
  return what + " context " + std::to_string(plan_.context) +
         (last_words() ? "" : " normalize " + std::string(to_string(normalize_))) + (plan_.score_end ? " score-end" : "") +
         describe_ends(plan_);
}

}  // namespace lm
