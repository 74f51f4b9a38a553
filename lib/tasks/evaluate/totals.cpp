#include "tasks/evaluate/totals.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace lm {

namespace {

constexpr double kSquareScale = 0x1p-20;

}  // namespace

std::optional<double> quotient(double numerator, double denominator) {
  if (denominator == 0) return std::nullopt;
  return numerator / denominator;
}

void Score::operator+=(const Score& other) {
  tokens += other.tokens;
  words += other.words;
  bytes += other.bytes;
  nats += other.nats;
  text_nats += other.text_nats;
  all_scored = all_scored && other.all_scored;
}

std::optional<double> Score::loss() const { return quotient(nats.value(), static_cast<double>(tokens)); }

std::optional<double> Score::perplexity() const {
  if (tokens == 0) return std::nullopt;
  return std::exp(*loss());
}

std::optional<double> Score::word_perplexity() const {
  if (words == 0 || tokens == 0 || !all_scored) return std::nullopt;
  return std::exp(nats.value() / static_cast<double>(words));
}

std::optional<double> Score::bits_per_byte() const {
  return quotient(text_nats.value(), std::numbers::ln2 * static_cast<double>(bytes));
}

void ClusterSums::add(std::int64_t tokens, double nats) {
  if (tokens == 0) return;
  const auto x = static_cast<double>(tokens);
  ++clusters;
  tokens_squared += x * x * kSquareScale;
  tokens_nats += x * nats * kSquareScale;
  nats_squared += nats * nats * kSquareScale;
}

void ClusterSums::operator+=(const ClusterSums& other) {
  clusters += other.clusters;
  tokens_squared += other.tokens_squared;
  tokens_nats += other.tokens_nats;
  nats_squared += other.nats_squared;
}

std::optional<double> ClusterSums::standard_error(double nats, std::int64_t tokens) const {
  if (clusters < 2 || tokens == 0) return std::nullopt;
  const double ratio = nats / static_cast<double>(tokens), n = static_cast<double>(clusters);
  const double squares = nats_squared.value() - 2 * ratio * tokens_nats.value() + ratio * ratio * tokens_squared.value();
  return std::sqrt(n / (n - 1) * std::max(0.0, squares) / kSquareScale) / static_cast<double>(tokens);
}

void CorpusScore::operator+=(const CorpusScore& other) {
  score += other.score;
  documents += other.documents;
  perplexity_sum += other.perplexity_sum;
  perplexity_count += other.perplexity_count;
  by_document += other.by_document;
  by_block += other.by_block;
}

std::optional<double> CorpusScore::macro_perplexity() const {
  return quotient(perplexity_sum, static_cast<double>(perplexity_count));
}

std::optional<StandardError> CorpusScore::standard_error() const {
  const bool by_documents = by_document.clusters >= kFewDocuments;
  const ClusterSums& sums = by_documents ? by_document : by_block;
  const std::optional<double> error = sums.standard_error(score.nats.value(), score.tokens);
  if (!error) return std::nullopt;
  return StandardError{.nats = *error, .by_document = by_documents, .clusters = sums.clusters};
}

}  // namespace lm
