#include "tasks/evaluate/second_model.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace lm {

bool shares_windows(const TextModel& first, const TextModel& second) {
  const Tokenizer &a = first.tokenizer, &b = second.tokenizer;
  return a.fingerprint() == b.fingerprint() && a.opening() == b.opening() && a.begin_tokens() == b.begin_tokens() &&
         a.end_of_text() == b.end_of_text();
}

std::int64_t common_ids(const TextModel& first, const TextModel& second) {
  const std::int64_t a = first.config().vocab_size, b = second.config().vocab_size;
  return a == b ? a : std::min({a, b, first.tokenizer.vocab_size()});
}

WindowPlan plan_against(WindowPlan plan, const TextModel& first, const TextModel& second) {
  if (plan.context == 0 && shares_windows(first, second))
    plan.context = std::min(first.config().context_length, second.config().context_length);
  complete_plan(plan, second);
  return complete_plan(plan, first);
}

SecondModel::SecondModel(Compute& compute, const TextModel& model, const WindowPlan& plan, bool at_once,
                         std::function<void(const DocumentScore&)> on_document)
    : model_(model),
      evaluator_(compute, model, plan, {.at_once = at_once}, {.document = std::move(on_document)}),
      encoder_(model.tokenizer, SpecialTokens::plain) {}

DocumentTokens SecondModel::beside(const DocumentTokens& first) {
  DocumentTokens both = first;
  both.text = [this, first](std::string_view text) {
    if (first.text) first.text(text);
    add_text(text);
  };
  both.tokens = [this, first](std::span<const TokenId> tokens) {
    if (!has_text_) {
      throw Error("cannot compare with '" + model_.path() +
                  "' on a token stream: its tokenizer is another one, which needs the text that the stream was made of");
    }
    first.tokens(tokens);
  };
  both.end = [this, first] {
    first.end();
    end_document();
  };
  return both;
}

void SecondModel::add_text(std::string_view text) {
  has_text_ = true;
  evaluator_.add_text(text);
  encoder_.feed(text, tokens_);
  hand_over();
}

void SecondModel::end_document() {
  encoder_.finish(tokens_);
  hand_over();
  evaluator_.end_document();
  has_text_ = false;
}

void SecondModel::hand_over() {
  model_.require_embedded(tokens_);
  if (!tokens_.empty()) evaluator_.add(tokens_);
  tokens_.clear();
}

}  // namespace lm
