// PieceTable: the ids of pieces of text that have come before. Most text is a few thousand of them.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "base/zeroed_memory.h"
#include "text/vocabulary/byte_hash.h"
#include "text/vocabulary/token_strings.h"

namespace lm {

/// Two tables that grow to a bounded size, and take nothing more when they are full. Short pieces are in buckets of a cache line, so that a
/// look-up is one access and no branch for those of few tokens that are in the bucket of their hash; longer pieces are in a table
/// of places in a pool. Each thread needs its own.
class PieceTable {
 public:
  static constexpr std::size_t kShortBytes = 15, kShortTokens = 4;
  static constexpr std::size_t kKeyBytes = 16;  // that are read where a piece begins

  /// The bytes of a short piece, zeros, and the length last; of a longer piece what no short one has.
  struct Key {
    std::uint64_t low, high;
  };
  /// What a key stands for: four ids, and in the upper bits of the first how many there are. Of a piece of more tokens, whose key has
  /// kPooled, where they are in the pool, and how many.
  struct Slot {
    Key key;
    std::uint64_t first, rest;
  };
  static constexpr int kIdBits = 28;  // of an id
  /// Returns whether a table can hold the ids of a vocabulary of so many; others get none.
  static bool has_room_for(std::size_t ids) { return ids < (std::size_t{1} << kIdBits); }
  static std::uint64_t count_of(std::uint64_t first) { return (first >> kIdBits) & 15; }
  static std::uint64_t without_count(std::uint64_t first) { return first & ~(std::uint64_t{15} << kIdBits); }
  struct alignas(64) Bucket {
    std::array<Slot, 2> slots;
  };

  /// Takes no memory before the first prepare().
  PieceTable() = default;
  bool is_ready() const { return buckets_ != nullptr; }
  void prepare();

  /// Returns the key of `size` bytes at `text`, where kKeyBytes can be read.
  static Key key_of(const char* text, std::size_t size);
  /// Returns the key of a piece, reading no more than that.
  static Key key_of(std::string_view piece);
  Bucket* bucket_of(Key key) const {
    const std::uint64_t mixed = (key.low ^ (key.high * 0x9E3779B97F4A7C15)) * 0xD6E8FEB86659FD93;
    return buckets_ + (mixed >> shift_);
  }

  /// Appends the ids of a piece, if they are known.
  bool find(std::string_view piece, Key key, std::vector<TokenId>& ids) const;
  /// Remembers the ids of a piece, which are not empty, if there is room. May move all buckets.
  void insert(std::string_view piece, Key key, std::span<const TokenId> ids);
  /// Remembers the tokens of `ids` that are no longer than kShortBytes, each as the one token of its bytes.
  void insert_tokens(const TokenStrings& tokens, std::span<const TokenId> ids);
  /// Returns how much memory the table of short pieces takes.
  std::size_t bytes() const { return is_ready() ? buckets() * sizeof(Bucket) : 0; }
  /// Returns whether all that insert_tokens() took are there.
  bool holds_tokens() const { return holds_tokens_; }

 private:
  static constexpr int kFirstBits = 13, kMoreBits = 2, kMostBits = 19;  // of the number of buckets: 512 KiB to 32 MiB
  static constexpr std::size_t kMostBuckets = 8;                        // that a piece may be in, from that of its hash on
  static constexpr std::uint64_t kPooled = std::uint64_t{0x80} << 56;   // in a key
  static constexpr std::size_t kEntries = std::size_t{1} << 17;
  static constexpr std::size_t kPoolBytes = std::size_t{8} << 20, kPoolIds = std::size_t{2} << 20;
  static constexpr std::size_t kLongest = 1024;  // bytes; longer pieces hardly come again
  struct Entry {
    std::uint64_t hash;  // not 0
    std::uint32_t text, length;
    std::uint32_t ids, count;
  };
  std::size_t buckets() const { return std::size_t{1} << (64 - shift_); }
  bool find_short(Key key, std::vector<TokenId>& ids) const;
  bool find_long(std::string_view piece, std::vector<TokenId>& ids) const;
  void insert_short(Key key, std::span<const TokenId> ids);
  bool place(const Slot& slot);
  void take_buckets(int bits);
  void grow(int bits);
  void insert_long(std::string_view piece, std::span<const TokenId> ids);
  Slot slot_for(Key key, std::span<const TokenId> ids);
  bool has_room_for(std::span<const TokenId> ids) const { return pool_ids_.size() + ids.size() <= kPoolIds; }
  std::uint32_t pool(std::span<const TokenId> ids);
  static std::uint64_t hash_of(std::string_view piece) { return hash_bytes(piece) | 1; }
  Entry* entry_of(std::uint64_t hash, std::string_view piece) const;

  ZeroedMemory bucket_memory_, entry_memory_;
  Bucket* buckets_ = nullptr;
  int shift_ = 63;  // of a hash, to the bucket
  std::size_t used_slots_ = 0;
  bool holds_tokens_ = false;
  Entry* entries_ = nullptr;
  std::size_t used_entries_ = 0;
  std::vector<char> pool_;
  std::vector<TokenId> pool_ids_;
};

inline PieceTable::Key PieceTable::key_of(const char* text, std::size_t size) {
  struct Masks {
    std::array<Key, kShortBytes + 2> of;
  };
  static constexpr Masks kMasks = [] {
    Masks masks{};
    for (std::size_t length = 0; length <= kShortBytes + 1; ++length) {
      for (std::size_t i = 0; i < length && i < kShortBytes; ++i)
        (i < 8 ? masks.of[length].low : masks.of[length].high) |= std::uint64_t{0xFF} << (8 * (i % 8));
    }
    return masks;
  }();
  const std::size_t length = size < kShortBytes + 1 ? size : kShortBytes + 1;
  Key key;
  std::memcpy(&key, text, sizeof key);
  key.low &= kMasks.of[length].low;
  key.high = (key.high & kMasks.of[length].high) | (std::uint64_t{length} << 56);
  return key;
}

}  // namespace lm
