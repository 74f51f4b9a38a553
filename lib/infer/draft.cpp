#include "infer/draft.h"

#include <algorithm>

namespace lm {
namespace {

// Places that are tried, and tokens that are compared, for the longest match.
constexpr int kTried = 16;
constexpr std::int64_t kCompared = 32;
// What is known before anything is: cost of a further row, and how often matches of each kind are right.
constexpr double kUsualCost = 0.25;
constexpr double kUsualTries = 4;
constexpr std::array<double, 6> kUsualSuccess = {0.3, 0.45, 0.6, 0.75, 0.85, 0.92};
// Parts of what was learned that a new observation leaves.
constexpr double kKeptSuccess = 0.98, kKeptSeconds = 0.9, kKeptCost = 0.998;
// A guess must promise more than noise.
constexpr double kLeastGain = 1.03;

std::uint64_t key_of(TokenId first, TokenId second) {
  return static_cast<std::uint64_t>(first) << 32 | static_cast<std::uint64_t>(second);
}

}  // namespace

Drafter::Drafter(std::span<const TokenId> text) {
  for (std::size_t kind = 0; kind < kKinds; ++kind) success_[kind] = {kUsualTries * kUsualSuccess[kind], kUsualTries};
  for (const TokenId token : text) {
    text_.push_back(token);
    note();
  }
  find();
}

/// Kinds of matches: of 2, 3, 4, 5 to 8, 9 to 16 tokens, and longer.
std::size_t Drafter::kind_of(std::int64_t length) {
  if (length <= 4) return static_cast<std::size_t>(length - 2);
  return length <= 8 ? 3 : length <= 16 ? 4 : 5;
}

/// Notes the place after the last two tokens.
void Drafter::note() {
  const auto place = std::ssize(text_);
  earlier_.resize(static_cast<std::size_t>(place) + 1);
  if (place < 2) return;
  std::int64_t& latest = latest_[key_of(text_[text_.size() - 2], text_.back())];
  earlier_.back() = latest;
  latest = place;
}

/// Returns how many tokens before this place are those at the text's end.
std::int64_t Drafter::match_length(std::int64_t place) const {
  const std::int64_t most = std::min(place, kCompared);
  std::int64_t length = 0;
  while (length < most &&
         text_[static_cast<std::size_t>(place - 1 - length)] == text_[text_.size() - 1 - static_cast<std::size_t>(length)])
    ++length;
  return length;
}

/// Finds the longest match, of equal ones the latest.
void Drafter::find() {
  match_ = length_ = 0;
  std::int64_t place = earlier_.back();
  for (int i = 0; i < kTried && place > 0; ++i, place = earlier_[static_cast<std::size_t>(place)]) {
    const std::int64_t length = match_length(place);
    if (length <= length_) continue;
    match_ = place;
    length_ = length;
  }
}

void Drafter::add(TokenId token) {
  if (match_ > 0) {
    Success& success = success_[kind_of(length_)];
    const bool right = text_[static_cast<std::size_t>(match_)] == token;
    success = {kKeptSuccess * success.hits + (right ? 1 : 0), kKeptSuccess * success.tries + 1};
    match_ = right ? match_ + 1 : 0;
    ++length_;
  }
  text_.push_back(token);
  note();
  if (match_ == 0) find();
}

/// Returns how many tokens promise the most tokens in a row's time.
std::int64_t Drafter::worth_guessing(std::int64_t most) const {
  double expected = 1, all_right = 1, best = kLeastGain;
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < most; ++i) {
    const Success& success = success_[kind_of(length_ + i)];
    all_right *= success.hits / success.tries;
    expected += all_right;
    const double gain = expected / (1 + static_cast<double>(i + 1) * another_);
    if (gain <= best) continue;
    best = gain;
    count = i + 1;
  }
  return count;
}

std::span<const TokenId> Drafter::guess(std::int64_t most) {
  guess_.clear();
  if (match_ == 0) return guess_;
  const std::int64_t count = worth_guessing(most);
  for (std::int64_t i = 0; i < count; ++i) {
    // Where the text ends, it goes on with the guess.
    const auto place = static_cast<std::size_t>(match_ + i);
    guess_.push_back(place < text_.size() ? text_[place] : guess_[place - text_.size()]);
  }
  return guess_;
}

void Drafter::measured(std::int64_t rows, double seconds) {
  if (one_row_ == 0) {
    if (rows == 1) one_row_ = seconds;
    return;
  }
  // Something else may have had the core for a while.
  if (rows == 1) {
    one_row_ = kKeptSeconds * one_row_ + (1 - kKeptSeconds) * std::min(seconds, 2 * one_row_);
    another_ = kKeptCost * another_ + (1 - kKeptCost) * kUsualCost;  // it may have changed
    return;
  }
  const double cost = std::clamp((seconds / one_row_ - 1) / static_cast<double>(rows - 1), 0.0, 1.5);
  another_ = kKeptSeconds * another_ + (1 - kKeptSeconds) * cost;
}

}  // namespace lm
