#include "text/bpe/character_bpe.h"

#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace lm {

namespace {

[[noreturn]] void reject_bpe(std::string_view source, const std::string& why) {
  throw Error("cannot use the tokenizer '" + std::string(source) + "': " + why);
}

/// Returns numbers in the opposite order of the scores, -0 below +0.
std::uint32_t rank_of_score(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score);
  const std::uint32_t ascending = (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
  return ~ascending;
}

}  // namespace

CharacterBpe::CharacterBpe(const TokenStrings& tokens, std::span<const MergePair> merges, CharacterBpeOptions options,
                           std::string_view source)
    : tokens_(tokens), options_(std::move(options)) {
  check_options(source);
  index_tokens(source);
  if (options_.rule == CharacterBpeOptions::Rule::scores) {
    index_scores();
  } else {
    index_merges(merges, source);
  }
}

void CharacterBpe::check_options(std::string_view source) const {
  const std::uint32_t count = tokens_.size();
  if (count >= 0x40000000u) reject_bpe(source, "it has 2^30 tokens or more");
  const auto check = [&](std::size_t size, const char* what) {
    if (size != count) {
      reject_bpe(source, "it has " + std::to_string(count) + " tokens, but " + std::to_string(size) + " " + what);
    }
  };
  if (!options_.kinds.empty()) check(options_.kinds.size(), "kinds of tokens");
  if (!options_.absent.empty()) check(options_.absent.size(), "flags of tokens");
  if (options_.unk && *options_.unk >= count) reject_bpe(source, "its unknown token is not in the vocabulary");
  if (options_.rule != CharacterBpeOptions::Rule::scores) return;
  check(options_.scores.size(), "scores");
  for (const float score : options_.scores) {
    if (std::isnan(score)) reject_bpe(source, "one of its scores is not a number");
  }
}

void CharacterBpe::index_tokens(std::string_view source) {
  index_.reset(tokens_, tokens_.size());
  std::vector<PrefixTrie::Key> user_defined;
  for (TokenId id = 0; id < tokens_.size(); ++id) {
    const std::string_view spelling = tokens_[id];
    if (spelling.empty() || is_absent(id)) continue;
    if (!index_.insert(id)) reject_bpe(source, "two of its tokens are " + json_quote(spelling.substr(0, 100)));
    longest_ = std::max(longest_, spelling.size());
    const bool by_scores = options_.rule == CharacterBpeOptions::Rule::scores;
    if (!by_scores || comes_from_merges(id)) characters_.add_neighbours(spelling);
    const DecodedChar first = decode_utf8(spelling.data(), spelling.data() + spelling.size());
    if (first.code_point != kInvalidCodePoint && first.length == spelling.size())
      characters_.at(first.code_point).symbol = id;
    if (by_scores && kind_of(id) == PieceKind::user_defined) user_defined.emplace_back(spelling, id);
  }
  for (const PrefixTrie::Key& key : user_defined) {
    if (key.second >= PrefixTrie::kNoToken) reject_bpe(source, "it has more than 8 million tokens");
  }
  has_user_defined_ = !user_defined.empty();
  user_defined_.build(std::move(user_defined));
  byte_tokens_ = find_byte_tokens([&](std::string_view name) { return index_.find(name); });
}

