// What documents add up to: the totals from which every number of a report is computed, and their parts joined again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/fixed_sum.h"

namespace lm {

/// A standard error is taken over documents if at least so many have scored tokens.
constexpr std::int64_t kFewDocuments = 20;

/// Returns numerator / denominator; empty if that is 0.
std::optional<double> quotient(double numerator, double denominator);
inline std::optional<double> quotient(double numerator, std::int64_t denominator) {
  return quotient(numerator, static_cast<double>(denominator));
}

/// The totals of one document or of several.
struct Score {
  std::int64_t tokens = 0;  // that count in nats; with a masked model no special ones
  std::int64_t words = 0;   // runs of what is not ASCII whitespace, in the whole text
  std::int64_t bytes = 0;   // of the scored tokens, or of the text if tokens do not hold all of it; special ones have none
  FixedSum nats;
  FixedSum text_nats;      // of the scored tokens that are not special: for bits per byte
  bool all_scored = true;  // false if the protocol leaves tokens unscored: then nats / words means nothing

  void operator+=(const Score& other);
  /// Returns exp(nats / tokens); empty if no token was scored.
  std::optional<double> perplexity() const;
  /// Returns exp(nats / words); empty if there are none, or if not all of the text was scored.
  std::optional<double> word_perplexity() const;
  /// Returns text_nats / (ln 2 * bytes); empty if there are no bytes.
  std::optional<double> bits_per_byte() const;
  /// Returns the mean of nats over the tokens; empty if no token was scored.
  std::optional<double> loss() const;
};

/// The sums that the standard error of a mean over tokens needs, which are drawn as clusters (documents, or blocks of one).
/// Squares are divided by 2^20, so that they stay in a FixedSum's range.
struct ClusterSums {
  std::int64_t clusters = 0;  // with a scored token
  FixedSum tokens_squared, tokens_nats, nats_squared;

  void add(std::int64_t tokens, double nats);
  void operator+=(const ClusterSums& other);
  /// Returns the standard error of the ratio nats / tokens of sums over the clusters (Cochran 1977, 6.3):
  /// sqrt(n / (n - 1) * sum of (nats_i - ratio * tokens_i)^2) / sum of tokens_i. Empty for fewer than two clusters.
  std::optional<double> standard_error(double nats, std::int64_t tokens) const;
};

/// The standard error of a corpus' loss, and what it was clustered by.
struct StandardError {
  double nats = 0;  // a token
  bool by_document = true;
  std::int64_t clusters = 0;
};

struct CorpusScore {
  Score score;
  std::int64_t documents = 0;
  double perplexity_sum = 0;  // of the documents that have one
  std::int64_t perplexity_count = 0;
  ClusterSums by_document;
  ClusterSums by_block;  // of consecutive windows of a document

  void operator+=(const CorpusScore& other);
  /// Returns the mean of the documents' own perplexities, over those that have one.
  std::optional<double> macro_perplexity() const;
  /// Returns the standard error of loss(): over documents if at least 20 have scored tokens, else over blocks.
  std::optional<StandardError> standard_error() const;
};

struct DocumentScore {
  Score score;
  std::int64_t number = 0;  // from 0
  std::string document;     // its name, or its text if it has none
  std::string record;       // the JSON that it came in, if that is kept
};

}  // namespace lm
