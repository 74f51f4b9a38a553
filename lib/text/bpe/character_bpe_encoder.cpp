#include <algorithm>
#include <array>
#include <functional>

#include "base/error.h"
#include "base/utf8.h"
#include "text/bpe/character_bpe.h"

namespace lm {

namespace {

// Marks the symbol of a user-defined token, which is in no merge.
constexpr TokenId kFrozen = 0x80000000;
// SentencePiece splits unused tokens no deeper.
constexpr int kMaxSplitDepth = 100;

}  // namespace

void CharacterBpeEncoder::encode(std::string_view piece, std::vector<TokenId>& ids) {
  if (piece.empty()) return;
  if (piece.size() >= kNowhere)
    throw Error("cannot encode a stretch of 4 GiB without a place to split it; encode it in parts");
  pending_unk_ = previous_unk_ = false;
  const CharacterBpeOptions& options = model_.options_;
  if (options.ignore_merges || (options.newline_runs && piece.find_first_not_of('\n') == std::string_view::npos)) {
    const std::optional<TokenId> whole = piece.size() <= model_.longest_ ? model_.index_.find(piece) : std::nullopt;
    if (whole) {
      ids.push_back(*whole);
      return;
    }
  }
  if (model_.can_cut_) {
    encode_cut(without_vanishing(piece), ids);
    end_unknown(ids);
  } else if (!cache_.find(piece, ids)) {
    met_unknown_ = false;
    const std::size_t before = ids.size();
    encode_whole(piece, ids);
    if (!met_unknown_ && ids.size() > before) cache_.insert(piece, ids, before);
  }
}

/// Returns the piece without the characters that leave nothing, not even a place that merges do not cross.
std::string_view CharacterBpeEncoder::without_vanishing(std::string_view piece) {
  if (!model_.lets_vanish_) return piece;
  kept_.clear();
  const char* end = piece.data() + piece.size();
  for (const char* at = piece.data(); at != end;) {
    const DecodedChar character = decode_utf8(at, end);
    const std::string_view bytes(at, character.length);
    at += character.length;
    if (model_.characters_.of(character.code_point).symbol != CharacterTable::kNoSymbol || has_bytes(bytes)) {
      kept_ += bytes;
    } else {
      lost_ += bytes.size();
    }
  }
  return kept_;
}

std::size_t CharacterBpeEncoder::user_defined_length(std::string_view text, TokenId& token) const {
  std::size_t length = 0;
  PrefixTrie::Node node = PrefixTrie::kRoot;
  for (std::size_t i = 0; i < text.size(); ++i) {
    node = model_.user_defined_.child(node, static_cast<unsigned char>(text[i]));
    if (node == PrefixTrie::kNoNode) break;
    if (model_.user_defined_.token(node) == PrefixTrie::kNoToken) continue;
    token = model_.user_defined_.token(node);
    length = i + 1;
  }
  return length;
}

void CharacterBpeEncoder::encode_cut(std::string_view piece, std::vector<TokenId>& ids) {
  const CharacterTable& characters = model_.characters_;
  const char* end = piece.data() + piece.size();
  std::size_t word = 0;  // where the word at hand begins
  std::uint32_t before = 0;
  for (std::size_t at = 0; at < piece.size();) {
    TokenId user_defined = 0;
    const std::size_t length =
        model_.has_user_defined_ ? user_defined_length(piece.substr(at), user_defined) : std::size_t{0};
    const DecodedChar character = decode_utf8(piece.data() + at, end);
    const CharacterTable::Character entry = characters.of(character.code_point);
    if (length == 0 && entry.symbol != CharacterTable::kNoSymbol) {
      if (at != word && !characters.joins(before, entry.index)) {
        encode_word(piece.substr(word, at - word), ids);
        word = at;
      }
      before = entry.index;
      at += character.length;
      continue;
    }
    if (at != word) encode_word(piece.substr(word, at - word), ids);
    if (length > 0) {
      output(user_defined | kFrozen, piece.substr(at, length), ids);
    } else {
      unknown(piece.substr(at, character.length), ids);
    }
    at += length > 0 ? length : character.length;
    word = at;
  }
  if (word < piece.size()) encode_word(piece.substr(word), ids);
}

/// Encodes characters that all have symbols.
void CharacterBpeEncoder::encode_word(std::string_view word, std::vector<TokenId>& ids) {
  end_unknown(ids);
  if (cache_.find(word, ids)) {
    previous_unk_ = false;
    return;
  }
  symbols_.clear();
  const char* end = word.data() + word.size();
  for (std::size_t at = 0; at < word.size();) {
    const DecodedChar character = decode_utf8(word.data() + at, end);
    add_symbol(model_.characters_.of(character.code_point).symbol, at);
    at += character.length;
  }
  met_unknown_ = false;
  const std::size_t before = ids.size();
  merge(word, ids);
  if (!met_unknown_) cache_.insert(word, ids, before);
}

void CharacterBpeEncoder::encode_whole(std::string_view piece, std::vector<TokenId>& ids) {
  symbols_.clear();
  if (by_scores()) {
    splits_.assign(model_.splits_.size(), {CharacterTable::kNoSymbol, CharacterTable::kNoSymbol});
    add_scored(piece);
  } else {
    listed_.clear();
    list_symbols(piece, listed_);
    for (const TokenId id : listed_) add_symbol(id, 0);  // where they begin does not matter
  }
  if (!symbols_.empty()) merge(piece, ids);
}

TokenId CharacterBpeEncoder::listed_symbol(std::string_view character, bool first, bool last) {
  composed_.clear();
  if (!first) composed_ += model_.options_.continuing_subword_prefix;
  composed_ += character;
  if (last) composed_ += model_.options_.end_of_word_suffix;
  return model_.index_.find(composed_).value_or(CharacterTable::kNoSymbol);
}

void CharacterBpeEncoder::list_symbols(std::string_view piece, std::vector<TokenId>& ids) {
  const char* end = piece.data() + piece.size();
  for (std::size_t at = 0; at < piece.size();) {
    const std::size_t length = decode_utf8(piece.data() + at, end).length;
    const TokenId symbol = listed_symbol(piece.substr(at, length), at == 0, at + length == piece.size());
    at += length;
    if (symbol == CharacterTable::kNoSymbol) {
      unknown(composed_, ids);
      continue;
    }
    end_unknown(ids);
    ids.push_back(symbol);
  }
  end_unknown(ids);
}

void CharacterBpeEncoder::add_scored(std::string_view piece) {
  const char* end = piece.data() + piece.size();
  for (std::size_t at = 0; at < piece.size();) {
    TokenId user_defined = 0;
    const std::size_t length =
        model_.has_user_defined_ ? user_defined_length(piece.substr(at), user_defined) : std::size_t{0};
    if (length > 0) {
      add_symbol(user_defined | kFrozen, at);
      at += length;
      continue;
    }
    const DecodedChar character = decode_utf8(piece.data() + at, end);
    add_symbol(model_.characters_.of(character.code_point).symbol, at);
    at += character.length;
  }
}

void CharacterBpeEncoder::add_symbol(TokenId id, std::size_t begin) {
  const auto place = static_cast<std::uint32_t>(symbols_.size());
  if (place > 0) symbols_.back().next = place;
  symbols_.push_back(
      {id, static_cast<std::uint32_t>(begin), place == 0 ? kNowhere : place - 1, kNowhere, PairTable::kNoMerge});
}

void CharacterBpeEncoder::merge(std::string_view stretch, std::vector<TokenId>& ids) {
  // Only the heap's order is that in which SentencePiece learns how to split unused tokens.
  if (symbols_.size() <= kShort && splits_.empty()) {
    merge_short();
  } else {
    merge_long();
  }
  for (std::uint32_t place = 0; place != kNowhere;) {
    const Symbol& symbol = symbols_[place];
    const std::size_t end = symbol.next == kNowhere ? stretch.size() : symbols_[symbol.next].begin;
    output(symbol.id, stretch.substr(symbol.begin, end - symbol.begin), ids);
    place = symbol.next;
  }
  if (symbols_.capacity() > (std::size_t{1} << 20)) {  // a rare giant does not keep its memory
    symbols_ = {};
    heap_ = {};
  }
}

void CharacterBpeEncoder::merge_short() {
  std::array<PairTable::Merge, kShort> merges;  // of each symbol with the next
  std::size_t count = symbols_.size();
  for (std::size_t i = 0; i + 1 < count; ++i) merges[i] = model_.pairs_.find(symbols_[i].id, symbols_[i + 1].id);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == PairTable::kNoMerge) break;
    symbols_[best].id = merges[best].result;
    for (std::size_t i = best + 1; i + 1 < count; ++i) {
      symbols_[i].id = symbols_[i + 1].id;
      symbols_[i].begin = symbols_[i + 1].begin;
      merges[i] = merges[i + 1];
    }
    --count;
    if (best > 0) merges[best - 1] = model_.pairs_.find(symbols_[best - 1].id, symbols_[best].id);
    if (best + 1 < count) merges[best] = model_.pairs_.find(symbols_[best].id, symbols_[best + 1].id);
  }
  symbols_.resize(count);
  symbols_.back().next = kNowhere;
}

