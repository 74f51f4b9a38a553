#include "text/tokenizer_build.h"

#include <array>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/little_endian.h"
#include "base/suggest.h"

namespace lm {

namespace {

// In the order of preference: names under which known tokenizers end a document.
constexpr std::array<std::string_view, 7> kEndOfTextNames = {
    "<|endoftext|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>", "<|im_end|>", "</s>", "<eos>", "[EOS]"};

[[noreturn]] void reject(std::string_view source, const std::string& why) {
  throw Error("cannot use the tokenizer '" + std::string(source) + "': " + why);
}

std::string quote(std::string_view bytes) { return json_quote(bytes.substr(0, 100)); }

/// Returns the id whose bytes are `name`, special or not.
std::optional<TokenId> find_name(const TokenStrings& tokens, std::string_view name) {
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (tokens[id] == name) return id;
  }
  return std::nullopt;
}

std::optional<TokenId> find_known_end_of_text(const TokenStrings& tokens) {
  for (const std::string_view name : kEndOfTextNames) {
    if (const std::optional<TokenId> id = find_name(tokens, name)) return id;
  }
  return std::nullopt;
}

/// Refuses a name that no token has, and names the special tokens that it is similar to.
[[noreturn]] void refuse_end_of_text(const TokenizerTables& tables, const std::string& name, std::string_view source) {
  std::vector<std::string> specials;
  for (const AddedToken& added : tables.parts.added) {
    if (added.special) specials.emplace_back(tables.parts.tokens[added.id]);
  }
  std::vector<std::string> similar = similar_words(name, specials);
  if (similar.empty()) similar = similar_words("<|" + name + "|>", specials);
  reject(source, "it has no token " + quote(name) + " to be its end-of-text" + did_you_mean(similar));
}

/// Marks special tokens and unused ids, and makes the end-of-text token special if the file does not say so.
void mark_special(TokenizerTables& tables, const TokenizerOptions& options, std::string_view source) {
  const TokenStrings& tokens = tables.parts.tokens;
  tables.special.assign(tokens.size(), false);
  for (TokenId id = 0; id < tokens.size(); ++id) tables.special[id] = tokens[id].empty();
  for (const AddedToken& added : tables.parts.added) {
    if (added.special) tables.special[added.id] = true;
  }
  std::optional<TokenId> end_of_text;
  const std::string& name = options.end_of_text.empty() ? tables.parts.end_of_text : options.end_of_text;
  if (!name.empty()) {
    end_of_text = find_name(tokens, name);
    if (!end_of_text) refuse_end_of_text(tables, name, source);
  }
  const std::optional<TokenId> known = find_known_end_of_text(tokens);
  if (!end_of_text) end_of_text = known;
  if (!end_of_text) reject(source, "it has no end-of-text token of a known name; name one with --end-of-text");
  tables.end_of_text = *end_of_text;
  tables.parts.end_of_text = end_of_text == known ? std::string() : std::string(tokens[*end_of_text]);
  if (tables.special[*end_of_text]) return;
  tables.special[*end_of_text] = true;
  for (AddedToken& added : tables.parts.added) {
    if (added.id == *end_of_text) {
      added.special = true;
      return;
    }
  }
  tables.parts.added.push_back({*end_of_text, true});
}

void index_ordinary(TokenizerTables& tables, std::string_view source) {
  const TokenStrings& tokens = tables.parts.tokens;
  tables.ordinary.reset(tokens, tokens.size());
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (tables.special[id]) continue;
    const std::string_view bytes = tokens[id];
    if (!tables.ordinary.insert(id)) reject(source, "two of its tokens are " + quote(bytes));
    tables.longest_ordinary = std::max(tables.longest_ordinary, bytes.size());
    for (std::size_t i = 1; i < bytes.size(); ++i) {
      tables.joined[static_cast<unsigned char>(bytes[i - 1]) * 256u + static_cast<unsigned char>(bytes[i])] = true;
    }
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    const char text = static_cast<char>(byte);
    const std::optional<TokenId> id = tables.ordinary.find({&text, 1});
    if (!id) reject(source, "it has no token for the byte " + std::to_string(byte) + ", so it cannot hold any text");
    tables.byte_tokens[byte] = *id;
  }
}

