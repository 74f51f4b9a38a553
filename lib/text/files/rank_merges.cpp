#include "text/files/rank_merges.h"

#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"

namespace lm {

namespace {

/// Merges a token by ranks below its own, which is its id. Returns the two tokens that remain, if these are two.
std::optional<MergePair> last_merge(const TokenizerTables& tables, TokenId token) {
  const std::string_view bytes = tables.parts.tokens[token];
  struct Part {
    std::size_t begin, end;
    TokenId id;
  };
  std::vector<Part> parts;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    parts.push_back({i, i + 1, tables.byte_tokens[static_cast<unsigned char>(bytes[i])]});
  while (parts.size() > 2) {
    std::optional<std::size_t> best;
    TokenId rank = token;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
      const auto id = tables.ordinary.find(bytes.substr(parts[i].begin, parts[i + 1].end - parts[i].begin));
      if (id && *id < rank) {
        rank = *id;
        best = i;
      }
    }
    if (!best) return std::nullopt;
    parts[*best].end = parts[*best + 1].end;
    parts[*best].id = rank;
    parts.erase(parts.begin() + static_cast<std::ptrdiff_t>(*best) + 1);
  }
  if (parts.size() < 2) return std::nullopt;
  return MergePair{parts[0].id, parts[1].id};
}

}  // namespace

std::vector<MergePair> merges_of_ranks(const TokenizerTables& tables) {
  std::vector<MergePair> merges;
  for (TokenId id = 0; id < tables.parts.tokens.size(); ++id) {
    if (tables.special[id] || tables.parts.tokens[id].size() < 2) continue;
    if (const std::optional<MergePair> merge = last_merge(tables, id)) merges.push_back(*merge);
  }
  return merges;
}

bool is_ranked(const TokenizerTables& tables, std::string& why_not) {
  const TokenizerParts& parts = tables.parts;
  if (parts.form != TokenizerParts::Form::bytes || !tables.has_all_bytes) {
    why_not = "it is not byte-level BPE with a token for each byte";
    return false;
  }
  if (!tables.normalizer.is_identity()) {
    why_not = "it normalizes text";
    return false;
  }
  bool seen_special = false;
  for (TokenId id = 0; id < parts.tokens.size(); ++id) {
    seen_special = seen_special || tables.special[id];
    if (seen_special && !tables.special[id]) {
      why_not = "its special tokens have ids before those of other tokens, which are the ranks";
      return false;
    }
  }
  if (parts.by_rank) return true;
  const std::vector<MergePair> merges = merges_of_ranks(tables);
  bool same = merges.size() == parts.merges.size();
  for (std::size_t i = 0; same && i < merges.size(); ++i)
    same = merges[i].left == parts.merges[i].left && merges[i].right == parts.merges[i].right;
  if (!same) why_not = "its merges are not those that the order of its tokens gives";
  return same;
}

}  // namespace lm
