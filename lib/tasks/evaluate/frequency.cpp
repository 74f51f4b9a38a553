#include "tasks/evaluate/frequency.h"

#include <cmath>
#include <limits>

#include "base/file.h"
#include "base/json_number.h"
#include "base/number_text.h"
#include "data/token_file.h"
#include "tasks/evaluate/calibration_report.h"
#include "tasks/load_tokenizer.h"

namespace lm {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 14;

/// Returns the number of a count's digits; 0 for a count of 0.
std::size_t bucket_of(std::int64_t count) {
  std::size_t bucket = 0;
  for (; count > 0; count /= 10) ++bucket;
  return bucket;
}

double mean_of(double sum, std::int64_t count) { return sum / static_cast<double>(count); }

}  // namespace

std::vector<std::int64_t> count_tokens(const std::vector<std::string>& paths, const Tokenizer& tokenizer) {
  std::vector<std::int64_t> counts(static_cast<std::size_t>(tokenizer.vocab_size()), 0);
  std::vector<TokenId> tokens(kPiece);
  for (const std::string& path : paths) {
    TokenReader reader(open_input(path));
    require_same_tokenizer(tokenizer, reader.info(), reader.name());
    while (const std::size_t size = reader.read(tokens)) {
      for (std::size_t i = 0; i < size; ++i) ++counts[tokens[i]];
    }
  }
  return counts;
}

void FrequencyBuckets::add(TokenId target, const TargetScore& score) {
  const std::size_t place = bucket_of(target < counts_.size() ? counts_[target] : 0);
  for (std::int64_t from = 0; buckets_.size() <= place;) {
    if (!buckets_.empty()) from = buckets_.back().to + 1;
    FrequencyBucket& bucket = buckets_.emplace_back();
    bucket.from = from;
    constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
    bucket.to = from == 0 ? 0 : from > kLargest / 10 ? kLargest : from * 10 - 1;
  }
  FrequencyBucket& bucket = buckets_[place];
  const double highest = std::exp(-score.highest_nats);
  ++bucket.tokens;
  bucket.hits += is_hit(score, target) ? 1 : 0;
  bucket.nats += score.nats;
  bucket.target_p += std::exp(-score.nats);
  bucket.likeliest_p += highest;
  bucket.calibration.add(highest, is_hit(score, target));
}

std::vector<const FrequencyBucket*> FrequencyBuckets::used() const {
  std::vector<const FrequencyBucket*> used;
  for (const FrequencyBucket& bucket : buckets_) {
    if (bucket.tokens > 0) used.push_back(&bucket);
  }
  return used;
}

JsonValue to_json(const FrequencyBuckets& frequency, LogBase base) {
  JsonValue::Array list;
  for (const FrequencyBucket* bucket : frequency.used()) {
    JsonValue& json = list.emplace_back();
    json.set("from", bucket->from).set("to", bucket->to).set("tokens", bucket->tokens);
    json.set("loss", json_number(mean_of(bucket->nats, bucket->tokens) / log_of(base)));
    json.set("accuracy", mean_of(static_cast<double>(bucket->hits), bucket->tokens));
    json.set("mean_p", mean_of(bucket->likeliest_p, bucket->tokens));
    json.set("mean_target_p", mean_of(bucket->target_p, bucket->tokens));
    json.set("expected_calibration_error", json_number(calibration_error(bucket->calibration)));
  }
  return list;
}

std::string to_text(const FrequencyBuckets& frequency, LogBase base) {
  const auto row = [](const std::string& count, std::string tokens, std::string loss, std::string accuracy,
                      std::string mean_p, std::string target_p, std::string error) {
    return score_line("  " + count, align_right(std::move(tokens), 10) + align_right(std::move(loss), 10) +
                                        align_right(std::move(accuracy), 10) + align_right(std::move(mean_p), 10) +
                                        align_right(std::move(target_p), 10) + align_right(std::move(error), 10));
  };
  std::string text = score_line("by frequency", "in training, of the token that came");
  text += row("times", "tokens", unit_of(base), "accuracy", "mean p", "of target", "error");
  for (const FrequencyBucket* bucket : frequency.used()) {
    const std::string range = bucket->to == 0 ? "0" : std::to_string(bucket->from) + "-" + std::to_string(bucket->to);
    text +=
        row(range, std::to_string(bucket->tokens), fixed_text(mean_of(bucket->nats, bucket->tokens) / log_of(base), 4),
            fixed_text(mean_of(static_cast<double>(bucket->hits), bucket->tokens), 4),
            fixed_text(mean_of(bucket->likeliest_p, bucket->tokens), 4),
            fixed_text(mean_of(bucket->target_p, bucket->tokens), 4), score_text(calibration_error(bucket->calibration), 4));
  }
  return text;
}

}  // namespace lm