void index_merges(TokenizerTables& tables, std::string_view source) {
  const TokenizerParts& parts = tables.parts;
  tables.pairs.reset(parts.merges.size());
  std::string joined;
  for (std::uint32_t rank = 0; rank < parts.merges.size(); ++rank) {
    const auto [left, right] = parts.merges[rank];
    joined.assign(parts.tokens[left]).append(parts.tokens[right]);
    const std::optional<TokenId> result = tables.ordinary.find(joined);
    if (!result) {
      // A merge that spells a special token is in the file for others; text must not reach it.
      if (find_name(parts.tokens, joined)) continue;
      reject(source, "merge " + std::to_string(rank) + " makes " + quote(joined) + ", which is not a token");
    }
    if (!tables.pairs.insert({left, right}, {rank, *result})) {
      reject(source, "merge " + std::to_string(rank) + ", " + quote(parts.tokens[left]) + " and " +
                         quote(parts.tokens[right]) + ", appears twice");
    }
  }
}

/// Makes rank mode pairs: each way to cut a token into two tokens is a merge of the token's rank, which is its id.
void index_ranks(TokenizerTables& tables) {
  const TokenStrings& tokens = tables.parts.tokens;
  std::vector<bool> lengths(tables.longest_ordinary + 1);
  for (TokenId id = 0; id < tokens.size(); ++id) lengths[tables.special[id] ? 0 : tokens[id].size()] = true;
  struct Found {
    MergePair pair;
    TokenId result;
  };
  std::vector<Found> found;
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (tables.special[id]) continue;
    const std::string_view bytes = tokens[id];
    for (std::size_t cut = 1; cut < bytes.size(); ++cut) {
      if (!lengths[cut] || !lengths[bytes.size() - cut]) continue;
      const std::optional<TokenId> left = tables.ordinary.find(bytes.substr(0, cut));
      if (!left) continue;
      const std::optional<TokenId> right = tables.ordinary.find(bytes.substr(cut));
      if (right) found.push_back({{*left, *right}, id});
    }
  }
  tables.pairs.reset(found.size());
  for (const Found& merge : found) LM_CHECK(tables.pairs.insert(merge.pair, {merge.result, merge.result}));
}

void build_matchers(TokenizerTables& tables) {
  for (const AddedToken& added : tables.parts.added) {
    const std::string_view spelling = tables.parts.tokens[added.id];
    tables.all.add(spelling, added.id);
    if (!tables.special[added.id]) tables.always.add(spelling, added.id);
  }
}

/// Hashes what lm-tokenizer(5) says.
Fingerprint fingerprint_of(const TokenizerTables& tables) {
  const TokenizerParts& parts = tables.parts;
  Hasher hasher;
  std::string bytes;
  const auto number = [&](std::uint64_t value) { bytes += little_bytes(static_cast<std::uint32_t>(value)); };
  const auto text = [&](std::string_view value) {
    number(value.size());
    bytes += value;
  };
  const auto hash_now = [&](std::size_t limit) {
    if (bytes.size() <= limit) return;
    hasher.update(bytes.data(), bytes.size());
    bytes.clear();
  };
  number(parts.by_rank ? 1 : 0);
  text(to_string(parts.pattern));
  text("");  // the normalizer: none
  number(parts.ignore_merges ? 1 : 0);
  number(parts.tokens.size());
  for (TokenId id = 0; id < parts.tokens.size(); ++id) {
    text(parts.tokens[id]);
    bytes += tables.special[id] ? '\1' : '\0';
    hash_now(65536);
  }
  number(parts.merges.size());
  for (const MergePair& merge : parts.merges) {
    number(merge.left);
    number(merge.right);
    hash_now(65536);
  }
  hash_now(0);
  return hasher.digest128();
}

}  // namespace

std::unique_ptr<TokenizerTables> build_tables(TokenizerParts parts, const TokenizerOptions& options,
                                              std::string_view source) {
  auto tables = std::make_unique<TokenizerTables>();
  tables->parts = std::move(parts);
  if (options.pattern && *options.pattern != tables->parts.pattern) {
    reject(source,
           "its pattern is " + std::string(to_string(tables->parts.pattern)) + ", not " + to_string(*options.pattern));
  }
  mark_special(*tables, options, source);
  index_ordinary(*tables, source);
  if (tables->parts.by_rank) {
    index_ranks(*tables);
  } else {
    index_merges(*tables, source);
  }
  build_matchers(*tables);
  tables->fingerprint = fingerprint_of(*tables);
  return tables;
}

}  // namespace lm
