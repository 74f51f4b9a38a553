#include "text/piece_encoder.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "text/vocabulary/byte_hash.h"

namespace lm {

PieceEncoder::PieceEncoder(const TokenizerTables& tables, Cache cache) : tables_(tables) {
  if (cache == Cache::used) cache_.resize(kCacheSlots);
}

void PieceEncoder::encode(std::string_view piece, std::vector<TokenId>& ids) {
  if (piece.size() == 1 && tables_.has_all_bytes) {
    ids.push_back(tables_.byte_tokens[static_cast<unsigned char>(piece[0])]);
    return;
  }
  if (cache_.empty() || piece.size() > kCachedBytes) return merge(piece, ids);
  std::array<char, 16> key{};
  std::memcpy(key.data(), piece.data(), piece.size());
  key[kCachedBytes] = static_cast<char>(piece.size());
  CacheSlot& slot = cache_[hash_bytes({key.data(), key.size()}) & (kCacheSlots - 1)];
  if (slot.key == key) {
    ids.insert(ids.end(), slot.ids.data(), slot.ids.data() + slot.count);
    return;
  }
  const std::size_t before = ids.size();
  const std::uint64_t unknown_before = unknown_;
  merge(piece, ids);
  const std::size_t count = ids.size() - before;
  if (count > kCachedTokens || unknown_ != unknown_before) return;  // unknown bytes are counted each time
  slot.key = key;
  slot.count = static_cast<std::uint32_t>(count);
  std::copy(ids.end() - static_cast<std::ptrdiff_t>(count), ids.end(), slot.ids.begin());
}

void PieceEncoder::merge(std::string_view piece, std::vector<TokenId>& ids) {
  if (tables_.parts.ignore_merges && piece.size() <= tables_.longest_ordinary) {
    if (const std::optional<TokenId> whole = tables_.ordinary.find(piece)) {
      ids.push_back(*whole);
      return;
    }
  }
  if (tables_.has_all_bytes || !drop_unknown(piece)) return merge_known(piece, ids);
  if (!known_.empty()) merge_known(known_, ids);
}

void PieceEncoder::merge_known(std::string_view piece, std::vector<TokenId>& ids) {
  if (piece.size() <= kShort) return merge_short(piece, ids);
  merge_long(piece, ids);
}

/// Counts the bytes that have no token. Returns true if they are to be left out: `known_` has the others then. (If unknown
/// text has a token, byte_tokens holds it.)
bool PieceEncoder::drop_unknown(std::string_view piece) {
  known_.clear();
  for (const char byte : piece) {
    const auto place = static_cast<unsigned char>(byte);
    if (tables_.missing_bytes[place]) ++unknown_;
    if (tables_.byte_tokens[place] != kNoByteToken) known_ += byte;
  }
  return known_.size() < piece.size();
}

void PieceEncoder::merge_short(std::string_view piece, std::vector<TokenId>& ids) const {
  std::array<TokenId, kShort> symbols;
  std::array<PairTable::Merge, kShort> merges;  // of each symbol with the next
  std::size_t count = piece.size();
  for (std::size_t i = 0; i < count; ++i) symbols[i] = tables_.byte_tokens[static_cast<unsigned char>(piece[i])];
  for (std::size_t i = 0; i + 1 < count; ++i) merges[i] = merge_of_bytes(piece, i);
  while (count > 1) {
    std::size_t best = 0;
    for (std::size_t i = 1; i + 1 < count; ++i) {
      if (merges[i].rank < merges[best].rank) best = i;
    }
    if (merges[best].rank == PairTable::kNoMerge) break;
    symbols[best] = merges[best].result;
    for (std::size_t i = best + 1; i + 1 < count; ++i) {
      symbols[i] = symbols[i + 1];
      merges[i] = merges[i + 1];
    }
    --count;
    if (best > 0) merges[best - 1] = tables_.pairs.find(symbols[best - 1], symbols[best]);
    if (best + 1 < count) merges[best] = tables_.pairs.find(symbols[best], symbols[best + 1]);
  }
  ids.insert(ids.end(), symbols.data(), symbols.data() + count);
}

std::uint32_t PieceEncoder::rank_at(std::uint32_t place) const {
  const Symbol& symbol = symbols_[place];
  return symbol.next == kNowhere ? PairTable::kNoMerge : tables_.pairs.find(symbol.id, symbols_[symbol.next].id).rank;
}

template <class Queue>
void PieceEncoder::push(std::uint32_t place, Queue& queue) {
  const std::uint32_t rank = rank_at(place);
  symbols_[place].rank = rank;
  if (rank != PairTable::kNoMerge) queue.push(rank, place);
}

PairTable::Merge PieceEncoder::merge_of_bytes(std::string_view piece, std::size_t at) const {
  const unsigned first = static_cast<unsigned char>(piece[at]), second = static_cast<unsigned char>(piece[at + 1]);
  return tables_.byte_pairs[first * 256 + second];
}

void PieceEncoder::merge_long(std::string_view piece, std::vector<TokenId>& ids) {
  constexpr std::size_t kVeryLong = 16384;  // the buckets' memory, for all ranks, is worth it
  if (piece.size() >= kNowhere)
    throw Error("cannot encode a stretch of 4 GiB without a place to split it; use another pattern");
  if (piece.size() < kVeryLong) {
    merge_all(piece, heap_);
  } else {
    merge_all(piece, buckets_);
  }
  for (std::uint32_t place = 0; place != kNowhere; place = symbols_[place].next) ids.push_back(symbols_[place].id);
  if (symbols_.capacity() > (std::size_t{1} << 20)) {  // a rare giant does not keep its memory
    symbols_ = {};
    buckets_.release();
  }
}

/// Merges all of a piece, into the list of symbols that begins at place 0.
template <class Queue>
void PieceEncoder::merge_all(std::string_view piece, Queue& queue) {
  const auto size = static_cast<std::uint32_t>(piece.size());
  symbols_.resize(size);
  queue.reset(tables_.parts.by_rank ? tables_.parts.tokens.size() : static_cast<std::uint32_t>(tables_.parts.merges.size()));
  for (std::uint32_t i = 0; i < size; ++i) {
    const bool is_last = i + 1 == size;
    symbols_[i] = {tables_.byte_tokens[static_cast<unsigned char>(piece[i])], i == 0 ? kNowhere : i - 1,
                   is_last ? kNowhere : i + 1, is_last ? PairTable::kNoMerge : merge_of_bytes(piece, i).rank};
    if (symbols_[i].rank != PairTable::kNoMerge) queue.push(symbols_[i].rank, i);
  }
  std::uint32_t rank = 0, place = 0;
  while (queue.pop(rank, place)) {
    Symbol& symbol = symbols_[place];
    // The list has changed here since; what it is now has its own entry. (A rank belongs to one pair, or by rank to one
    // string, and a symbol only grows: so an equal rank is the same merge.)
    if (symbol.rank != rank) continue;
    Symbol& right = symbols_[symbol.next];
    symbol.id = tables_.pairs.find(symbol.id, right.id).result;
    right.rank = PairTable::kNoMerge;
    symbol.next = right.next;
    if (symbol.next != kNowhere) symbols_[symbol.next].previous = place;
    push(place, queue);
    if (symbol.previous != kNowhere) push(symbol.previous, queue);
  }
}

}  // namespace lm
