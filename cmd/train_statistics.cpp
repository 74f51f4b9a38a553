#include "train_statistics.h"

#include <cstdio>
#include <string>

#include "base/round.h"

namespace lm::cmd {
namespace {

bool is_round(std::int64_t number) {
  if (is_power_of_two(number)) return true;
  while (number % 10 == 0) number /= 10;
  return number == 1 || number == 2 || number == 5;
}

}  // namespace

void TrainStatistics::add(const TrainingPoint& point) {
  const bool shown = lines_.empty() || is_round(point.vocab_size);
  if (shown) lines_ += line_of(point);
  last_ = shown ? std::nullopt : std::optional(point);
}

std::string TrainStatistics::line_of(const TrainingPoint& point) {
  char line[128];
  const double bytes = point.tokens == 0 ? 0 : static_cast<double>(point.bytes) / static_cast<double>(point.tokens);
  std::snprintf(line, sizeof line, "%10lld %20llu %12.4f %20llu\n", static_cast<long long>(point.vocab_size),
                static_cast<unsigned long long>(point.tokens), bytes, static_cast<unsigned long long>(point.count));
  return line;
}

std::string TrainStatistics::to_text() const {
  return "vocabulary               tokens  bytes/token         last merged\n" + lines_ + (last_ ? line_of(*last_) : "");
}

}  // namespace lm::cmd