void CharacterBpeEncoder::push(std::uint32_t place) {
  Symbol& symbol = symbols_[place];
  symbol.rank = PairTable::kNoMerge;
  if (symbol.next == kNowhere) return;
  const TokenId right = symbols_[symbol.next].id;
  const PairTable::Merge merge = model_.pairs_.find(symbol.id, right);
  if (merge.rank == PairTable::kNoMerge) return;
  symbol.rank = merge.rank;
  if (!splits_.empty()) splits_[merge.result] = {symbol.id, right};
  heap_.push_back((std::uint64_t{merge.rank} << 32) | place);
  std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
}

void CharacterBpeEncoder::merge_long() {
  heap_.clear();
  for (std::uint32_t place = 0; place < symbols_.size(); ++place) push(place);
  while (!heap_.empty()) {
    std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
    const std::uint64_t entry = heap_.back();
    heap_.pop_back();
    const auto place = static_cast<std::uint32_t>(entry);
    Symbol& symbol = symbols_[place];
    // The list has changed here since; what it is now has its own entry. (Of equal ranks the merge at hand is the one that
    // comes next.)
    if (symbol.rank != static_cast<std::uint32_t>(entry >> 32)) continue;
    Symbol& right = symbols_[symbol.next];
    symbol.id = model_.pairs_.find(symbol.id, right.id).result;
    right.rank = PairTable::kNoMerge;
    symbol.next = right.next;
    if (symbol.next != kNowhere) symbols_[symbol.next].previous = place;
    if (symbol.previous != kNowhere) push(symbol.previous);
    push(place);
  }
}

