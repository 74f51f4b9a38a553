// A small random model over bytes that knows the tokens of infilling, for tests of what programs do with such a model.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "support/foreign_model.h"
#include "tasks/byte_model.h"

namespace lm::test {

/// End-of-text is id 0, byte b is id b + 1; then the prefix, suffix and middle token: 257, 258, 259.
inline Tokenizer infill_tokenizer(const std::vector<std::string>& names = {"<|fim_prefix|>", "<|fim_suffix|>",
                                                                           "<|fim_middle|>"}) {
  TokenizerParts parts;
  parts.pattern = Pattern::none;
  parts.tokens.push_back("<|endoftext|>");
  parts.added.push_back({.id = 0, .special = true});
  add_bytes_and_names(parts, names, Special::yes);
  return Tokenizer(std::move(parts), {}, "test");
}

/// Ids of a text by that tokenizer.
inline std::vector<TokenId> ids_of(std::string_view text) {
  std::vector<TokenId> ids;
  for (const char c : text) ids.push_back(static_cast<TokenId>(static_cast<unsigned char>(c)) + 1);
  return ids;
}

/// Ids of single tokens and of texts, one after the other.
inline std::vector<TokenId> join(const std::vector<std::vector<TokenId>>& parts) {
  std::vector<TokenId> all;
  for (const std::vector<TokenId>& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

/// A model of random weights whose distributions are far from flat, that says of itself that it was trained on `objective`.
inline TextModel infill_model(std::int64_t context, const std::string& objective = "causal:0.5,fim:0.5") {
  TextModel model = foreign_model(infill_tokenizer(), "infill-model", context);
  ModelRecord& record = model.model.record;
  record.objective = objective;
  record.progress = "{}";  // one of ours
  record.tokenizer_json = model.tokenizer.to_json();
  record.facts.end_of_text = model.tokenizer.end_of_text();
  return model;
}

}  // namespace lm::test
