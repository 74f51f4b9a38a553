#include "base/gguf_ends.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

namespace lm {

namespace {

using NamedIds = std::map<std::string, TokenId, std::less<>>;

/// Returns the tokens of the file that have one of these names.
NamedIds find_names(const GgufFile& file) {
  NamedIds found;
  const std::optional<GgufArray> tokens = file.array_at("tokenizer.ggml.tokens");
  if (!tokens) return found;
  TokenId id = 0;
  file.for_each_string(*tokens, [&](std::string_view token) {
    if (std::find(kGgufEndNames.begin(), kGgufEndNames.end(), token) != kGgufEndNames.end())
      found.try_emplace(std::string(token), id);
    ++id;
  });
  return found;
}

/// Takes out the names that are parts of a text in some vocabularies.
void leave_parts_out(NamedIds& names) {
  const auto has = [&](std::string_view name) { return names.contains(name); };
  const bool calls = has("<|call|>") || has("<|calls|>");
  if ((has("<|return|>") && has("<|call|>")) || (calls && has("<|flush|>"))) names.erase("<|end|>");
  if (has("<|tool_response>")) names.erase("</s>");
}

}  // namespace

std::vector<TokenId> gguf_text_ends(const GgufFile& file, std::int64_t vocab_size) {
  std::vector<TokenId> ends;
  const auto add = [&](std::uint64_t id) {
    if (id < static_cast<std::uint64_t>(vocab_size)) ends.push_back(static_cast<TokenId>(id));
  };
  NamedIds names = find_names(file);
  leave_parts_out(names);
  for (const auto& [name, id] : names) add(id);
  for (const char* key : {"tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    if (const std::optional<std::uint64_t> id = file.unsigned_at(key)) add(*id);
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  return ends;
}

}  // namespace lm
