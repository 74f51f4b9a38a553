// Where a text may be cut so that its normalized parts make up the normalized text.
#include <algorithm>
#include <cstddef>

#include "text/normalize/normalize_step.h"

namespace lm {

namespace {

constexpr std::size_t kMostStarts = 64;  // each step may double them

bool begins_with_space(std::string_view text) { return strip_spaces(text, true, false).size() < text.size(); }

/// Returns whether a pattern could match from before a place to behind it, where `start` is.
bool could_span(std::string_view pattern, std::string_view start) {
  for (std::size_t i = 1; i < pattern.size(); ++i) {
    const std::string_view rest = pattern.substr(i);
    if (rest.starts_with(start) || start.starts_with(rest)) return true;
  }
  return false;
}

}  // namespace

bool CutPlace::pass_replacement(const Replacement& replacement) {
  const std::string* literal = replacement.literal();
  if (literal == nullptr && !(replacement.is_run_of_spaces() && left_is_known)) return false;
  std::vector<std::string> next;
  for (const std::string& start : starts) {
    if (literal != nullptr && (literal->empty() || could_span(*literal, start))) return false;
    const bool may_match =
        literal == nullptr ? begins_with_space(start) : literal->starts_with(start) || start.starts_with(*literal);
    if (may_match) next.push_back(replacement.content());
    if (literal == nullptr || *literal != start) next.push_back(start);
  }
  if (literal != nullptr) {
    // What replaces the end of the first part could be anything, but marks for spaces and punctuation replace no letter.
    const char last = literal->back();
    const bool replaces_left =
        is_before_cut(before, last) || (static_cast<unsigned char>(last) >= 0x80 && *literal != "\xE2\x96\x81");
    if (replaces_left && (replacement.content().empty() || !is_before_cut(before, replacement.content().back()))) {
      left_is_known = false;
    }
  }
  std::sort(next.begin(), next.end());
  next.erase(std::unique(next.begin(), next.end()), next.end());
  starts = next;
  return starts.size() <= kMostStarts;
}

bool CutPlace::pass_sentencepiece(const SentencePieceNormalizer& sentencepiece) {
  if (sentencepiece.spans_cut(before)) return false;
  return left_is_known || !sentencepiece.settings().remove_extra_whitespaces;
}

bool CutPlace::pass(const NormalizeStep& step) {
  if (const auto* replacement = std::get_if<Replacement>(&step.what)) {
    if (!pass_replacement(*replacement)) return false;
  } else if (std::holds_alternative<StripStep>(step.what)) {
    if (!left_is_known) return false;
  } else if (!std::holds_alternative<PrependStep>(step.what)) {
    const auto* sentencepiece = std::get_if<SentencePieceNormalizer>(&step.what);
    if (sentencepiece != nullptr && !pass_sentencepiece(*sentencepiece)) return false;
    const auto* precompiled = std::get_if<Precompiled>(&step.what);
    if (precompiled != nullptr && precompiled->spans_cut(before)) return false;
    if (std::holds_alternative<LlamaBertSettings>(step.what)) {
      return std::all_of(starts.begin(), starts.end(), begins_with_space);
    }
    // Characters are looked at one by one, or with the marks behind them.
    for (std::string& start : starts) {
      std::string normalized;
      step.append(start, {.begins = false, .ends = false}, normalized);
      start = normalized;
    }
  }
  return std::none_of(starts.begin(), starts.end(), [](const std::string& start) { return start.empty(); });
}

bool Normalizer::looks_at_characters() const {
  // Whatever composes with an ASCII character is behind it, and no ASCII.
  return std::all_of(steps_.begin(), steps_.end(), [](const NormalizeStep& step) {
    const auto* plain = std::get_if<PlainStep>(&step.what);
    return std::holds_alternative<BertSettings>(step.what) || std::holds_alternative<UnicodeForm>(step.what) ||
           (plain != nullptr && (*plain == PlainStep::lowercase || *plain == PlainStep::strip_accents));
  });
}

bool Normalizer::is_sentencepiece() const {
  return steps_.size() == 1 && std::holds_alternative<SentencePieceNormalizer>(steps_[0].what);
}

}  // namespace lm
