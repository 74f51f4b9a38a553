#include "tasks/evaluate/comparison.h"

#include <cmath>
#include <numbers>

#include "base/error.h"
#include "stats/mean.h"

namespace lm {
void SecondScore::operator+=(const SecondScore& other) {
  score += other.score;
  compared += other.compared;
  agreements += other.agreements;
  kl += other.kl;
  kl_reverse += other.kl_reverse;
}

std::optional<double> difference_of(const Score& first, const Score& second, bool per_token) {
  const std::optional<double> a = per_token ? first.loss() : first.bits_per_byte();
  const std::optional<double> b = per_token ? second.loss() : second.bits_per_byte();
  return a && b ? std::optional(*a - *b) : std::nullopt;
}

void Comparison::add(const DocumentScore& first, const SecondScore& second) {
  ++documents_;
  const Score &a = first.score, &b = second.score;
  first_ += a;
  second_ += second;
  same_bytes_ = same_bytes_ && a.bytes == b.bytes;
  const double nats = per_token_ ? a.nats.value() - b.nats.value() : a.text_nats.value() - b.text_nats.value();
  difference_ += nats;
  by_document_.add(per_token_ ? a.tokens : a.bytes, nats);
  const std::optional<double> difference = difference_of(a, b, per_token_);
  if (!difference) return;
  ++judged_;
  halves_won_ += *difference < 0 ? 2 : *difference == 0 ? 1 : 0;
}

std::optional<double> Comparison::difference() const {
  if (per_token_) return quotient(difference_.value(), first_.tokens);
  return bits_per_byte_difference();
}

std::optional<double> Comparison::bits_per_byte_difference() const { return difference_of(first_, second_.score, false); }

std::optional<DifferenceInterval> Comparison::interval() const {
  const bool by_document = by_document_.clusters >= kFewDocuments;
  if (!per_token_ && (!by_document || !same_bytes_)) return std::nullopt;
  const ClusterSums& sums = by_document ? by_document_ : by_block_;
  const std::optional<double> error = sums.standard_error(difference_.value(), per_token_ ? first_.tokens : first_.bytes);
  if (!error) return std::nullopt;
  const double standard_error = per_token_ ? *error : *error / std::numbers::ln2;
  const double half = kNormalQuantile95 * standard_error;
  return DifferenceInterval{.standard_error = standard_error,
                            .low = *difference() - half,
                            .high = *difference() + half,
                            .by_document = by_document,
                            .clusters = sums.clusters};
}

std::optional<double> Comparison::wins() const { return quotient(static_cast<double>(halves_won_) / 2, judged_); }

PairedWindows::Open& PairedWindows::of(std::int64_t document) {
  LM_CHECK(document >= first_);
  while (document - first_ >= std::ssize(open_)) open_.emplace_back();
  return open_[static_cast<std::size_t>(document - first_)];
}

void PairedWindows::add(const WindowTargets& window) {
  Open& open = of(window.document);
  SecondScore& second = open.second;
  if (window.scores.empty()) return;
  // With the protocol hf-stride the window's mean counts, for fewer tokens than it has.
  const double weight = static_cast<double>(window.credited) / static_cast<double>(window.scores.size());
  for (std::size_t i = 0; i < window.scores.size(); ++i) {
    const TargetScore& score = window.scores[i];
    const AgainstScore& against = score.against;
    second.score.nats += weight * against.nats;
    if (stands_for_text(tokenizer_, window.tokens[i])) second.score.text_nats += against.nats;
    second.kl += against.kl;
    second.kl_reverse += against.kl_reverse;
    second.agreements += against.agrees ? 1 : 0;
    open.block_difference += weight * (score.nats - against.nats);
  }
  second.compared += std::ssize(window.scores);
  second.score.tokens += window.credited;
  open.block_tokens += window.credited;
  if (open.block_tokens >= kBlockTokens) close_block(open);
}

void PairedWindows::close_block(Open& open) {
  comparison_.add_block(open.block_tokens, open.block_difference);
  open.block_tokens = 0;
  open.block_difference = 0;
}

SecondScore PairedWindows::take(const DocumentScore& first) {
  LM_CHECK(first.number == first_);
  Open open = of(first.number);
  close_block(open);
  open_.pop_front();
  ++first_;
  open.second.score.bytes = first.score.bytes;
  LM_CHECK(open.second.score.tokens == first.score.tokens);
  return open.second;
}

}  // namespace lm
