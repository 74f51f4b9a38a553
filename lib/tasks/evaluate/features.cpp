#include "tasks/evaluate/features.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "objectives/mixture.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/score/windows.h"

namespace lm {
namespace {

// Windows wait until there are this many batches of them, so that those of about equal length meet in one.
constexpr std::int64_t kWaitingBatches = 8;

std::int64_t checked_context(const TextModel& model, std::int64_t context) {
  const std::int64_t longest = model.config().context_length;
  if (context == 0) context = longest;
  const std::string cannot = "cannot compute features with a context of " + std::to_string(context) + ": ";
  if (context > longest) throw Error(cannot + "the context of '" + model.path() + "' is " + std::to_string(longest));
  const std::int64_t around = std::ssize(model.tokenizer.opening()) + std::ssize(model.closing());
  if (context <= around) {
    throw Error(cannot + "with the " + std::to_string(around) + " that stand around each text, it must be " +
                std::to_string(around + 1) + " at least");
  }
  return context;
}

}  // namespace

Sight sight_of(const TextModel& model) {
  constexpr std::array kBothWays = {"masked", "prefix", "span"};
  const Mixture mixture = parse_mixture(model.model.record.objective);
  const bool sees = std::any_of(kBothWays.begin(), kBothWays.end(), [&](const char* name) { return mixture.trains(name); });
  return sees ? Sight::both_ways : Sight::left_to_right;
}

FeatureExtractor::FeatureExtractor(Compute& compute, const TextModel& model, std::int64_t context, Handler handler)
    : model_(model),
      sight_(sight_of(model)),
      context_(checked_context(model, context)),
      opening_(model.tokenizer.opening()),
      closing_(model.closing()),
      handler_(std::move(handler)),
      pooler_(compute, model.parameters(), context_),
      sums_(static_cast<std::size_t>(model.config().channels)),
      features_(sums_.size()) {
  model.require_embedded(opening_, "what begins its texts");
  model.require_embedded(closing_, "what ends its texts");
}

void FeatureExtractor::add(std::span<const TokenId> tokens) {
  const std::int64_t room = context_ - std::ssize(opening_) - std::ssize(closing_);
  tokens_ += std::ssize(tokens);
  document_tokens_ += std::ssize(tokens);
  for (const TokenId token : tokens) {
    if (std::ssize(window_) == room) push_window(false);
    window_.push_back(token);
  }
}

void FeatureExtractor::end_document(const std::string& place) {
  if (document_tokens_ == 0) throw Error("cannot compute features of " + place + ": it has no tokens; leave it out");
  push_window(true);
  document_tokens_ = 0;
}

void FeatureExtractor::push_window(bool ends_document) {
  ScoredSequence& sequence = waiting_.emplace_back();
  sequence.input = opening_;
  for (const TokenId token : window_) {
    sequence.targets.push_back({.place = std::ssize(sequence.input), .token = token});
    sequence.input.push_back(token);
  }
  sequence.input.insert(sequence.input.end(), closing_.begin(), closing_.end());
  if (sight_ == Sight::both_ways) sequence.prefix_length = std::ssize(sequence.input);
  waiting_rows_ += std::ssize(sequence.input);
  ends_.push_back(ends_document);
  window_.clear();
  if (waiting_rows_ >= kWaitingBatches * pooler_.batch_rows()) finish();
}

void FeatureExtractor::finish() {
  const std::vector<double> sums = pooler_.sum(waiting_);
  for (std::size_t i = 0; i < waiting_.size(); ++i)
    take(std::span(sums).subspan(i * sums_.size(), sums_.size()), std::ssize(waiting_[i].targets), ends_[i]);
  waiting_.clear();
  ends_.clear();
  waiting_rows_ = 0;
}

void FeatureExtractor::take(std::span<const double> sums, std::int64_t count, bool ends_document) {
  for (std::size_t c = 0; c < sums.size(); ++c) sums_[c] += sums[c];
  counted_ += count;
  if (!ends_document) return;
  for (std::size_t c = 0; c < sums_.size(); ++c) features_[c] = static_cast<float>(sums_[c] / static_cast<double>(counted_));
  if (!std::all_of(features_.begin(), features_.end(), [](float value) { return std::isfinite(value); }))
    throw Error("cannot compute features: the hidden states of '" + model_.path() + "' are not finite; are its weights?");
  handler_(features_);
  std::fill(sums_.begin(), sums_.end(), 0.0);
  counted_ = 0;
}

std::string FeatureExtractor::protocol() const {
  WindowPlan around;
  name_ends(around, model_, true);
  return std::string(to_string(sight_)) + " context " + std::to_string(context_) + describe_ends(around);
}

}  // namespace lm
