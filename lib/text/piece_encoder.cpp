#include "text/piece_encoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <span>

#include "base/error.h"

namespace lm {

namespace {
/// Returns the place of the lowest bit of a number that is not 0.
std::size_t lowest_bit(std::uint64_t bits) { return static_cast<std::size_t>(std::countr_zero(bits)) & 63; }
std::size_t highest_bit(std::uint64_t bits) { return static_cast<std::size_t>(std::bit_width(bits) - 1) & 63; }

/// Ranks of up to 64 places, compared four at a time. They are below 2^31, or kNoMerge, which is held as the largest of these.
class RankLanes {
 public:
  void clear(std::size_t lanes) {
    for (std::size_t i = 0; i < lanes; ++i) lanes_[i] = Lane{kNone, kNone, kNone, kNone};
  }
  void set(std::size_t place, std::uint32_t rank) { numbers()[place] = static_cast<std::int32_t>(rank & 0x7FFFFFFF); }
  std::uint32_t get(std::size_t place) const { return static_cast<std::uint32_t>(numbers()[place]); }
  /// Finds the leftmost of the lowest ranks; false if there is none.
  bool lowest(std::size_t lanes, std::size_t& place) const {
    Lane low = lanes_[0];
    for (std::size_t i = 1; i < lanes; ++i) low = lanes_[i] < low ? lanes_[i] : low;
    const std::int32_t lowest = std::min(std::min(low[0], low[1]), std::min(low[2], low[3]));
    std::uint64_t found = 0;
    for (std::size_t i = lanes; i-- > 0;) {
      const Lane same = (lanes_[i] == lowest) & Lane{1, 2, 4, 8};
      found = (found << 4) | static_cast<std::uint64_t>(same[0] | same[1] | same[2] | same[3]);
    }
    place = lowest_bit(found);
    return lowest != kNone;
  }

