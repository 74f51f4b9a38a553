// What a prompt asks of a model: to continue it, or to fill the masks or sentinels that it spells, if the model knows them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "tasks/text_model.h"
#include "text/tokenizer.h"

namespace lm {

enum class PromptKind { continuation, masks, spans };

struct PromptTokens {
  PromptKind kind = PromptKind::continuation;
  std::vector<TokenId> ids = {};  // without end-of-text
  std::string unfinished = {};    // bytes at the prompt's end that begin a character
  bool is_whole = false;          // the ids begin with what precedes a text, if anything does
};

/// Encodes a prompt, any bytes. `<|mask|>` in a prompt for a masked model, and `<|extra_N|>` for a span model, are those
/// tokens; other special tokens are as `special` says. If the vocabulary has pieces of a space and a letter, one space
/// before such a token belongs to what it hides, as in training. Throws Error if the model can do nothing with the prompt,
/// saying what it needs.
PromptTokens encode_prompt(const TextModel& model, std::string_view prompt, SpecialTokens special);

/// Returns the first `<|mask|>` or `<|extra_N|>` that the prompt spells and that the model was not trained to fill, so that
/// it does not mean a gap; empty if there is none.
std::string gap_without_meaning(const TextModel& model, std::string_view prompt);

}  // namespace lm
