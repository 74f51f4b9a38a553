// How a model is asked for a middle: its layout, by name or found from its tokens, and what stands before and ends a middle.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "objectives/fim_layout.h"
#include "tasks/text_model.h"

namespace lm {

/// Throws Error if the model was trained, but not to fill in the middle. Of a model from elsewhere it is not known.
void require_infilling(const TextModel& model);

/// Returns the layout's three tokens in the tokenizer. Throws Error naming those that it lacks.
FimTokens find_fim_tokens(const Tokenizer& tokenizer, const FimLayout& layout, std::string_view source);

/// A layout as one model knows it.
struct InfillLayout {
  const FimLayout* layout = nullptr;
  FimTokens tokens;
  std::vector<TokenId> opening;       // precedes the prompt
  std::vector<TokenId> ends;          // end a middle: the model's, and the layout's, ascending
  std::vector<std::uint8_t> allowed;  // (V) 1 for the ids that may be drawn: text, and those

  /// Returns what the model reads before it writes the middle.
  std::vector<TokenId> prompt(std::span<const TokenId> prefix, std::span<const TokenId> suffix) const;
  /// Encodes a suffix, or its beginning: as any text, or without the space that the tokenizer puts before texts.
  std::vector<TokenId> encode_suffix(const Tokenizer& tokenizer, std::string_view text) const;
};

/// Returns the layout of a name. For "auto" it is the default one if the model was trained here, else that whose three tokens
/// the tokenizer has as added tokens, special or not. Throws Error if the model cannot fill in the middle, lacks the tokens, or
/// with "auto" has those of several kinds, which it names.
InfillLayout infill_layout(const TextModel& model, std::string_view name);

}  // namespace lm