 private:
  using Lane = std::int32_t __attribute__((vector_size(16)));
  static constexpr std::int32_t kNone = 0x7FFFFFFF;
  std::int32_t* numbers() { return reinterpret_cast<std::int32_t*>(lanes_.data()); }
  const std::int32_t* numbers() const { return reinterpret_cast<const std::int32_t*>(lanes_.data()); }
  std::array<Lane, 16> lanes_;
};
}  // namespace

PieceEncoder::PieceEncoder(const TokenizerTables& tables, Cache cache) : tables_(tables) {
  if (cache == Cache::used && tables.parts.tokens.size() < (std::size_t{1} << PieceTable::kIdBits)) table_.prepare();
}

void PieceEncoder::encode(std::string_view piece, std::vector<TokenId>& ids) {
  if (!table_.is_ready()) return merge(piece, ids);
  if (piece.size() <= PieceTable::kShortBytes) {
    std::array<char, PieceTable::kKeyBytes> bytes{};
    std::memcpy(bytes.data(), piece.data(), piece.size());
    const std::uint32_t ends[] = {0, static_cast<std::uint32_t>(piece.size())};
    return encode_batch(bytes.data(), ends, 1, ids);
  }
  encode_missing(piece, ids);
}

void PieceEncoder::encode_all(std::string_view text, const std::uint32_t* starts, std::size_t count,
                              std::vector<TokenId>& ids) {
  const auto piece = [&](std::size_t i) { return text.substr(starts[i], starts[i + 1] - starts[i]); };
  std::size_t done = 0;
  if (table_.is_ready()) {
    std::size_t whole = count;  // pieces of which a whole key can be read
    while (whole > 0 && starts[whole - 1] + PieceTable::kKeyBytes > text.size()) --whole;
    for (; done < whole; done += std::min(kBatch, whole - done))
      encode_batch(text.data(), starts + done, std::min(kBatch, whole - done), ids);
  }
  for (; done < count; ++done) encode(piece(done), ids);
}

void PieceEncoder::encode_batch(const char* text, const std::uint32_t* starts, std::size_t count,
                                std::vector<TokenId>& ids) {
  struct Probe {
    PieceTable::Key key;
    const PieceTable::Bucket* bucket;
  };
  std::array<Probe, kBatch> probes;
  for (std::size_t i = 0; i < count; ++i) {
    const PieceTable::Key key = PieceTable::key_of(text + starts[i], starts[i + 1] - starts[i]);
    probes[i] = {key, table_.bucket_of(key)};
    __builtin_prefetch(probes[i].bucket);
  }
  std::array<TokenId, kBatch * PieceTable::kShortTokens> found;  // each store writes four
  TokenId* end = found.data();
  for (std::size_t i = 0; i < count; ++i) {
    const PieceTable::Key key = probes[i].key;
    // No branch decides between the two: which it is cannot be predicted.
    const PieceTable::Slot* slots = probes[i].bucket->slots.data();
    const PieceTable::Slot& slot = slots[((slots[0].key.low ^ key.low) | (slots[0].key.high ^ key.high)) != 0 ? 1 : 0];
    if (((slot.key.low ^ key.low) | (slot.key.high ^ key.high)) != 0) [[unlikely]] {
      ids.insert(ids.end(), found.data(), end);
      end = found.data();
      const PieceTable::Bucket* bucket = table_.bucket_of(key);
      encode_missing({text + starts[i], starts[i + 1] - starts[i]}, ids);
      if (table_.bucket_of(key) == bucket) continue;
      for (std::size_t j = i + 1; j < count; ++j) probes[j].bucket = table_.bucket_of(probes[j].key);  // it has grown
      continue;
    }
    const std::uint64_t first_two = PieceTable::without_count(slot.first);
    std::memcpy(end, &first_two, sizeof first_two);
    std::memcpy(end + 2, &slot.rest, sizeof slot.rest);
    end += PieceTable::count_of(slot.first);
  }
  ids.insert(ids.end(), found.data(), end);
}

void PieceEncoder::encode_missing(std::string_view piece, std::vector<TokenId>& ids) {
  if (table_.find(piece, ids)) return;
  const std::size_t before = ids.size();
  const std::uint64_t unknown_before = unknown_;
  merge(piece, ids);
  // Unknown bytes are counted each time.
  if (unknown_ == unknown_before && ids.size() > before) table_.insert(piece, std::span(ids).subspan(before));
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
  static_assert(kShort <= 64);
  // At the place of each symbol's first byte: the symbol, and the rank of its merge with the next, four ranks at a time.
  std::array<TokenId, 64> symbols;
  RankLanes ranks;
  const std::size_t size = piece.size(), lanes = (size + 3) / 4;
  ranks.clear(lanes);
  for (std::size_t i = 0; i < size; ++i) symbols[i] = tables_.byte_tokens[static_cast<unsigned char>(piece[i])];
  for (std::size_t i = 0; i + 1 < size; ++i) ranks.set(i, rank_of_bytes(piece, i));
  std::uint64_t left = ~std::uint64_t{0} >> (64 - size);  // a bit for each place that still has a symbol
  for (std::size_t place; ranks.lowest(lanes, place);) {
    symbols[place] = tables_.pairs.result_of(ranks.get(place));
    std::uint64_t behind = left & (~std::uint64_t{1} << place);
    ranks.set(lowest_bit(behind), MergeTable::kNoMerge);
    left ^= behind & (~behind + 1);
    behind &= behind - 1;
    const std::uint64_t before = left & ((std::uint64_t{1} << place) - 1);
    // Both are looked up in any case, if need be with any symbol, so that one does not wait for the other.
    const std::size_t next = lowest_bit(behind | (std::uint64_t{1} << 63)), previous = highest_bit(before | 1);
    const std::uint32_t with_next = tables_.pairs.find(symbols[place], symbols[behind == 0 ? place : next]);
    const std::uint32_t with_previous = tables_.pairs.find(symbols[before == 0 ? place : previous], symbols[place]);
    ranks.set(place, behind == 0 ? MergeTable::kNoMerge : with_next);
    if (before != 0) ranks.set(previous, with_previous);
  }
  for (; left != 0; left &= left - 1) ids.push_back(symbols[lowest_bit(left)]);
}

std::uint32_t PieceEncoder::rank_at(std::uint32_t place) const {
  const Symbol& symbol = symbols_[place];
  return symbol.next == kNowhere ? MergeTable::kNoMerge : tables_.pairs.find(symbol.id, symbols_[symbol.next].id);
}

template <class Queue>
void PieceEncoder::push(std::uint32_t place, Queue& queue) {
  const std::uint32_t rank = rank_at(place);
  symbols_[place].rank = rank;
  if (rank != MergeTable::kNoMerge) queue.push(rank, place);
}

std::uint32_t PieceEncoder::rank_of_bytes(std::string_view piece, std::size_t at) const {
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
  queue.reset(tables_.pairs.ranks());
  for (std::uint32_t i = 0; i < size; ++i) {
    const bool is_last = i + 1 == size;
    symbols_[i] = {tables_.byte_tokens[static_cast<unsigned char>(piece[i])], i == 0 ? kNowhere : i - 1,
                   is_last ? kNowhere : i + 1, is_last ? MergeTable::kNoMerge : rank_of_bytes(piece, i)};
    if (symbols_[i].rank != MergeTable::kNoMerge) queue.push(symbols_[i].rank, i);
  }
  std::uint32_t rank = 0, place = 0;
  while (queue.pop(rank, place)) {
    Symbol& symbol = symbols_[place];
    // The list has changed here since; what it is now has its own entry. (A rank belongs to one pair, or by rank to one
    // string, and a symbol only grows: so an equal rank is the same merge.)
    if (symbol.rank != rank) continue;
    Symbol& right = symbols_[symbol.next];
    symbol.id = tables_.pairs.result_of(rank);
    right.rank = MergeTable::kNoMerge;
    symbol.next = right.next;
    if (symbol.next != kNowhere) symbols_[symbol.next].previous = place;
    push(place, queue);
    if (symbol.previous != kNowhere) push(symbol.previous, queue);
  }
}

}  // namespace lm