void CharacterBpeEncoder::output(TokenId symbol, std::string_view bytes, std::vector<TokenId>& ids) {
  if (!by_scores()) {
    ids.push_back(symbol);
    return;
  }
  if (symbol == CharacterTable::kNoSymbol) return unknown(bytes, ids);
  const TokenId token = symbol & ~kFrozen;
  if (token >= model_.tokens_.size()) return unknown(bytes, ids);
  const PieceKind kind = model_.kind_of(token);
  if (kind == PieceKind::unused) return split_unused(token, bytes, ids);
  if (kind != PieceKind::normal && kind != PieceKind::user_defined) return unknown(bytes, ids);
  previous_unk_ = false;
  ids.push_back(token);
}

void CharacterBpeEncoder::split_unused(TokenId token, std::string_view bytes, std::vector<TokenId>& ids) {
  const std::vector<MergePair>& splits = splits_.empty() ? model_.splits_ : splits_;
  struct Part {
    TokenId symbol;
    std::string_view bytes;
    int depth;
  };
  std::vector<Part> parts{{token, bytes, 0}};
  while (!parts.empty()) {
    const Part part = parts.back();
    parts.pop_back();
    const bool is_token = part.symbol < model_.tokens_.size();
    if (part.depth > kMaxSplitDepth && is_token) {
      ids.push_back(part.symbol);
      previous_unk_ = false;
      continue;
    }
    if (!is_token || model_.kind_of(part.symbol) != PieceKind::unused) {
      output(part.symbol, part.bytes, ids);
      continue;
    }
    const MergePair pair = splits.empty() ? MergePair{CharacterTable::kNoSymbol, 0} : splits[part.symbol];
    if (pair.left == CharacterTable::kNoSymbol) {
      unknown(part.bytes, ids);
      continue;
    }
    const std::size_t cut = pair.left < model_.tokens_.size()
                                ? model_.tokens_[pair.left].size()
                                : decode_utf8(part.bytes.data(), part.bytes.data() + part.bytes.size()).length;
    parts.push_back({pair.right, part.bytes.substr(cut), part.depth + 1});
    parts.push_back({pair.left, part.bytes.substr(0, cut), part.depth + 1});
  }
}

bool CharacterBpeEncoder::has_bytes(std::string_view bytes) const {
  if (!model_.options_.byte_fallback) return false;
  return model_.options_.partial_bytes || std::all_of(bytes.begin(), bytes.end(), [&](char byte) {
           return model_.byte_tokens_[static_cast<unsigned char>(byte)].has_value();
         });
}

bool CharacterBpeEncoder::add_bytes(std::string_view bytes, std::vector<TokenId>& ids) const {
  if (!has_bytes(bytes)) return false;
  for (const char byte : bytes) {
    if (const std::optional<TokenId> token = model_.byte_tokens_[static_cast<unsigned char>(byte)]) ids.push_back(*token);
  }
  return true;
}

void CharacterBpeEncoder::unknown(std::string_view bytes, std::vector<TokenId>& ids) {
  met_unknown_ = true;
  const CharacterBpeOptions& options = model_.options_;
  // A pending unknown token stays so: Hugging Face adds it after the bytes.
  if (add_bytes(bytes, ids)) return;
  if (!options.unk) {
    lost_ += bytes.size();
    return;
  }
  if (by_scores()) {
    if (!previous_unk_) ids.push_back(*options.unk);
    previous_unk_ = true;
    return;
  }
  if (pending_unk_ && !options.fuse_unk) ids.push_back(*options.unk);
  pending_unk_ = true;
}

void CharacterBpeEncoder::end_unknown(std::vector<TokenId>& ids) {
  if (!pending_unk_) return;
  ids.push_back(*model_.options_.unk);
  pending_unk_ = false;
}

}  // namespace lm
