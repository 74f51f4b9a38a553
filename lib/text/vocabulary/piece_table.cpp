#include "text/vocabulary/piece_table.h"

namespace lm {

void PieceTable::prepare() {
  if (is_ready()) return;
  bucket_memory_ = ZeroedMemory(sizeof(Bucket) << kBucketBits);
  entry_memory_ = ZeroedMemory(sizeof(Entry) * kEntries);
  buckets_ = static_cast<Bucket*>(bucket_memory_.data());
  entries_ = static_cast<Entry*>(entry_memory_.data());
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

bool PieceTable::find(std::string_view piece, std::vector<TokenId>& ids) const {
  if (piece.size() > kLongest) return false;
  const Entry* entry = entry_of(hash_of(piece), piece);
  if (entry->hash == 0) return false;
  const TokenId* known = pool_ids_.data() + entry->ids;
  ids.insert(ids.end(), known, known + entry->count);
  return true;
}

bool PieceTable::insert_short(Key key, std::span<const TokenId> ids) {
  for (Slot& slot : bucket_of(key)->slots) {
    if (slot.key.high != 0) continue;
    const auto id = [&](std::size_t i) { return i < ids.size() ? std::uint64_t{ids[i]} : 0; };
    slot = {.key = key, .first = id(0) | (id(1) << 32), .rest = id(2) | (std::uint64_t{ids.size()} << 32)};
    return true;
  }
  return false;
}

void PieceTable::insert(std::string_view piece, std::span<const TokenId> ids) {
  if (piece.size() <= kShortBytes && ids.size() <= kShortTokens) {
    std::array<char, kKeyBytes> bytes{};
    std::memcpy(bytes.data(), piece.data(), piece.size());
    if (insert_short(key_of(bytes.data(), piece.size()), ids)) return;
  }
  const bool fits = piece.size() <= kLongest && used_entries_ < kEntries / 4 * 3 &&
                    pool_.size() + piece.size() <= kPoolBytes && pool_ids_.size() + ids.size() <= kPoolIds;
  if (!fits) return;
  const std::uint64_t hash = hash_of(piece);
  Entry* entry = entry_of(hash, piece);
  if (entry->hash != 0) return;
  *entry = {.hash = hash,
            .text = static_cast<std::uint32_t>(pool_.size()),
            .length = static_cast<std::uint32_t>(piece.size()),
            .ids = static_cast<std::uint32_t>(pool_ids_.size()),
            .count = static_cast<std::uint32_t>(ids.size())};
  pool_.insert(pool_.end(), piece.begin(), piece.end());
  pool_ids_.insert(pool_ids_.end(), ids.begin(), ids.end());
  ++used_entries_;
}

}  // namespace lm
