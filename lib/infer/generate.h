// Generating: the loop that samples a text into a context, or several texts at once.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/token.h"
#include "infer/context.h"
#include "infer/draft.h"
#include "infer/sampler.h"

namespace lm {

enum class EndReason {
  length,       // max_tokens were sampled
  end_of_text,  // a token was sampled that ends texts, and is not part of them
  caller,       // on_token stopped it
};

/// Why a text ended.
struct Ending {
  EndReason reason = EndReason::length;
  std::optional<TokenId> token = {};  // with end_of_text: which one
};

/// A text that is generated. What it refers to outlives it.
struct Generation {
  Context& context;
  Sampler& sampler;
  std::span<const TokenId> ends;
  std::int64_t max_tokens;
  std::function<bool(TokenId)> on_token;  // returns false to stop
  Drafting drafting = Drafting::off;
};

/// Samples up to max_tokens into the context, until one of `ends`, and calls on_token for each.
Ending generate(const Generation& generation);
/// The same for several texts, whose contexts are of one decoder, token by token: they share each reading of the weights, and every
/// text is the one that it is alone. Returns their endings.
std::vector<Ending> generate_all(std::span<const Generation> generations);

}  // namespace lm
