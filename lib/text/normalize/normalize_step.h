// One step of a normalizer.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "text/normalize/character_steps.h"
#include "text/normalize/llama_bert.h"
#include "text/normalize/normalizer.h"
#include "text/normalize/precompiled.h"
#include "text/normalize/replacement.h"
#include "text/normalize/sentencepiece_normalizer.h"
#include "text/normalize/unicode_forms.h"

namespace lm {

/// The steps without settings.
enum class PlainStep { lowercase, strip_accents, nmt, byte_level };
struct PrependStep {
  std::string text;
};
struct StripStep {
  bool left = false, right = false;
};

struct NormalizeStep {
  std::variant<PlainStep, UnicodeForm, BertSettings, Replacement, PrependStep, StripStep, Precompiled,
               SentencePieceNormalizer, LlamaBertSettings>
      what;

  /// Appends the normalized text.
  void append(std::string_view text, Section section, std::string& out) const;
  NormalizerLoss loss() const;
};

/// What is known about the place where a text is cut before a space, from step to step.
struct CutPlace {
  BeforeCut before = BeforeCut::alphanumeric;
  std::vector<std::string> starts = {" ", "\n"};  // what the second part may begin with
  bool left_is_known = true;                      // the first part ends with a character of `before`

  /// Follows the place through a step; returns false if the step could treat the parts otherwise than the whole.
  bool pass(const NormalizeStep& step);

 private:
  bool pass_replacement(const Replacement& replacement);
  bool pass_sentencepiece(const SentencePieceNormalizer& sentencepiece);
};

/// Appends the steps that the value of "normalizer" in a tokenizer.json describes.
void read_normalize_steps(const JsonValue& value, std::string_view source, const MatchFinderFactory& factory,
                          std::vector<NormalizeStep>& steps);

}  // namespace lm
