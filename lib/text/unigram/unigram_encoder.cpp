#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/utf8.h"
#include "text/unigram/unigram.h"

namespace lm {

namespace {

// More nodes than these are given back after a piece.
constexpr std::size_t kKeptNodes = std::size_t{1} << 18;

}  // namespace

void UnigramEncoder::encode(std::string_view piece, std::vector<TokenId>& ids) {
  if (piece.empty()) return;
  unknown_from_.reset();
  previous_unk_ = false;
  switch (model_.options_.flavor) {
    case UnigramOptions::Flavor::sentencepiece:
      search(piece, float_nodes_, 0.0F, ids);
      return;
    case UnigramOptions::Flavor::llama:
      search(piece, double_nodes_, 0.0, ids);
      return;
    case UnigramOptions::Flavor::hugging_face:
      break;
  }
  if (cache_.find(piece, ids)) return;
  const std::size_t before = ids.size();
  search(piece, double_nodes_, 0.0, ids);
  cache_.insert(piece, ids, before);
}

// Viterbi's algorithm from character to character. Where no path reaches farther than the place at hand, all go through it: what
// comes before is decided, and its nodes are forgotten.
template <class Score>
Score UnigramEncoder::search(std::string_view piece, std::vector<Node<Score>>& nodes, Score score,
                             std::vector<TokenId>& ids) {
  base_ = frontier_ = 0;
  nodes.resize(std::max(nodes.size(), model_.longest_ + 8));
  nodes[0] = {};
  nodes[0].score = score;
  const char* end = piece.data() + piece.size();
  for (std::size_t at = 0; at < piece.size();) {
    if (at == frontier_ && at != base_) commit(piece, at, nodes, ids);
    const std::size_t needed = at - base_ + std::max<std::size_t>(model_.longest_, 4) + 1;
    if (nodes.size() < needed) {
      if (needed >= kUnreached)
        throw Error("cannot encode a stretch of 4 GiB without a place to split it; encode it in parts");
      nodes.resize(needed + needed / 2);
    }
    if constexpr (std::is_same_v<Score, float>) {
      const float so_far = nodes[at - base_].score;
      if (so_far < -kResetThreshold || so_far > kResetThreshold) {
        for (std::size_t i = at - base_; i <= frontier_ - base_; ++i) nodes[i].score -= so_far;
        nodes[at - base_].score = 0;
      }
    }
    extend(piece, at, nodes);
    at += decode_utf8(piece.data() + at, end).length;
  }
  commit(piece, piece.size(), nodes, ids);
  end_unknown(piece, ids);
  score = nodes[0].score;
  if (nodes.size() > kKeptNodes) {
    nodes = {};
    found_ = {};
  }
  return score;
}

template <class Score>
void UnigramEncoder::extend(std::string_view piece, std::size_t at, std::vector<Node<Score>>& nodes) {
  const PrefixTrie& trie = model_.trie_;
  Node<Score>* const here = nodes.data() + (at - base_);
  const Score so_far = here->score;
  const auto start = static_cast<std::uint32_t>(at - base_);
  const auto* bytes = reinterpret_cast<const unsigned char*>(piece.data()) + at;
  const std::size_t left = piece.size() - at;
  const std::size_t character = decode_utf8(piece.data() + at, piece.data() + piece.size()).length;
  const auto offer = [&](std::size_t length, Score score, TokenId id) {
    Node<Score>& target = here[length];
    const Score candidate = score + so_far;
    if (target.start != kUnreached && !(candidate > target.score)) return;
    target = {candidate, start, id};
  };
  bool has_single = false;
  std::size_t farthest = 0;
  PrefixTrie::Node node = PrefixTrie::kRoot;
  for (std::size_t i = 0; i < left; ++i) {
    node = trie.child(node, bytes[i]);
    if (node == PrefixTrie::kNoNode) break;
    const TokenId id = trie.token(node);
    if (id == PrefixTrie::kNoToken) continue;
    farthest = i + 1;
    has_single |= farthest == character;
    if constexpr (std::is_same_v<Score, float>) {
      offer(farthest, model_.float_scores_[id], id);
    } else {
      offer(farthest, model_.scores_[id], id);
    }
  }
  if (!has_single) {
    farthest = std::max(farthest, character);
    const Score unknown =
        std::is_same_v<Score, float> ? static_cast<Score>(model_.unknown_float_) : static_cast<Score>(model_.unknown_score_);
    offer(character, unknown, model_.options_.unk.value_or(PrefixTrie::kNoToken));
  }
  frontier_ = std::max(frontier_, at + farthest);
}

template <class Score>
void UnigramEncoder::commit(std::string_view piece, std::size_t end, std::vector<Node<Score>>& nodes,
                            std::vector<TokenId>& ids) {
  found_.clear();
  for (std::size_t at = end - base_; at > 0;) {
    const Node<Score>& node = nodes[at];
    found_.push_back({base_ + node.start, base_ + at, node.id});
    at = node.start;
  }
  const Score score = nodes[end - base_].score;
  const std::size_t used = std::max(frontier_, end) - base_ + 1;
  std::fill(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(used), Node<Score>{});
  nodes[0].score = score;
  base_ = end;
  for (std::size_t i = found_.size(); i-- > 0;) output(piece, found_[i], ids);
}

void UnigramEncoder::output(std::string_view piece, const Found& found, std::vector<TokenId>& ids) {
  const UnigramOptions& options = model_.options_;
  const bool is_unknown = found.id == options.unk || found.id == PrefixTrie::kNoToken;
  if (options.flavor == UnigramOptions::Flavor::hugging_face) {
    if (is_unknown) {
      unk();
      if (!unknown_from_) unknown_from_ = found.begin;
      unknown_to_ = found.end;
      return;
    }
    end_unknown(piece, ids);
    ids.push_back(found.id);
    return;
  }
  if (is_unknown && options.byte_fallback) {
    const bool complete = add_bytes(piece.substr(found.begin, found.end - found.begin), ids);
    if (complete) return;
  }
  if (!is_unknown || !previous_unk_) ids.push_back(is_unknown ? unk() : found.id);
  previous_unk_ = is_unknown;
}

// Hugging Face looks unknown characters in a row up as one spelling, and takes the bytes of all of them.
void UnigramEncoder::end_unknown(std::string_view piece, std::vector<TokenId>& ids) {
  if (!unknown_from_) return;
  const std::string_view run = piece.substr(*unknown_from_, unknown_to_ - *unknown_from_);
  unknown_from_.reset();
  if (run.size() <= model_.longest_) {
    const PrefixTrie::Node node = model_.trie_.find(run);
    if (node != PrefixTrie::kNoNode && model_.trie_.token(node) != PrefixTrie::kNoToken) {
      ids.push_back(model_.trie_.token(node));
      return;
    }
  }
  if (model_.options_.byte_fallback && add_bytes(run, ids)) return;
  ids.push_back(unk());
}

bool UnigramEncoder::add_bytes(std::string_view bytes, std::vector<TokenId>& ids) const {
  const auto token_of = [&](char byte) { return model_.byte_tokens_[static_cast<unsigned char>(byte)]; };
  if (!std::all_of(bytes.begin(), bytes.end(), [&](char byte) { return token_of(byte).has_value(); })) return false;
  for (const char byte : bytes) ids.push_back(*token_of(byte));
  return true;
}

TokenId UnigramEncoder::unk() const {
  if (!model_.options_.unk)
    throw Error("cannot encode a character that is not in the vocabulary: the tokenizer has no unknown token");
  return *model_.options_.unk;
}

}  // namespace lm
