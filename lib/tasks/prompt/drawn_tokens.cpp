#include "tasks/prompt/drawn_tokens.h"

#include <algorithm>

#include "base/error.h"
#include "base/json.h"
#include "base/suggest.h"

namespace lm {
namespace {

TokenId find_stop_token(const TextModel& model, const std::string& name) {
  const std::optional<TokenId> id = model.tokenizer.find(name);
  if (!id) {
    const std::string similar = did_you_mean(model.tokenizer.similar_tokens(name));
    throw Error("the vocabulary of '" + model.path() + "' has no token " + json_quote(name) + " to stop at" +
                (similar.empty() ? "; stop at a text of several tokens with --stop" : similar));
  }
  if (*id >= model.config().vocab_size) {
    throw Error("cannot stop at " + json_quote(name) + ": '" + model.path() + "' never draws token " + std::to_string(*id) +
                ", which is beyond its vocabulary of " + std::to_string(model.config().vocab_size));
  }
  return *id;
}

}  // namespace

DrawnTokens drawn_tokens(const TextModel& model, const DrawOptions& options) {
  DrawnTokens drawn{.allowed = model.samplable(), .ends = model.ends(), .own_ends = {}};
  for (const TokenId id : options.ends) {
    drawn.allowed[id] = 1;
    add_end(drawn.ends, id);
  }
  drawn.own_ends = drawn.ends;
  const std::int64_t spelled = std::min(model.config().vocab_size, model.tokenizer.vocab_size());
  for (std::int64_t id = 0; options.special && id < spelled; ++id) {
    const auto token = static_cast<TokenId>(id);
    if (!model.tokenizer.bytes_of(token).empty()) drawn.allowed[token] = 1;
  }
  for (const std::string& name : options.stop_tokens) {
    const TokenId id = find_stop_token(model, name);
    drawn.allowed[id] = 1;
    add_end(drawn.ends, id);
  }
  return drawn;
}

}  // namespace lm
