#include "tasks/score/windows.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace lm {
namespace {

bool starts_from_opening(Protocol protocol) { return protocol == Protocol::strided || protocol == Protocol::lm_eval; }

std::string describe_windows(const WindowPlan& plan) {
  const std::string context = "context " + std::to_string(plan.context);
  if (plan.pseudo == Pseudo::token) return "pseudo-log-likelihood " + context;
  if (plan.pseudo == Pseudo::within_word) return "pseudo-log-likelihood within-word " + context;
  switch (plan.protocol) {
    case Protocol::hf_stride:
      return to_string(plan.protocol) + (":" + std::to_string(plan.stride)) + " " + context;
    case Protocol::llama_cpp:
      return to_string(plan.protocol) + (" " + context);
    case Protocol::lm_eval:
      return to_string(plan.protocol) + (" " + context) + (plan.score_end ? " score-end" : "");
    case Protocol::strided:
      break;
  }
  return context + " stride " + std::to_string(plan.stride) + (plan.score_end ? " score-end" : "");
}

}  // namespace

std::string describe(const WindowPlan& plan) { return describe_windows(plan) + describe_ends(plan); }

std::string describe_ends(const WindowPlan& plan) {
  return (plan.begin.empty() ? "" : " begin " + plan.begin) + (plan.end.empty() ? "" : " end " + plan.end) +
         (plan.end_of_text.empty() ? "" : " end-of-text " + plan.end_of_text) +
         (plan.leaves_tokens_out ? kTokensLeftOut : "") + (plan.int8_products ? " products int8" : "");
}

WindowCutter::WindowCutter(const WindowPlan& plan, Ends ends, Emit emit)
    : plan_(plan), ends_(std::move(ends)), emit_(std::move(emit)) {
  LM_CHECK(plan.context >= 1);
  if (plan.protocol == Protocol::lm_eval || plan.protocol == Protocol::llama_cpp) plan_.stride = plan.context;
  LM_CHECK(plan_.stride >= 1 && plan_.stride <= plan_.context);
  LM_CHECK(!plan.score_end || starts_from_opening(plan.protocol));
  begin();
}

void WindowCutter::begin() {
  tokens_.clear();
  first_ = 0;
  next_end_ = plan_.context;
  scored_end_ = 0;
  if (plan_.protocol == Protocol::llama_cpp) add(ends_.begin_tokens);
  if (!starts_from_opening(plan_.protocol)) return;
  tokens_ = ends_.opening;
  next_end_ += 1;
  scored_end_ = std::max<std::int64_t>(1, std::ssize(tokens_));
}

void WindowCutter::add(std::span<const TokenId> tokens) {
  while (!tokens.empty()) {
    const std::size_t count = std::min(tokens.size(), static_cast<std::size_t>(next_end_ - end()));
    tokens_.insert(tokens_.end(), tokens.begin(), tokens.begin() + static_cast<std::ptrdiff_t>(count));
    tokens = tokens.subspan(count);
    if (end() < next_end_) return;
    switch (plan_.protocol) {
      case Protocol::strided:
      case Protocol::lm_eval:
        cut_strided(next_end_);
        break;
      case Protocol::hf_stride:
        cut_hugging_face(next_end_);
        break;
      case Protocol::llama_cpp:
        cut_llama_cpp();
        break;
    }
    next_end_ += plan_.stride;
  }
}

void WindowCutter::finish() {
  if (plan_.score_end) add({&ends_.end_of_text, 1});
  const bool is_empty = end() == std::ssize(ends_.opening);
  const bool asks_after = ends_.asks_after && !plan_.score_end && starts_from_opening(plan_.protocol) && !is_empty;
  // The last window asks for what comes after its last token if there is room for that one among what predicts.
  const bool has_room = end() > scored_end_ && end() <= plan_.context;
  if (end() > scored_end_) {
    if (starts_from_opening(plan_.protocol)) cut_strided(end(), asks_after && has_room);
    if (plan_.protocol == Protocol::hf_stride) cut_hugging_face(end());
  }
  if (asks_after && !has_room) emit(std::max(first_, end() - plan_.context), end(), end(), 0, true);
  begin();
}

void WindowCutter::emit(std::int64_t first, std::int64_t last, std::int64_t first_scored, std::int64_t credited,
                        bool asks_after) {
  const auto at = [&](std::int64_t place) { return tokens_.begin() + static_cast<std::ptrdiff_t>(place - first_); };
  CutWindow window;
  window.scored.tokens.assign(at(first), at(last));
  window.scored.first_scored = first_scored - first;
  window.scored.asks_after = asks_after;
  window.credited = credited;
  if (plan_.protocol == Protocol::llama_cpp && !ends_.begin_tokens.empty())
    window.scored.tokens.front() = ends_.begin_tokens.front();
  emit_(std::move(window));
}

/// Scores the places from scored_end_ to last - 1.
void WindowCutter::cut_strided(std::int64_t last, bool asks_after) {
  const std::int64_t first = std::max<std::int64_t>(0, last - 1 - plan_.context);
  emit(first, last, scored_end_, last - scored_end_, asks_after);
  scored_end_ = last;
  forget_before(last - plan_.context);  // the next window ends at least one place further
}

/// Scores the window that began L before next_end_ and ends at `last`.
void WindowCutter::cut_hugging_face(std::int64_t last) {
  const std::int64_t first = next_end_ - plan_.context;
  const std::int64_t fresh = last - scored_end_;
  // The loss is a mean over what is scored; the guide multiplies it by one less than the number of new tokens.
  if (fresh > 1) emit(first, last, std::max(first + 1, scored_end_), fresh - 1);
  scored_end_ = last;
  forget_before(first + plan_.stride);
}

void WindowCutter::cut_llama_cpp() {
  const std::int64_t first = next_end_ - plan_.context;
  const std::int64_t first_scored = plan_.context / 2 + 1;
  const std::int64_t count = plan_.context - first_scored;
  if (count > 0) emit(first, next_end_, first + first_scored, count);
  scored_end_ = next_end_;
  forget_before(next_end_);
}

void WindowCutter::forget_before(std::int64_t place) {
  const std::int64_t count = std::clamp<std::int64_t>(place - first_, 0, static_cast<std::int64_t>(tokens_.size()));
  tokens_.erase(tokens_.begin(), tokens_.begin() + static_cast<std::ptrdiff_t>(count));
  first_ += count;
}

}  // namespace lm
