#include "text/vocabulary/piece_table.h"

#include <algorithm>
#include <bit>

namespace lm {

void PieceTable::prepare() {
  if (!is_ready()) take_buckets(kFirstBits);
}

void PieceTable::take_buckets(int bits) {
  bucket_memory_ = ZeroedMemory(sizeof(Bucket) << bits);
  buckets_ = static_cast<Bucket*>(bucket_memory_.data());
  shift_ = 64 - bits;
}

/// Takes 2^bits buckets, or as many as there may be.
void PieceTable::grow(int bits) {
  const std::span<const Bucket> old(buckets_, buckets());
  const ZeroedMemory kept = std::move(bucket_memory_);
  take_buckets(std::min(bits, kMostBits));
  used_slots_ = 0;
  for (const Bucket& bucket : old) {
    for (const Slot& slot : bucket.slots) {
      if (slot.key.high != 0 && !place(slot)) holds_tokens_ = false;
    }
  }
}

/// Returns the entry of a piece, or the free one that it would have.
PieceTable::Entry* PieceTable::entry_of(std::uint64_t hash, std::string_view piece) const {
  for (std::size_t place = hash >> 20U;; ++place) {
    Entry& entry = entries_[place & (kEntries - 1)];
    if (entry.hash == 0) return &entry;
    if (entry.hash == hash && entry.length == piece.size() &&
        std::memcmp(pool_.data() + entry.text, piece.data(), piece.size()) == 0)
      return &entry;
  }
}

PieceTable::Key PieceTable::key_of(std::string_view piece) {
  std::array<char, kKeyBytes> bytes{};
  std::memcpy(bytes.data(), piece.data(), std::min(piece.size(), bytes.size()));
  return key_of(bytes.data(), piece.size());
}

bool PieceTable::find(std::string_view piece, Key key, std::vector<TokenId>& ids) const {
  return piece.size() <= kShortBytes ? find_short(key, ids) : find_long(piece, ids);
}

bool PieceTable::find_short(Key key, std::vector<TokenId>& ids) const {
  const auto home = static_cast<std::size_t>(bucket_of(key) - buckets_);
  for (std::size_t i = 0; i < kMostBuckets; ++i) {
    for (const Slot& slot : buckets_[(home + i) & (buckets() - 1)].slots) {
      if (slot.key.high == 0) return false;
      if (slot.key.low != key.low || (slot.key.high & ~kPooled) != key.high) continue;
      if (slot.key.high == key.high) {
        const TokenId four[] = {static_cast<TokenId>(without_count(slot.first)), static_cast<TokenId>(slot.first >> 32),
                                static_cast<TokenId>(slot.rest), static_cast<TokenId>(slot.rest >> 32)};
        ids.insert(ids.end(), four, four + count_of(slot.first));
      } else {
        ids.insert(ids.end(), pool_ids_.begin() + static_cast<std::ptrdiff_t>(slot.first),
                   pool_ids_.begin() + static_cast<std::ptrdiff_t>(slot.first + slot.rest));
      }
      return true;
    }
  }
  return false;
}

bool PieceTable::find_long(std::string_view piece, std::vector<TokenId>& ids) const {
  if (piece.size() > kLongest || entries_ == nullptr) return false;
  const Entry* entry = entry_of(hash_of(piece), piece);
  if (entry->hash == 0) return false;
  const auto first = pool_ids_.begin() + entry->ids;
  ids.insert(ids.end(), first, first + entry->count);
  return true;
}

void PieceTable::insert(std::string_view piece, Key key, std::span<const TokenId> ids) {
  piece.size() <= kShortBytes ? insert_short(key, ids) : insert_long(piece, ids);
}

std::uint32_t PieceTable::pool(std::span<const TokenId> ids) {
  const std::size_t place = pool_ids_.size();
  pool_ids_.insert(pool_ids_.end(), ids.begin(), ids.end());
  return static_cast<std::uint32_t>(place);
}

PieceTable::Slot PieceTable::slot_for(Key key, std::span<const TokenId> ids) {
  if (ids.size() > kShortTokens) return {.key = {key.low, key.high | kPooled}, .first = pool(ids), .rest = ids.size()};
  const auto id = [&](std::size_t i) { return i < ids.size() ? std::uint64_t{ids[i]} : 0; };
  return {
      .key = key, .first = id(0) | (std::uint64_t{ids.size()} << kIdBits) | (id(1) << 32), .rest = id(2) | (id(3) << 32)};
}

/// Puts a slot, if it is not there, into the first free place of its buckets; returns false if there is none.
bool PieceTable::place(const Slot& slot) {
  const auto home = static_cast<std::size_t>(bucket_of({slot.key.low, slot.key.high & ~kPooled}) - buckets_);
  for (std::size_t i = 0; i < kMostBuckets; ++i) {
    for (Slot& free : buckets_[(home + i) & (buckets() - 1)].slots) {
      if (free.key.high == slot.key.high && free.key.low == slot.key.low) return true;
      if (free.key.high != 0) continue;
      free = slot;
      ++used_slots_;
      return true;
    }
  }
  return false;
}

void PieceTable::insert_short(Key key, std::span<const TokenId> ids) {
  if (ids.size() > kShortTokens && !has_room_for(ids)) return;
  if (used_slots_ > buckets() && 64 - shift_ < kMostBits) grow(64 - shift_ + kMoreBits);
  place(slot_for(key, ids));
}

void PieceTable::insert_tokens(const TokenStrings& tokens, std::span<const TokenId> ids) {
  constexpr std::size_t kAhead = 16;  // keys whose buckets are on their way
  const auto free_half = static_cast<int>(std::bit_width(used_slots_ + ids.size()));
  if (free_half > 64 - shift_ && 64 - shift_ < kMostBits) grow(free_half);
  holds_tokens_ = true;
  std::array<Key, kAhead> keys;
  for (std::size_t i = 0; i < ids.size() + kAhead; ++i) {
    Key& key = keys[i % kAhead];
    if (i >= kAhead && key.high != 0 && !place(slot_for(key, ids.subspan(i - kAhead, 1)))) holds_tokens_ = false;
    if (i >= ids.size()) continue;
    const std::string_view token = tokens[ids[i]];
    key = token.size() <= kShortBytes ? key_of(token) : Key{0, 0};
    __builtin_prefetch(bucket_of(key), 1);
  }
}

void PieceTable::insert_long(std::string_view piece, std::span<const TokenId> ids) {
  const bool fits = piece.size() <= kLongest && used_entries_ < kEntries / 4 * 3 &&
                    pool_.size() + piece.size() <= kPoolBytes && has_room_for(ids);
  if (!fits) return;
  if (entries_ == nullptr) {
    entry_memory_ = ZeroedMemory(sizeof(Entry) * kEntries);
    entries_ = static_cast<Entry*>(entry_memory_.data());
  }
  const std::uint64_t hash = hash_of(piece);
  Entry* entry = entry_of(hash, piece);
  if (entry->hash != 0) return;
  *entry = {.hash = hash,
            .text = static_cast<std::uint32_t>(pool_.size()),
            .length = static_cast<std::uint32_t>(piece.size()),
            .ids = pool(ids),
            .count = static_cast<std::uint32_t>(ids.size())};
  pool_.insert(pool_.end(), piece.begin(), piece.end());
  ++used_entries_;
}

}  // namespace lm
