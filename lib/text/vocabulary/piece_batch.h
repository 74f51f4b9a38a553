// PieceBatch: looks many pieces of a text up at once, so that the table's memory is on its way before it is read.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "text/vocabulary/piece_table.h"

namespace lm {

class PieceBatch {
 public:
  static constexpr std::size_t kMost = 192;  // pieces

  /// A piece that is not in the bucket of its hash, or has many tokens.
  struct Gap {
    std::string_view piece;
    PieceTable::Key key;
    std::size_t number;  // of the piece
    std::size_t place;   // of its ids among those that were found
  };

  /// Looks up `count` pieces, each from starts[i] to starts[i + 1], of which kKeyBytes can be read.
  void look_up(const PieceTable& table, const char* text, const std::uint32_t* starts, std::size_t count);
  const std::vector<Gap>& gaps() const { return gaps_; }
  /// Returns the ids that were found, one piece's behind the other's; gaps have none.
  const TokenId* begin() const { return found_.data(); }
  const TokenId* end() const { return end_; }

 private:
  static bool has_key(const PieceTable::Slot& slot, PieceTable::Key key) {
    return ((slot.key.low ^ key.low) | (slot.key.high ^ key.high)) == 0;
  }
  struct Probe {
    PieceTable::Key key;
    const PieceTable::Bucket* bucket;
  };
  std::array<Probe, kMost> probes_;
  std::array<TokenId, kMost * PieceTable::kShortTokens> found_;  // each store writes four
  TokenId* end_ = found_.data();
  std::vector<Gap> gaps_;
};

inline void PieceBatch::look_up(const PieceTable& table, const char* text, const std::uint32_t* starts, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const PieceTable::Key key = PieceTable::key_of(text + starts[i], starts[i + 1] - starts[i]);
    probes_[i] = {key, table.bucket_of(key)};
    __builtin_prefetch(probes_[i].bucket);
  }
  TokenId* end = found_.data();
  gaps_.clear();
  for (std::size_t i = 0; i < count; ++i) {
    const PieceTable::Key key = probes_[i].key;
    // No branch decides between the two: which it is cannot be predicted.
    const PieceTable::Slot* slots = probes_[i].bucket->slots.data();
    const PieceTable::Slot& slot = slots[has_key(slots[0], key) ? 0 : 1];
    if (!has_key(slot, key)) [[unlikely]] {
      gaps_.push_back({.piece = {text + starts[i], starts[i + 1] - starts[i]},
                       .key = key,
                       .number = i,
                       .place = static_cast<std::size_t>(end - found_.data())});
      continue;
    }
    const std::uint64_t first_two = PieceTable::without_count(slot.first);
    std::memcpy(end, &first_two, sizeof first_two);
    std::memcpy(end + 2, &slot.rest, sizeof slot.rest);
    end += PieceTable::count_of(slot.first);
  }
  end_ = end;
}

}  // namespace lm
