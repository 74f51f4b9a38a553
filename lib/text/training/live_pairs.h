// LivePairs: the pairs that may merge, by their ids, with counts and the places where they are.
#pragma once

#include <cstdint>

#include "base/page_array.h"
#include "base/token.h"
#include "text/vocabulary/byte_hash.h"

namespace lm {

/// Two ids in one number, in the order of (left, right).
inline std::uint64_t pack_pair(TokenId left, TokenId right) { return (std::uint64_t{left} << 32U) | right; }
inline TokenId left_of(std::uint64_t pair) { return static_cast<TokenId>(pair >> 32U); }
inline TokenId right_of(std::uint64_t pair) { return static_cast<TokenId>(pair); }

/// A table of bounded size from pairs to what is known of them.
class LivePairs {
 public:
  static constexpr std::uint64_t kFree = 0xFFFFFFFFFFFFFFFF;
  struct Pair {
    std::uint64_t pair;
    std::int64_t count;
    std::uint32_t first;   // where its places begin
    std::uint32_t places;  // how many
  };
  /// Empties it, with room for `pairs` at once, and at most for `most`.
  void reset(std::uint64_t pairs, std::uint64_t most) {
    std::uint64_t slots = kFirstSlots;
    while (!fits(pairs, slots)) slots *= 2;
    slots_.reset();
    slots_.resize(slots);
    for (Pair& slot : slots_.span()) slot.pair = kFree;
    most_ = most;
    size_ = 0;
  }
  std::uint64_t size() const { return size_; }
  Pair* find(std::uint64_t pair) const {
    Pair* slot = slot_of(pair);
    return slot->pair == kFree ? nullptr : slot;
  }
  /// Returns a pair that is there then, with count 0 if it is new; null if there is no room.
  Pair* insert(std::uint64_t pair) {
    Pair* slot = slot_of(pair);
    if (slot->pair != kFree) return slot;
    if (!fits(size_ + 1, slots_.size())) {
      if (size_ >= most_) return nullptr;
      grow();
      slot = slot_of(pair);
    }
    *slot = {pair, 0, 0, 0};
    ++size_;
    return slot;
  }
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (Pair& slot : slots_.span()) {
      if (slot.pair != kFree) visit(slot);
    }
  }

 private:
  static constexpr std::uint64_t kFirstSlots = 1024;
  static bool fits(std::uint64_t pairs, std::uint64_t slots) { return pairs <= slots / 8 * 5; }
  Pair* slot_of(std::uint64_t pair) const {
    const std::size_t mask = slots_.size() - 1;
    std::size_t slot = hash_pair(pair) & mask;
    while (slots_[slot].pair != kFree && slots_[slot].pair != pair) slot = (slot + 1) & mask;
    return &slots_[slot];
  }
  void grow();

  PageArray<Pair> slots_;
  std::uint64_t size_ = 0, most_ = 0;
};

}  // namespace lm
