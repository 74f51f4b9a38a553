// Post-processors: the tokens that Hugging Face's library puts before and after a text.
#pragma once

#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/token.h"

namespace lm {

struct TokensAround {
  std::vector<TokenId> before, after;
};

/// Reads what a tokenizer.json's post-processor puts around a single text: the types TemplateProcessing, RobertaProcessing,
/// BertProcessing, ByteLevel (nothing) and Sequence. Throws Error naming `source` for another type.
TokensAround read_post_processor(const JsonValue& post_processor, std::string_view source);

/// Returns the post-processor that puts these tokens around a text; null if there are none. `names`: the tokens' spellings.
JsonValue post_processor_json(const TokensAround& around, const std::vector<std::string>& before_names,
                              const std::vector<std::string>& after_names);

}  // namespace lm