void CharacterBpe::index_merges(std::span<const MergePair> merges, std::string_view source) {
  const std::string& prefix = options_.continuing_subword_prefix;
  can_cut_ = prefix.empty() && options_.end_of_word_suffix.empty();
  lets_vanish_ = !options_.unk && !options_.partial_bytes;
  std::vector<bool> fallback(tokens_.size());  // tokens that stand for what has none
  if (options_.unk) fallback[*options_.unk] = true;
  for (const std::optional<TokenId>& token : byte_tokens_) {
    if (token && options_.byte_fallback) fallback[*token] = true;
  }
  pairs_.reset(merges.size());
  std::string joined;
  // The last of equal pairs counts: it comes first here, and the others are left out.
  for (std::size_t i = merges.size(); i-- > 0;) {
    const auto [left, right] = merges[i];
    const std::string name = "merge " + std::to_string(i);
    if (left >= tokens_.size() || right >= tokens_.size()) reject_bpe(source, name + " has no token");
    if (tokens_[right].size() < prefix.size())
      reject_bpe(source, name + " goes on with a token that is shorter than the prefix of such");
    joined.assign(tokens_[left]).append(tokens_[right].substr(prefix.size()));
    const std::optional<TokenId> result = index_.find(joined);
    if (!result)
      reject_bpe(source, name + " makes " + json_quote(std::string_view(joined).substr(0, 100)) + ", which is not a token");
    pairs_.insert({left, right}, {static_cast<std::uint32_t>(i), *result});
    if (fallback[left] || fallback[right]) can_cut_ = false;
  }
}

bool CharacterBpe::comes_from_merges(TokenId token) const {
  const PieceKind kind = kind_of(token);
  return kind == PieceKind::normal || kind == PieceKind::user_defined || kind == PieceKind::unused;
}

TokenId CharacterBpe::symbol_of(std::string_view part) const {
  if (const std::optional<TokenId> token = index_.find(part)) return *token;
  const DecodedChar first = decode_utf8(part.data(), part.data() + part.size());
  if (first.code_point == kInvalidCodePoint || first.length != part.size()) return kNoSymbol;
  return characters_.of(first.code_point).symbol;
}

void CharacterBpe::index_scores() {
  // A character that is in tokens without being one merges as others do, so it has a symbol, too.
  const std::uint32_t count = tokens_.size();
  TokenId next_symbol = count;
  std::vector<bool> lengths(longest_ + 1);
  for (TokenId id = 0; id < count; ++id) {
    const std::string_view spelling = tokens_[id];
    if (spelling.empty() || is_absent(id)) continue;
    lengths[spelling.size()] = true;
    if (!comes_from_merges(id)) continue;
    const char* end = spelling.data() + spelling.size();
    for (const char* at = spelling.data(); at != end;) {
      const DecodedChar character = decode_utf8(at, end);
      at += character.length;
      if (character.code_point == kInvalidCodePoint) continue;
      lengths[character.length] = true;
      TokenId& symbol = characters_.at(character.code_point).symbol;
      if (symbol == kNoSymbol) symbol = next_symbol++;
    }
  }
  struct Found {
    MergePair pair;
    TokenId result;
  };
  std::vector<Found> found;
  for (TokenId id = 0; id < count; ++id) {
    const std::string_view spelling = tokens_[id];
    if (spelling.empty() || is_absent(id) || !comes_from_merges(id)) continue;
    for (std::size_t cut = 1; cut < spelling.size(); ++cut) {
      if ((static_cast<unsigned char>(spelling[cut]) & 0xC0) == 0x80 || !lengths[cut] || !lengths[spelling.size() - cut])
        continue;
      const TokenId left = symbol_of(spelling.substr(0, cut));
      if (left == kNoSymbol) continue;
      const TokenId right = symbol_of(spelling.substr(cut));
      if (right != kNoSymbol) found.push_back({{left, right}, id});
    }
  }
  pairs_.reset(found.size());
  for (const Found& merge : found) {
    pairs_.insert(merge.pair, {rank_of_score(options_.scores[merge.result]), merge.result});
    if (kind_of(merge.result) == PieceKind::unused) add_split(merge.pair, merge.result);
  }
}

void CharacterBpe::add_split(MergePair pair, TokenId result) {
  splits_.resize(tokens_.size(), {kNoSymbol, kNoSymbol});
  // Which of two ways counts depends on the whole text.
  if (splits_[result].left != kNoSymbol) can_cut_ = false;
  splits_[result] = pair;
}

}  // namespace lm
