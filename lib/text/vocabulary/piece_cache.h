// PieceCache: remembers the ids of short pieces of text, most of which come up again and again.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "text/vocabulary/byte_hash.h"

namespace lm {

/// A direct-mapped cache of a fixed size, one cache line a piece; its memory is taken when there have been enough pieces for it to
/// pay. Each thread needs its own.
class PieceCache {
 public:
  static constexpr std::size_t kMaxBytes = 30, kMaxTokens = 8;
  /// not_at_all: another table is in front, and what comes through is new.
  enum class Use { not_at_all, if_worthwhile };
  explicit PieceCache(Use use = Use::if_worthwhile) : use_(use) {}

  /// Appends the ids of `piece` if they are known; returns false otherwise.
  bool find(std::string_view piece, std::vector<TokenId>& ids) const {
    if (slots_.empty() || piece.size() > kMaxBytes) return false;
    const Slot& slot = slots_[slot_of(piece)];
    if (slot.length != piece.size() || std::memcmp(slot.key.data(), piece.data(), piece.size()) != 0) return false;
    ids.insert(ids.end(), slot.ids.data(), slot.ids.data() + slot.count);
    return true;
  }
  /// Remembers that `piece`, which is not empty, has the ids from `ids[begin]` on.
  void insert(std::string_view piece, const std::vector<TokenId>& ids, std::size_t begin) {
    const std::size_t count = ids.size() - begin;
    if (piece.size() > kMaxBytes || count > kMaxTokens) return;
    if (slots_.empty()) {
      if (use_ == Use::not_at_all || ++seen_ < kWorthwhile) return;
      slots_.resize(kSlots);
    }
    Slot& slot = slots_[slot_of(piece)];
    std::memcpy(slot.key.data(), piece.data(), piece.size());
    slot.length = static_cast<std::uint8_t>(piece.size());
    slot.count = static_cast<std::uint8_t>(count);
    std::copy(ids.begin() + static_cast<std::ptrdiff_t>(begin), ids.end(), slot.ids.begin());
  }

 private:
  static constexpr std::size_t kSlots = std::size_t{1} << 16, kWorthwhile = 512;
  struct alignas(64) Slot {
    std::array<char, kMaxBytes> key;
    std::uint8_t length = 0, count = 0;
    std::array<TokenId, kMaxTokens> ids;
  };
  static std::size_t slot_of(std::string_view piece) { return (hash_bytes(piece) >> 16) & (kSlots - 1); }

  Use use_;
  std::vector<Slot> slots_;
  std::size_t seen_ = 0;  // pieces before there was memory
};

}  // namespace lm
