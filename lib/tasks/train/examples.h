// TrainExamples: the examples that a run's objectives make of its inputs, to train on and to validate with.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "objectives/mixture.h"
#include "tasks/train/inputs.h"
#include "tasks/train/settings.h"
#include "train/validator.h"
#include "train/window_source.h"

namespace lm {

/// Either windows of a corpus, or one pass over a stream. The inputs outlive it.
struct TrainExamples {
  std::vector<ObjectiveShare> shares;
  std::unique_ptr<WindowSource> windows;
  std::unique_ptr<Objective> stream_objective;
  std::unique_ptr<StreamSource> stream;

  BatchSource& source() const;
  /// Returns the fraction of a sequence that every query sees (Objective::visible_prefix_share()), for counting FLOPs. For a
  /// mixture it is the root of the mean of their squares, with which attention costs the same.
  double visible_prefix_fraction() const;
  /// Returns the number of windows in so many epochs of the corpus, or empty for a stream. Of a mixture, the passes of the
  /// first objective count.
  std::optional<std::int64_t> windows_in(std::int64_t epochs) const;
  /// Returns the number of windows in the first epoch, or empty for a stream.
  std::optional<std::int64_t> windows_per_epoch() const { return windows_in(1); }
  /// Returns a sentence for each objective that was asked for examples and never had a target.
  std::vector<std::string> notes() const;
};

/// Needs settings whose context is known. Throws SettingsError if one pass cannot serve the objective, Error if the
/// tokenizer or the model lacks its tokens or the data has none.
TrainExamples open_examples(const TrainSettings& settings, const TrainInputs& inputs);

/// Returns the objective of one pass over a stream. Throws SettingsError if one pass cannot serve what is to be learned.
std::unique_ptr<Objective> stream_objective(const TrainSettings& settings, const TrainInputs& inputs);

/// The validator of held-out data, and the tokens that it reads.
struct Validation {
  std::vector<TokenId> tokens;
  std::unique_ptr<Validator> validator;  // null without held-out data
};
/// Needs resolved settings. Throws Error if nothing in the held-out data has a target.
Validation open_validation(const TrainSettings& settings, const TrainInputs& inputs);
/// Returns what open_validation() will hold, in bytes, with so many sequences a pass.
std::int64_t validation_bytes(const TrainSettings& settings, const TrainInputs& inputs, std::int64_t sequences);

}  // namespace lm
