// How many continuations a text could have had at each token, as the model sees it: there is no single right one.
#pragma once

#include <cstdint>
#include <string>

#include "base/json.h"
#include "infer/score.h"
#include "stats/grid_quantiles.h"
#include "tasks/evaluate/evaluate_report.h"

namespace lm {

/// Returns exp(entropy): the number of equally likely tokens with the same entropy.
double effective_continuations(const TargetScore& score);

/// Sums up entropies H, exp(H), and the numbers of tokens whose p is at least half of the largest. Quantiles of H are within
/// 0.0005 nats, so that those of exp(H) are within 0.05 %; those of the numbers are exact.
class Continuations {
 public:
  void add(const TargetScore& score);

  std::int64_t tokens() const { return tokens_; }
  double mean_entropy() const { return mean_of(entropy_sum_); }
  double mean_effective() const { return mean_of(effective_sum_); }
  double mean_likely() const { return mean_of(likely_sum_); }
  /// Returns the fraction of tokens at which two or more are at least half as likely as the best.
  double open() const { return mean_of(static_cast<double>(open_)); }
  double entropy_quantile(double q) const { return entropy_.quantile(q); }
  double effective_quantile(double q) const;
  double likely_quantile(double q) const { return likely_.quantile(q); }

 private:
  double mean_of(double sum) const { return sum / static_cast<double>(tokens_); }

  std::int64_t tokens_ = 0, open_ = 0;
  double entropy_sum_ = 0, effective_sum_ = 0, likely_sum_ = 0;
  GridQuantiles entropy_{0.001, 25};       // ln V of any vocabulary is below 23
  GridQuantiles likely_{1, 4294967296.0};  // as many counters as the largest number
};

/// Returns the keys tokens, entropy, effective and likely, each an object of mean p10 p50 p90, and open; null of no token.
/// Entropies are in nats.
JsonValue to_json(const Continuations& continuations);
/// Returns one value a line, for people.
std::string to_text(const Continuations& continuations, LogBase base);

}  // namespace lm
