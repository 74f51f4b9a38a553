#include "text/tokenizer_cuts.h"

#include <string>

namespace lm {

namespace {

/// Returns how a space inside a text is spelled for the pre-tokenizer.
std::string inner_space(const Normalizer& normalizer) {
  std::string text;
  normalizer.normalize(" ", {.begins = false, .ends = false}, text);
  return text;
}

bool may_cut_before_space(const TokenizerTables& tables) {
  const TokenizerParts& parts = tables.parts;
  if (tables.added.spans_cuts() || !tables.normalizer.may_cut_before_space()) return false;
  const std::string space = inner_space(tables.normalizer);
  if (parts.form == TokenizerParts::Form::bytes) return parts.pattern != Pattern::none && space == " ";
  const bool is_marked = space == "\xE2\x96\x81";
  if (tables.pre_tokenizer.is_null()) return parts.kind == ModelKind::bpe && (space == " " || is_marked);
  return tables.pre_tokenizer.cuts_before_blank() &&
         (space == " " || (is_marked && !steps_of_type(parts.components.pre_tokenizer, "Metaspace").empty()));
}

/// Returns whether the model could join a space to anything visible.
bool joins_space(const SpelledModel& model) {
  for (char32_t c = U'!'; c <= U'~'; ++c) {
    if (model.joins_space(c)) return true;
  }
  return false;
}

/// Sets where the form spelled may be cut into words.
void set_word_cuts(TokenizerTables& tables) {
  if (tables.parts.form == TokenizerParts::Form::bytes) return;
  // Tokens that are searched for in normalized text are not looked for across words.
  if (!tables.added.is_empty(AddedMatcher::Pass::normalized) || tables.added.spans_cuts()) return;
  if (!tables.normalizer.may_cut_before_space(BeforeCut::visible)) return;
  const bool is_whole = tables.pre_tokenizer.is_null();
  if (tables.cuts_before_space) {
    const bool is_cut = is_whole ? !joins_space(tables.model) : tables.pre_tokenizer.cuts_behind_visible();
    if (is_cut) tables.word_cuts = WordCuts::before_blank;
    if (tables.normalizer.looks_at_characters() && tables.pre_tokenizer.isolates_punctuation())
      tables.word_cuts = WordCuts::around_punctuation;
    return;
  }
  tables.word_sums =
      is_whole && tables.normalizer.is_sentencepiece() && tables.model.sums_apart_at(inner_space(tables.normalizer));
  if (tables.word_sums) tables.word_cuts = WordCuts::before_blank;
}

}  // namespace

std::vector<const JsonValue*> steps_of_type(const JsonValue& pre_tokenizer, std::string_view type) {
  std::vector<const JsonValue*> steps;
  const auto add = [&](const JsonValue& step) {
    if (json_string_in(step, "type") == type) steps.push_back(&step);
  };
  const JsonValue* members = pre_tokenizer.find("pretokenizers");
  if (members == nullptr || members->if_array() == nullptr) {
    add(pre_tokenizer);
  } else {
    for (const JsonValue& step : *members->if_array()) add(step);
  }
  return steps;
}

void find_cuts(TokenizerTables& tables) {
  tables.cuts_before_space = may_cut_before_space(tables);
  set_word_cuts(tables);
}

}  // namespace lm
