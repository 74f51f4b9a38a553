#include "tasks/evaluate/limits.h"

#include <cmath>
#include <utility>

#include "base/error.h"
#include "tasks/evaluate/calibration_report.h"

namespace lm {

Limits::Limits(const LimitsRequest& request, const TextModel& model, LogBase base)
    : request_(request), model_(model), base_(base) {
  if (request.against != nullptr) {
    const bool shared = shares_windows(model, *request.against);
    comparison_.emplace(shared);
    if (shared) pairs_.emplace(model.tokenizer, *comparison_);
  }
  if (request.calibration) calibration_.emplace();
  if (request.continuations) continuations_.emplace();
  if (!request.frequency.empty()) frequency_.emplace(count_tokens(request.frequency, model.tokenizer));
}

WindowPlan Limits::plan(const WindowPlan& plan) const {
  return comparison_ ? plan_against(plan, model_, *request_.against) : complete_plan(plan, model_);
}

std::vector<LevelColumns> Limits::columns() const {
  std::vector<LevelColumns> columns;
  if (comparison_) {
    for (const Level level : {Level::corpus, Level::document})
      columns.push_back({.level = level, .columns = comparison_columns(per_token())});
  }
  if (continuations_) columns.push_back({.level = Level::token, .columns = {"effective", "likely"}});
  return columns;
}

void Limits::attach(EvaluatorOptions& options, EvaluationSink& sink, NextDocument next) {
  next_ = std::move(next);
  sink.document = [this](const DocumentScore& document) { next_(document, JsonValue()); };
  if (!request_.any()) return;
  options.all = calibration_ || continuations_ || frequency_;
  options.against = per_token() ? request_.against : nullptr;
  if (options.all || per_token()) sink.window = [this](const WindowTargets& window) { add(window); };
  if (comparison_) sink.document = [this](const DocumentScore& document) { add(document); };
}

DocumentTokens Limits::beside(DocumentTokens first, Compute& compute, const WindowPlan& plan, bool at_once) {
  if (!comparison_) return first;
  const TextModel& other = *request_.against;
  second_plan_ = per_token() ? plan_against(plan, other, model_) : complete_plan(plan, other);
  if (per_token()) {
    first.tokens = [&other, next = std::move(first.tokens)](std::span<const TokenId> tokens) {
      other.require_embedded(tokens);
      next(tokens);
    };
    return first;
  }
  second_ = std::make_unique<SecondModel>(compute, other, plan, at_once, [this](const DocumentScore& document) {
    second_documents_.push_back(document);
    match_documents();
  });
  return second_->beside(first);
}

void Limits::finish() {
  if (second_) second_->finish();
  LM_CHECK(first_documents_.empty() && second_documents_.empty());
}

void Limits::add(const WindowTargets& window) {
  if (pairs_) pairs_->add(window);
  for (std::size_t i = 0; i < window.scores.size(); ++i) {
    const TargetScore& score = window.scores[i];
    const TokenId target = window.tokens[i];
    if (calibration_) calibration_->add(std::exp(-score.highest_nats), is_hit(score, target));
    if (frequency_) frequency_->add(target, score);
    if (continuations_) continuations_->add(score);
  }
}

void Limits::add(const DocumentScore& document) {
  if (pairs_) return report(document, pairs_->take(document));
  first_documents_.push_back(document);
  match_documents();
}

void Limits::match_documents() {
  while (!first_documents_.empty() && !second_documents_.empty()) {
    const DocumentScore first = std::move(first_documents_.front()), second = std::move(second_documents_.front());
    first_documents_.pop_front();
    second_documents_.pop_front();
    LM_CHECK(first.number == second.number);
    report(first, {.score = second.score});
  }
}

void Limits::report(const DocumentScore& document, const SecondScore& second) {
  comparison_->add(document, second);
  next_(document, row_json(document.score, second, per_token(), base_));
}

JsonValue Limits::more_of(const TokenScore& token) const {
  if (!continuations_) return {};
  JsonValue json;
  json.set("effective", token.scored ? JsonValue(effective_continuations(token.score)) : JsonValue());
  return json.set("likely", token.scored ? JsonValue(token.score.likely) : JsonValue());
}

MoreOfRow Limits::more_of_corpus(ReportForm form) const {
  MoreOfRow more;
  if (comparison_) {
    const std::string& path = request_.against->path();
    const std::string protocol = describe(second_plan_);
    more.text += to_text(*comparison_, base_, path, protocol);
    if (form == ReportForm::tsv) {
      more.json = row_json(comparison_->first(), comparison_->second(), per_token(), base_);
    } else {
      more.json.set("name", model_.path()).set("against", path);
      more.json.set("comparison", to_json(*comparison_, base_, protocol));
    }
  }
  if (calibration_) {
    more.json.set("calibration", to_json(*calibration_));
    more.text += to_text(*calibration_);
  }
  if (frequency_) {
    more.json.set("frequency", to_json(*frequency_, base_));
    more.text += to_text(*frequency_, base_);
  }
  if (continuations_) {
    more.json.set("continuations", to_json(*continuations_));
    more.text += to_text(*continuations_, base_);
  }
  return more;
}

}  // namespace lm
