// Filling spans: what a span model writes in place of the sentinels <|extra_0|>, <|extra_1|>, ... of a text.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "infer/generate.h"
#include "infer/sampler.h"
#include "kernels/compute.h"
#include "model/decode.h"
#include "tasks/prompt/prompt.h"
#include "tasks/text_model.h"

namespace lm {

struct SpanSample {
  TextEnd end = TextEnd::length;            // end_of_text: every sentinel had its turn
  std::int64_t tokens = 0;                  // sampled, sentinels and end-of-text included
  std::vector<std::vector<TokenId>> spans;  // of each sentinel; empty for those whose turn did not come
};

/// Fills one text after the other, each any number of times. Of its options, stops are not used.
class SpanFiller {
 public:
  /// Compute and model outlive it. Throws Error if the model was not trained on span, or an option is out of range.
  SpanFiller(Compute& compute, const TextModel& model, PromptOptions options, const DecodingOptions& decoding = {});

  /// Reads end-of-text, `ids`, one more sentinel if they do not end with one, and end-of-text, all seen both ways. Throws
  /// Error if the sentinels among `ids` are not the first ones in their order, each once, or the context has no room for
  /// an answer.
  void read(std::span<const TokenId> ids);
  /// Samples the `number`-th way to fill it: the same for one seed, text and number. After a sentinel only text is sampled,
  /// or the next sentinel, after the last one asked for what closes it: the sentinel that was added, or end-of-text.
  SpanSample sample(std::int64_t number);
  /// Returns the ids of the text with the spans in place of the sentinels.
  std::vector<TokenId> filled(const SpanSample& sample) const;

 private:
  const TextModel& model_;
  PromptOptions options_;
  std::vector<TokenId> sentinels_;  // all that the tokenizer has
  std::vector<std::uint8_t> allowed_;
  Decoder decoder_;
  Context read_;
  Context written_;
  std::vector<TokenId> ids_;
  std::size_t gaps_ = 0;  // sentinels among them
  TokenId closing_ = 0;   // what ends the last span
  std::int64_t texts_ = 0;
};

/// Returns one object with the keys prompt, sample (its number from 0), text, spans, tokens and end.
std::string span_sample_json(const SpanSample& sample, const SpanFiller& filler, const TextModel& model,
                             std::string_view prompt, std::int64_t number);

/// Returns the bytes of the ids, with U+FFFD for what is not UTF-8.
std::string readable_text(const TextModel& model, std::span<const TokenId> ids);

}  // namespace lm
