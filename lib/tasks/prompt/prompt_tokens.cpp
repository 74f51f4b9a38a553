#include "tasks/prompt/prompt_tokens.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "objectives/mixture.h"
#include "tasks/load_tokenizer.h"
#include "text/unicode/unicode.h"

namespace lm {
namespace {

/// Returns the special tokens whose spelling means them in prompts for this model.
std::vector<TokenId> gap_tokens(const TextModel& model) {
  const SpecialIds special = special_ids(model.tokenizer);
  std::vector<TokenId> gaps;
  if (was_trained_on(model, "masked") && special.mask) gaps.push_back(*special.mask);
  if (was_trained_on(model, "span")) gaps.insert(gaps.end(), special.sentinels.begin(), special.sentinels.end());
  return gaps;
}

std::vector<TokenId> encode_with(const Tokenizer& tokenizer, std::string_view text, const std::vector<TokenId>& gaps,
                                 SpecialTokens special) {
  const bool joins = !gaps.empty() && joins_spaces(tokenizer);
  std::vector<TokenId> ids;
  const auto encode = [&](std::string_view piece) {
    const std::vector<TokenId> encoded = tokenizer.encode(piece, special);
    ids.insert(ids.end(), encoded.begin(), encoded.end());
  };
  for (;;) {
    std::size_t first = std::string_view::npos;
    TokenId found = 0;
    for (const TokenId gap : gaps) {
      const std::size_t place = text.find(tokenizer.bytes_of(gap));
      if (place < first) {
        first = place;
        found = gap;
      }
    }
    if (first == std::string_view::npos) break;
    std::string_view before = text.substr(0, first);
    if (joins && before.ends_with(' ')) before.remove_suffix(1);
    encode(before);
    ids.push_back(found);
    text.remove_prefix(first + tokenizer.bytes_of(found).size());
  }
  encode(text);
  return ids;
}

[[noreturn]] void refuse(const TextModel& model, const std::string& advice) {
  throw Error("cannot continue text with '" + model.path() + "': it was trained with the objective '" +
              model.model.record.objective + "', which does not predict the next token; " + advice);
}

}  // namespace

PromptTokens encode_prompt(const TextModel& model, std::string_view prompt, SpecialTokens special) {
  const std::vector<TokenId> gaps = gap_tokens(model);
  PromptTokens result;
  result.ids = encode_with(model.tokenizer, prompt, gaps, special);
  result.unfinished = prompt.substr(prompt.size() - incomplete_utf8_tail(prompt));
  const SpecialIds known = special_ids(model.tokenizer);
  const bool masked = was_trained_on(model, "masked");
  const bool span = was_trained_on(model, "span");
  if (masked && known.mask && std::find(result.ids.begin(), result.ids.end(), *known.mask) != result.ids.end()) {
    result.kind = PromptKind::masks;
  } else if (span && std::find_first_of(result.ids.begin(), result.ids.end(), known.sentinels.begin(),
                                        known.sentinels.end()) != result.ids.end()) {
    result.kind = PromptKind::spans;
  } else if (!parse_mixture(model.model.record.objective).predicts_next_token()) {
    const std::string mask = known.mask ? std::string(model.tokenizer.bytes_of(*known.mask)) : "<|mask|>";
    refuse(model, masked ? "write " + mask + " where it should predict a token"
                  : span ? std::string("write <|extra_0|> where it should fill a gap")
                         : std::string("train with --objective causal"));
  }
  return result;
}

std::string gap_without_meaning(const TextModel& model, std::string_view prompt) {
  constexpr std::string_view kMask = "<|mask|>", kSentinel = "<|extra_", kEnd = "|>";
  if (!was_trained_on(model, "masked") && prompt.find(kMask) != std::string_view::npos) return std::string(kMask);
  if (was_trained_on(model, "span")) return "";
  for (std::size_t at = prompt.find(kSentinel); at != std::string_view::npos; at = prompt.find(kSentinel, at + 1)) {
    const std::size_t end = prompt.find_first_not_of("0123456789", at + kSentinel.size());
    if (end != std::string_view::npos && end > at + kSentinel.size() && prompt.substr(end).starts_with(kEnd))
      return std::string(prompt.substr(at, end + kEnd.size() - at));
  }
  return "";
}

}  // namespace lm
