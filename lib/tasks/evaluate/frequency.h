// How well tokens are predicted by how often training data have them: the bias to what is frequent.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "infer/score.h"
#include "stats/calibration.h"
#include "tasks/evaluate/evaluate_report.h"
#include "text/tokenizer.h"

namespace lm {

/// Returns (vocab_size) how often the token streams at `paths` ("-": standard input) have each id, the special ones too.
/// Throws Error if one is no token stream, is cut, or was not made with the tokenizer.
std::vector<std::int64_t> count_tokens(const std::vector<std::string>& paths, const Tokenizer& tokenizer);

/// The targets whose count is in [from, to]: 0, 1 to 9, 10 to 99, and so on.
struct FrequencyBucket {
  std::int64_t from = 0, to = 0;
  std::int64_t tokens = 0;  // scored
  std::int64_t hits = 0;    // of these, how often the target is the likeliest token
  double nats = 0;          // sum over the tokens
  double target_p = 0;      // sum of the targets' p
  double likeliest_p = 0;   // sum of the largest p
  Calibration calibration;  // of the likeliest token's p
};

/// Sums up scores by the decade of the target's count.
class FrequencyBuckets {
 public:
  explicit FrequencyBuckets(std::vector<std::int64_t> counts) : counts_(std::move(counts)) {}
  void add(TokenId target, const TargetScore& score);
  /// Returns those in which there is a token, from the rarest.
  std::vector<const FrequencyBucket*> used() const;

 private:
  std::vector<std::int64_t> counts_;
  std::vector<FrequencyBucket> buckets_;  // bucket k > 0 begins at 10^(k-1)
};

/// Returns a list of the used buckets: from to tokens loss accuracy mean_p (of the likeliest) mean_target_p
/// expected_calibration_error. Losses are in the base's unit.
JsonValue to_json(const FrequencyBuckets& frequency, LogBase base);
/// Returns a table of a bucket a line, for people.
std::string to_text(const FrequencyBuckets& frequency, LogBase base);

}  // namespace lm
