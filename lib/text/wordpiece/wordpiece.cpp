#include "text/wordpiece/wordpiece.h"

#include "base/error.h"
#include "base/utf8.h"

namespace lm {

namespace {

[[noreturn]] void refuse_unknown_word() {
  throw Error("cannot encode a word that is not in the vocabulary: the tokenizer has no unknown token");
}

bool is_left_out(const std::vector<bool>& absent, TokenId id) { return id < absent.size() && absent[id]; }

/// Returns whether a text has at most `limit` characters.
bool has_at_most(std::string_view text, std::uint64_t limit) {
  if (text.size() <= limit) return true;
  const char* end = text.data() + text.size();
  std::uint64_t count = 0;
  for (const char* at = text.data(); at != end && count <= limit; ++count) at += decode_utf8(at, end).length;
  return count <= limit;
}

}  // namespace

WordPiece::WordPiece(const TokenStrings& tokens, WordPieceOptions options, std::string_view source)
    : options_(std::move(options)) {
  if (tokens.size() >= PrefixTrie::kNoToken)
    throw Error("cannot use the tokenizer '" + std::string(source) + "': it has more than 8 million tokens");
  std::vector<PrefixTrie::Key> keys;
  keys.reserve(tokens.size());
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (!is_left_out(options_.absent, id)) keys.emplace_back(tokens[id], id);
  }
  trie_.build(std::move(keys));
  continuing_ = trie_.find(options_.continuing_subword_prefix);
}

void WordPieceEncoder::encode(std::string_view word, std::vector<TokenId>& ids) {
  if (word.empty() || cache_.find(word, ids)) return;
  const WordPieceOptions& options = model_.options_;
  const std::size_t before = ids.size();
  bool known = has_at_most(word, options.max_input_chars_per_word);
  if (known && options.word_prefix.empty()) {
    known = match(word, ids);
  } else if (known) {
    prefixed_.assign(options.word_prefix).append(word);
    known = match(prefixed_, ids);
  }
  if (!known) {
    if (!options.unk) refuse_unknown_word();
    ids.resize(before);
    ids.push_back(*options.unk);
  }
  cache_.insert(word, ids, before);
}

bool WordPieceEncoder::match(std::string_view word, std::vector<TokenId>& ids) const {
  const PrefixTrie& trie = model_.trie_;
  for (std::size_t start = 0; start < word.size();) {
    PrefixTrie::Node node = start == 0 ? PrefixTrie::kRoot : model_.continuing_;
    std::size_t length = 0;
    TokenId token = 0;
    for (std::size_t at = start; at < word.size() && node != PrefixTrie::kNoNode; ++at) {
      node = trie.child(node, static_cast<unsigned char>(word[at]));
      if (node == PrefixTrie::kNoNode || trie.token(node) == PrefixTrie::kNoToken) continue;
      length = at + 1 - start;
      token = trie.token(node);
    }
    if (length == 0) return false;
    ids.push_back(token);
    start += length;
  }
  return true;
}

WordLevel::WordLevel(const TokenStrings& tokens, std::optional<TokenId> unk, const std::vector<bool>& absent) : unk_(unk) {
  index_.reset(tokens, tokens.size());
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (!tokens[id].empty() && !is_left_out(absent, id)) index_.insert(id);
  }
}

void WordLevel::encode(std::string_view word, std::vector<TokenId>& ids) const {
  const std::optional<TokenId> id = index_.find(word);
  if (!id && !unk_) refuse_unknown_word();
  ids.push_back(id ? *id : *unk_);
}

}  // namespace lm
