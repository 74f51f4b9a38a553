// Two models on the same documents: how much better one predicts them, how certain that is, and how they differ.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tasks/evaluate/evaluate.h"
#include "tasks/evaluate/evaluate_report.h"
#include "tasks/evaluate/totals.h"

namespace lm {

/// What a second model says of a document or of several. The sums over tokens are there only if the two share windows.
struct SecondScore {
  Score score = {};                   // its own
  std::int64_t compared = 0;          // tokens whose distributions were compared
  std::int64_t agreements = 0;        // of these, where both find the same token likeliest
  FixedSum kl = {}, kl_reverse = {};  // KL(first || second), KL(second || first)

  void operator+=(const SecondScore& other);
};

/// A mean difference's standard error and its 95 % interval, and the clusters that it was taken over.
struct DifferenceInterval {
  double standard_error = 0, low = 0, high = 0;
  bool by_document = true;
  std::int64_t clusters = 0;
};

/// Sums up differences "first - second", which are negative where the first model predicts better, in bounded memory.
class Comparison {
 public:
  /// per_token: the two share windows, so that a difference is in nats a token; else it is in bits a byte.
  explicit Comparison(bool per_token) : per_token_(per_token) {}

  void add(const DocumentScore& first, const SecondScore& second);
  /// Adds consecutive windows of a document. Not unless per_token.
  void add_block(std::int64_t tokens, double difference) { by_block_.add(tokens, difference); }

  bool per_token() const { return per_token_; }
  std::int64_t documents() const { return documents_; }
  const Score& first() const { return first_; }
  const SecondScore& second() const { return second_; }
  /// Returns the mean difference: sum of nats / tokens, or sum of text_nats / (ln 2 * bytes).
  std::optional<double> difference() const;
  std::optional<double> bits_per_byte_difference() const;
  /// Returns how certain difference() is: by the ratio estimator over documents if at least 20 count (estimate_ratio() of
  /// stats/mean.h on the differences), else over blocks, which only those that share windows have. Nothing if the two do not
  /// count the same bytes, as protocols that leave tokens unscored do.
  std::optional<DifferenceInterval> interval() const;
  /// Returns the fraction of documents with a scored token that the first model predicts better; a tie is half of one.
  std::optional<double> wins() const;

 private:
  bool per_token_;
  std::int64_t documents_ = 0, judged_ = 0, halves_won_ = 0;
  bool same_bytes_ = true;
  Score first_;
  SecondScore second_;
  FixedSum difference_;  // nats, or text_nats unless per_token_
  ClusterSums by_document_;
  ClusterSums by_block_;
};

/// Collects windows whose tokens were scored by two models into their documents.
class PairedWindows {
 public:
  /// Both outlive it.
  PairedWindows(const Tokenizer& tokenizer, Comparison& comparison) : tokenizer_(tokenizer), comparison_(comparison) {}
  void add(const WindowTargets& window);
  /// Returns what the second model says of the next document, all of whose windows have come.
  SecondScore take(const DocumentScore& first);

 private:
  struct Open {
    SecondScore second;
    std::int64_t block_tokens = 0;
    double block_difference = 0;
  };
  Open& of(std::int64_t document);
  void close_block(Open& open);

  const Tokenizer& tokenizer_;
  Comparison& comparison_;
  std::deque<Open> open_;
  std::int64_t first_ = 0;  // number of open_.front()
};

/// Returns the difference of one document: in nats a token, or bits a byte.
std::optional<double> difference_of(const Score& first, const Score& second, bool per_token);

/// Returns the columns that a comparison adds to a table of documents.
std::vector<std::string> comparison_columns(bool per_token);
/// Returns the keys against_nats difference and, if per_token, kl agreement, for a document or all of them.
JsonValue row_json(const Score& first, const SecondScore& second, bool per_token, LogBase base);
/// Returns the keys tokens documents difference unit standard_error low high over bits_per_byte_difference wins kl
/// kl_reverse agreement protocol (the second model's); what is not known is null. Differences in nats a token are converted
/// to the base's unit; KL stays in nats.
JsonValue to_json(const Comparison& comparison, LogBase base, std::string_view protocol);
/// Returns one value a line, for people.
std::string to_text(const Comparison& comparison, LogBase base, std::string_view path, std::string_view protocol);

}  // namespace lm
