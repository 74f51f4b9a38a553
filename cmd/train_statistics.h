// What tok-train --stats prints: how many bytes a token has after so many merges, from which a size of vocabulary is chosen.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "text/training/bpe_trainer.h"

namespace lm::cmd {

/// Collects a line for each vocabulary size that is a power of two or a round number (1, 2 or 5 and zeros), for the first and
/// for the last.
class TrainStatistics {
 public:
  void add(const TrainingPoint& point);
  /// Returns a table: vocabulary, tokens, bytes a token, and how often the last merge's pair occurred.
  std::string to_text() const;

 private:
  static std::string line_of(const TrainingPoint& point);
  std::string lines_;
  std::optional<TrainingPoint> last_;  // if its line is not there yet
};

}  // namespace lm::cmd
