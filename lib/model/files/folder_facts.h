// FolderFacts: what the files of a model's folder say beside its configuration, for the programs that load it.
#pragma once

#include <optional>
#include <string>

#include "base/token.h"

namespace lm {

/// How a model reads what its family's class in transformers reads from left to right only.
struct LooksBothWays {
  bool masked = false;              // predicts hidden tokens from both sides
  bool masked_by_previous = false;  // by the output before the hidden token
  bool prefix = false;              // reads a prefix both ways
  bool reads_prompt = false;        // a prompt is such a prefix
  bool also_causal = false;         // from left to right it predicts what the family's class does

  bool any() const { return masked || prefix; }
};

struct FolderFacts {
  TokenId end_of_text = 0;
  std::optional<TokenId> begin = {};  // what precedes a text, if not end-of-text
  std::optional<TokenId> pad = {}, mask = {};
  std::string tokenizer_json = {};  // of which transformers' tokenizer is made; empty: the model's own
  std::string tokenizer_config = {};
  LooksBothWays looks = {};
};

}  // namespace lm
