// A small random model over bytes, for tests of what programs do with a model.
#pragma once

#include <string>

#include "support/tiny_model.h"
#include "tasks/text_model.h"
#include "text/tokenizer.h"
#include "text/tokenizer_parts.h"

namespace lm::test {

/// End-of-text is id 0, byte b is id b + 1; with `pairs` further tokens of two bytes: merges of neighbours "ab", "cd", ....
inline Tokenizer byte_tokenizer(int pairs = 0) {
  TokenizerParts parts;
  parts.pattern = Pattern::none;
  parts.tokens.push_back("<|endoftext|>");
  parts.added.push_back({.id = 0, .special = true});
  for (int byte = 0; byte < 256; ++byte) parts.tokens.push_back(std::string(1, static_cast<char>(byte)));
  for (int i = 0; i < pairs; ++i) {
    const char first = static_cast<char>('a' + 2 * i);
    parts.tokens.push_back(std::string{first, static_cast<char>(first + 1)});
    parts.merges.push_back({static_cast<TokenId>(first) + 1, static_cast<TokenId>(first) + 2});
  }
  return Tokenizer(std::move(parts), {}, "test");
}

/// A model of random weights whose distributions are far from flat.
inline TextModel byte_model(std::int64_t context = 24, int pairs = 0, double deviation = 0.3) {
  Tokenizer tokenizer = byte_tokenizer(pairs);
  ModelConfig config = tiny_configs().back().config;
  config.context_length = context;
  config.vocab_size = tokenizer.vocab_size();
  Parameters<float> parameters(config);
  randomise(parameters, 41, deviation);
  ModelRecord record;
  record.config = config;
  record.tokenizer_json = tokenizer.to_json();
  record.facts.end_of_text = tokenizer.end_of_text();
  return {.model = {.record = record, .parameters = std::move(parameters), .path = "byte-model"},
          .tokenizer = std::move(tokenizer)};
}

}  // namespace lm::test
