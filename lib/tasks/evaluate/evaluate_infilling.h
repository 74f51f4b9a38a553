// Scoring infilling: what a model thinks of middles whose both sides are known, and whether it would write them itself.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "infer/generate.h"
#include "infer/sampler.h"
#include "infer/score.h"
#include "kernels/compute.h"
#include "model/decode.h"
#include "tasks/evaluate/evaluate_report.h"
#include "tasks/infill/infill.h"
#include "tasks/infill/infill_layout.h"
#include "tasks/text_model.h"

namespace lm {

/// A text with a gap, and what belongs there.
struct InfillingTask {
  std::string prefix, suffix, middle;
};

/// Calls visit with the tasks of files ("-" and no path at all: standard input): an object a line, with the keys prompt,
/// suffix and canonical_solution; other keys, and blank lines, are ignored. Throws Error naming the line.
void for_each_infilling_task(const std::vector<std::string>& paths,
                             const std::function<void(const InfillingTask& task)>& visit);

struct InfillingScore {
  std::int64_t tasks = 0;      // scored
  std::int64_t left_out = 0;   // with an empty middle, or one that the context has no room for
  std::int64_t tokens = 0;     // of the middles; end-of-text is not scored
  double nats = 0;             // of the middle given both sides
  double prefix_nats = 0;      // of the middle given the prefix only
  std::int64_t exact = 0;      // middles that greedy generation writes, given both sides (or the prefix only)
  std::vector<double> gains;   // of each task: prefix_nats - nats
  std::vector<double> counts;  // of each task: tokens

  /// A gain in nats a token and its 95 % interval, which takes the tasks as independent (a ratio of sums, linearised).
  struct Gain {
    double mean = 0, low = 0, high = 0;
  };
  /// Returns nothing for fewer than two tasks.
  std::optional<Gain> gain() const;
};

/// Scores tasks one after the other. Each part is encoded by itself; prefix and suffix are cut around the middle to fit the
/// context. Given the prefix only, the model sees end-of-text and the same tokens of the prefix as beside the suffix, so
/// that the gain is due to the suffix. Without a layout, all the room is the prefix's.
class InfillingEvaluator {
 public:
  /// layout: a name of the registry, "auto", or "none": the prefix only, which any model that predicts from left to right can do.
  /// Throws Error if the model cannot do it.
  InfillingEvaluator(Compute& compute, const TextModel& model, std::string_view layout);

  void add(const InfillingTask& task);
  const InfillingScore& total() const { return total_; }
  const char* layout() const { return layout_ ? layout_->layout->name : "none"; }

 private:
  InfillShares shares(std::int64_t prefix, std::int64_t suffix, std::int64_t middle) const;
  std::vector<TokenId> after_opening(std::vector<TokenId> tokens) const;
  double nats_of(std::vector<TokenId> before, std::span<const TokenId> middle);
  bool writes(std::span<const TokenId> before, std::string_view middle);

  const TextModel& model_;
  std::optional<InfillLayout> layout_;
  std::vector<std::uint8_t> allowed_;
  std::vector<TokenId> ends_;
  std::int64_t longest_piece_;  // of a prefix, middle and suffix in the window that the model was trained on
  SequenceScorer scorer_;
  Decoder decoder_;
  Context context_;
  InfillingScore total_;
};

/// Returns the keys tasks left_out tokens loss prefix_loss gain gain_low gain_high exact exact_match layout; loss and gain
/// are null with the layout none. Losses and gains are in the base's unit; with the key base if that is not e.
JsonValue to_json(const InfillingScore& score, std::string_view layout, LogBase base = LogBase::e);
/// Returns a table of one value a line, for people.
std::string to_text(const InfillingScore& score, std::string_view layout, LogBase base = LogBase::e);

}  // namespace lm
