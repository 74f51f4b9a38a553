// Builds the components of a tokenizer.json that foreign vocabularies have in common.
#pragma once

#include <string>
#include <string_view>

#include "base/json.h"

namespace lm {

/// How SentencePiece spells a space.
inline constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";

/// Returns {"type": type}.
inline JsonValue json_step(std::string_view type) {
  JsonValue step;
  step.set("type", type);
  return step;
}

/// Returns {"Regex": expression}, as a pattern is written that is an expression.
inline JsonValue json_expression(std::string_view expression) {
  JsonValue pattern;
  pattern.set("Regex", expression);
  return pattern;
}

/// Returns {"String": text}, as a pattern is written that is no expression.
inline JsonValue json_literal(std::string_view text) {
  JsonValue pattern;
  pattern.set("String", text);
  return pattern;
}

/// Returns the normalizer or decoder that replaces `text`.
inline JsonValue json_replace(std::string_view text, std::string_view content) {
  JsonValue step = json_step("Replace");
  step.set("pattern", json_literal(text));
  step.set("content", content);
  return step;
}

/// Returns the normalizer that replaces the matches of an expression.
inline JsonValue json_replace_matches(std::string_view expression, std::string_view content) {
  JsonValue step = json_step("Replace");
  step.set("pattern", json_expression(expression));
  step.set("content", content);
  return step;
}

/// Returns the pre-tokenizer that cuts text into the matches of an expression and what is between them.
inline JsonValue json_split(std::string_view expression) {
  JsonValue step = json_step("Split");
  step.set("pattern", json_expression(expression));
  step.set("behavior", "Isolated");
  step.set("invert", false);
  return step;
}

/// Returns a sequence of steps, whose members are called `members` ("normalizers", "pretokenizers", "decoders").
inline JsonValue json_sequence(std::string_view members, JsonValue::Array steps) {
  JsonValue sequence = json_step("Sequence");
  sequence.set(members, std::move(steps));
  return sequence;
}

/// Returns the decoder of pieces that spell spaces as '▁': with their byte tokens, and without the space that was put first.
inline JsonValue json_piece_decoder(bool bytes, bool strip_first_space) {
  JsonValue::Array steps{json_replace(kSpaceSymbol, " ")};
  if (bytes) steps.push_back(json_step("ByteFallback"));
  steps.push_back(json_step("Fuse"));
  if (strip_first_space) {
    JsonValue strip = json_step("Strip");
    strip.set("content", " ");
    strip.set("start", 1);
    strip.set("stop", 0);
    steps.push_back(std::move(strip));
  }
  return json_sequence("decoders", std::move(steps));
}

/// The fields of SentencePiece's normalizer.
struct SentencePieceNormalizerSpec {
  std::string precompiled_charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  bool treat_whitespace_as_suffix = false;
  JsonValue::Array user_defined_symbols;
};
/// Returns it as a normalizer of our own type.
JsonValue json_sentencepiece_normalizer(SentencePieceNormalizerSpec spec);

}  // namespace lm
