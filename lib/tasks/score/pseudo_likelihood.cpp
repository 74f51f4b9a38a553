#include "tasks/score/pseudo_likelihood.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "objectives/mixture.h"
#include "tasks/load_tokenizer.h"

namespace lm {
namespace {

bool is_white_space(std::string_view piece) {
  return !piece.empty() &&
         std::all_of(piece.begin(), piece.end(), [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); });
}

bool begins_word(const Tokenizer& tokenizer, TokenId before, TokenId token) {
  if (tokenizer.is_special(before) || tokenizer.is_special(token)) return true;
  return tokenizer.begins_word(token) && !is_white_space(tokenizer.bytes_of(before));
}

}  // namespace

void require_masked(const TextModel& model) {
  if (!was_trained_on(model, "masked")) {
    throw Error("cannot use '" + model.path() + "' to predict hidden tokens: it was trained with the objective '" +
                model.model.record.objective + "'; train with --objective masked, or causal:0.5,masked:0.5");
  }
  const std::optional<TokenId> mask = special_ids(model.tokenizer).mask;
  if (!mask) {
    throw Error("cannot use '" + model.path() +
                "' to predict hidden tokens: its tokenizer lacks <|mask|>, [MASK] or <mask>");
  }
  model.require_embedded(std::array{*mask}, "hidden tokens");
}

std::int64_t masked_output_shift(const TextModel& model) {
  return parse_mixture(model.model.record.objective).mixed() ? 1 : 0;
}

Questions ask_hidden_tokens(const TextModel& model, Pseudo pseudo) {
  require_masked(model);
  const TokenId mask = *special_ids(model.tokenizer).mask;
  const std::int64_t shift = masked_output_shift(model);
  return [&tokenizer = model.tokenizer, closing = model.closing(), mask, shift, pseudo](
             const ScoredWindow& window, std::vector<ScoredSequence>& sequences) {
    const std::vector<TokenId>& tokens = window.tokens;
    for (auto i = static_cast<std::size_t>(window.first_scored); i < tokens.size(); ++i) {
      ScoredSequence& sequence = sequences.emplace_back();
      sequence.input = tokens;
      sequence.input[i] = mask;
      if (pseudo == Pseudo::within_word) {
        for (std::size_t later = i + 1; later < tokens.size() && !begins_word(tokenizer, tokens[later - 1], tokens[later]);
             ++later)
          sequence.input[later] = mask;
      }
      sequence.targets.push_back({.place = static_cast<std::int64_t>(i) - shift, .token = tokens[i]});
      sequence.input.insert(sequence.input.end(), closing.begin(), closing.end());
      sequence.prefix_length = std::ssize(sequence.input);
    }
  };
}

}  // namespace lm
