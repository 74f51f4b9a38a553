// A model together with its tokenizer, and what may be done with it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "model/files/checkpoint.h"
#include "text/tokenizer.h"

namespace lm {

struct TextModel {
  LoadedModel model;
  Tokenizer tokenizer;

  const ModelConfig& config() const { return model.record.config; }
  const Parameters<float>& parameters() const { return model.parameters; }
  const std::string& path() const { return model.path; }

  /// The bytes of an id; none where the model has more rows than the tokenizer has ids (padded vocabularies).
  std::string_view bytes_of(TokenId id) const;
  /// Returns the length of the windows that the model was last trained on, by its lm.progress; without one, its context.
  std::int64_t training_window() const;
  /// (V) 1 for the ids that sampling may choose: those of text, and end-of-text.
  std::vector<std::uint8_t> samplable() const;
};

/// A model file, or a folder with its tokenizer beside. Throws Error where either is missing or broken, and where the
/// tokenizer has more ids than the model.
TextModel load_text_model(const std::string& path, const TokenizerOptions& options = {});

/// The same, or a training state, whose weights are those that the model would get if its run ended now.
TextModel load_text_model_or_state(const std::string& path, const TokenizerOptions& options = {});

/// True where `objective` ("masked") is what the model was trained on, or a part of the mixture.
bool was_trained_on(const TextModel& model, std::string_view objective);

/// Throws Error where the model was not trained to predict the next token from those before it.
void require_left_to_right(const TextModel& model);

}  // namespace lm
