// Models from elsewhere for tests: nothing says what they were trained for, and their tokenizers have bytes and a few names.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "support/tiny_model.h"
#include "tasks/text_model.h"
#include "text/tokenizer_parts.h"

namespace lm::test {

enum class Special { no, yes };

/// Adds every byte, then tokens of these names, which are added to the vocabulary.
inline void add_bytes_and_names(TokenizerParts& parts, const std::vector<std::string>& names, Special special) {
  for (int byte = 0; byte < 256; ++byte) parts.tokens.push_back(std::string(1, static_cast<char>(byte)));
  for (const std::string& name : names) {
    parts.added.push_back({.id = static_cast<TokenId>(parts.tokens.size()), .special = special == Special::yes});
    parts.tokens.push_back(name);
  }
}

/// Returns a model whose objective is not known, and that has no progress.
inline TextModel foreign_model(Tokenizer tokenizer, const std::string& path, std::int64_t context) {
  ModelConfig config = tiny_configs().back().config;
  config.context_length = context;
  config.vocab_size = tokenizer.vocab_size();
  Parameters<float> parameters(config);
  randomise(parameters, 41, 0.3);
  ModelRecord record;
  record.config = config;
  return {.model = {.record = record, .parameters = std::move(parameters), .path = path}, .tokenizer = std::move(tokenizer)};
}

}  // namespace lm::test
