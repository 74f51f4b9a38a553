#include "tasks/evaluate/evaluate_spans.h"

#include <array>

#include "base/error.h"
#include "base/json_number.h"
#include "base/number_text.h"
#include "objectives/span.h"
#include "tasks/evaluate/evaluate_report.h"
#include "tasks/load_tokenizer.h"
#include "tasks/score/windows.h"

namespace lm {
namespace {

// Any key will do that is always the same.
constexpr std::uint64_t kDrawsKey = 0x7370616e;
constexpr std::size_t kSequencesWaiting = 64;

/// Reads what the model was trained on from a record of settings that may lack it.
void read_span_settings(ObjectiveOptions& options, const TextModel& model) {
  const std::string& progress = model.model.record.progress;
  if (progress.empty()) return;
  const JsonValue record = JsonValue::parse(progress, model.path());
  const JsonValue* settings = record.find("settings");
  if (settings == nullptr) return;
  if (const JsonValue* density = settings->find("span-density")) density->to_double(options.span_density);
  if (const JsonValue* length = settings->find("span-length")) length->to_double(options.span_length);
}

ObjectiveOptions options_of(const TextModel& model) {
  if (!was_trained_on(model, "span")) {
    throw Error("cannot measure the span loss of '" + model.path() + "': it was trained with the objective '" +
                model.model.record.objective + "'; train with --objective span");
  }
  ObjectiveOptions options{.context_length = model.training_window(),
                           .end_of_text = model.tokenizer.end_of_text(),
                           .table = &model.tokenizer,
                           .codec = &model.tokenizer,
                           .special = special_ids(model.tokenizer),
                           .vocab_size = model.config().vocab_size};
  read_span_settings(options, model);
  return options;
}

std::string loss_text(std::optional<double> loss, const char* unit) {
  return score_text(loss, 4) + (loss ? std::string(" ") + unit : "");
}

}  // namespace

std::optional<double> SpanScore::loss() const { return quotient(nats, targets); }
std::optional<double> SpanScore::hidden_loss() const { return quotient(hidden_nats, hidden_tokens); }

SpanEvaluator::SpanEvaluator(Compute& compute, const TextModel& model)
    : model_(model),
      options_(options_of(model)),
      objective_(make_span(options_)),
      scorer_(compute, model.parameters(), model.config().context_length),
      window_(model.tokenizer.opening()) {
  model.require_embedded(window_, "what begins its texts");
  model.require_embedded(std::array{options_.end_of_text}, "what ends its texts");
}

void SpanEvaluator::add(std::span<const TokenId> tokens) {
  for (const TokenId token : tokens) {
    window_.push_back(token);
    if (std::ssize(window_) == objective_->window_length()) take_window();
  }
}

void SpanEvaluator::end_document() {
  if (!window_.empty()) take_window();
  window_ = model_.tokenizer.opening();
  ++total_.documents;
}

void SpanEvaluator::take_window() {
  const std::int64_t valid = std::ssize(window_);
  // Only what opens a text is no text.
  if (window_ == model_.tokenizer.opening()) return window_.clear();
  window_.resize(static_cast<std::size_t>(objective_->window_length()), options_.end_of_text);
  Rng rng(kDrawsKey, RngPurpose::objective, static_cast<std::uint64_t>(total_.windows));
  const Example example = objective_->make({.tokens = window_, .first_valid = 0, .end_valid = valid}, rng);
  window_.clear();
  ++total_.windows;
  ScoredSequence sequence{.input = example.input, .targets = {}, .prefix_length = example.prefix_length};
  for (std::size_t i = 0; i < example.weight.size(); ++i) {
    if (example.weight[i] != 0)
      sequence.targets.push_back({.place = static_cast<std::int64_t>(i), .token = example.target[i]});
  }
  // A window of one token, which a document's last may be, is too short to hide anything in.
  if (example.untransformed > 0 || sequence.targets.empty()) {
    ++total_.left_out;
    return;
  }
  sequence.input.resize(static_cast<std::size_t>(sequence.targets.back().place) + 1);
  waiting_.push_back(std::move(sequence));
  if (waiting_.size() == kSequencesWaiting) finish();
}

void SpanEvaluator::finish() {
  const std::vector<std::vector<TargetScore>> nats = scorer_.score(waiting_);
  for (std::size_t s = 0; s < waiting_.size(); ++s) {
    for (std::size_t i = 0; i < nats[s].size(); ++i) {
      ++total_.targets;
      total_.nats += nats[s][i].nats;
      if (model_.tokenizer.is_special(waiting_[s].targets[i].token)) continue;
      ++total_.hidden_tokens;
      total_.hidden_nats += nats[s][i].nats;
    }
  }
  waiting_.clear();
}

std::string SpanEvaluator::protocol() const {
  return "span-corruption density " + short_text(options_.span_density, 6) + " length " +
         short_text(options_.span_length, 6) + " window " + std::to_string(objective_->window_length()) +
         (model_.end_of_text_given.empty() ? "" : " end-of-text " + model_.end_of_text_given) +
         (!model_.tokenizer.closing().empty() ? kTokensLeftOut : "");
}

JsonValue to_json(const SpanScore& score, const std::string& protocol) {
  JsonValue json;
  json.set("documents", score.documents);
  json.set("windows", score.windows);
  json.set("left_out", score.left_out);
  json.set("targets", score.targets);
  json.set("hidden_tokens", score.hidden_tokens);
  json.set("nats", json_number(score.nats));
  json.set("span_loss", json_number(score.loss()));
  json.set("hidden_loss", json_number(score.hidden_loss()));
  json.set("protocol", protocol);
  return json;
}

std::string to_text(const SpanScore& score, const std::string& protocol) {
  std::string text;
  text += score_line("documents", std::to_string(score.documents));
  text += score_line("windows", std::to_string(score.windows));
  if (score.left_out > 0) text += score_line("left out", std::to_string(score.left_out));
  text += score_line("targets", std::to_string(score.targets));
  text += score_line("hidden tokens", std::to_string(score.hidden_tokens));
  text += score_line("span loss", loss_text(score.loss(), "nats a target"));
  text += score_line("hidden loss", loss_text(score.hidden_loss(), "nats a hidden token"));
  text += score_line("protocol", protocol);
  return text;
}

}  // namespace lm
