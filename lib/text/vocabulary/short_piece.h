// ShortPiece: BPE inside a short piece, without branches that depend on the text.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "text/vocabulary/merge_table.h"

namespace lm {

/// The ranks of kPlaces places, four at a time, each with its place in the lowest bits: the smallest is the lowest rank, of equal ones
/// the leftmost.
template <std::size_t kPlaces>
class RankLanes {
 public:
  RankLanes() { lanes_.fill(Lane{kNone, kNone, kNone, kNone}); }
  void set(std::size_t place, std::uint32_t rank) {
    const std::uint32_t number = (rank << kPlaceBits) | static_cast<std::uint32_t>(place);
    reinterpret_cast<std::int32_t*>(lanes_.data())[place] = static_cast<std::int32_t>(number & kNone);
  }
  /// Finds the first merge; false if there is none.
  bool lowest(std::uint32_t& rank, std::size_t& place) const {
    Lane low = lanes_[0];
    for (std::size_t i = 1; i < lanes_.size(); ++i) low = lesser(low, lanes_[i]);
    low = lesser(low, Lane{low[2], low[3], low[0], low[1]});
    low = lesser(low, Lane{low[1], low[0], low[3], low[2]});
    const auto number = static_cast<std::uint32_t>(low[0]);
    rank = number >> kPlaceBits;
    place = number & (kPlaces - 1);
    return rank < kEnd;
  }

 private:
  using Lane = std::int32_t __attribute__((vector_size(16)));
  static Lane lesser(Lane a, Lane b) { return a < b ? a : b; }
  static constexpr int kPlaceBits = std::countr_zero(kPlaces);
  static constexpr std::int32_t kNone = 0x7FFFFFFF;
  static constexpr std::uint32_t kEnd = std::uint32_t{1} << MergeTable::kRankBits;  // above all ranks
  static_assert(MergeTable::kRankBits + kPlaceBits < 31);
  std::array<Lane, kPlaces / 4> lanes_;
};

/// A piece of fewer than kPlaces bytes while it is merged: from place 1 on, at that of each symbol's first byte, the symbol and the
/// rank of its merge with the next. Around them are symbols that merge with nothing, so that no branch is needed at the ends.
template <std::size_t kPlaces>
class ShortPiece {
 public:
  /// byte_pairs: the ranks of the merges of two bytes, first * 256 + second.
  void begin(std::string_view piece, const std::array<TokenId, 256>& byte_tokens,
             const std::vector<std::uint32_t>& byte_pairs) {
    const std::size_t size = piece.size();
    left_ = (~std::uint64_t{0} >> (64 - size)) << 1;
    ranks_ = {};
    symbols_.front() = symbols_.back() = MergeTable::kNoToken;
    const auto byte = [&](std::size_t i) -> std::size_t { return static_cast<unsigned char>(piece[i]); };
    for (std::size_t i = 0; i < size; ++i) symbols_[i + 1] = byte_tokens[byte(i)];
    for (std::size_t i = 0; i + 1 < size; ++i) ranks_.set(i + 1, byte_pairs[byte(i) * 256 + byte(i + 1)]);
  }
  /// Applies the first merge; returns false if there is none.
  bool step(const MergeTable& pairs) {
    if (!choose(pairs)) return false;
    apply(pairs);
    return true;
  }
  /// The two halves of step(): finds the first merge, of which the symbols around it are on their way to the caches then; and applies it.
  bool choose(const MergeTable& pairs) {
    std::uint32_t rank = 0;
    if (!ranks_.lowest(rank, place_)) return false;
    const TokenId merged = pairs.result_of(rank);
    symbols_[place_] = merged;
    const std::uint64_t behind = left_ & (~std::uint64_t{1} << place_);
    ranks_.set(static_cast<std::size_t>(std::countr_zero(behind)), MergeTable::kNoMerge);
    left_ ^= behind & (~behind + 1);
    const std::uint64_t before = left_ & ((std::uint64_t{1} << place_) - 1), rest = behind & (behind - 1);
    previous_ = static_cast<std::size_t>(64 - std::countl_zero(before | 1) - 1);
    next_ = kPlaces < 64 ? static_cast<std::size_t>(std::countr_zero(rest | (std::uint64_t{1} << (kPlaces & 63))))
                         : static_cast<std::size_t>(std::countr_zero(rest));  // 64 if there is none
    pairs.prefetch(symbols_[previous_], merged);
    pairs.prefetch(merged, symbols_[next_]);
    return true;
  }
  void apply(const MergeTable& pairs) {
    const TokenId merged = symbols_[place_];
    const std::uint32_t with_previous = pairs.find(symbols_[previous_], merged),
                        with_next = pairs.find(merged, symbols_[next_]);
    ranks_.set(previous_, with_previous);
    ranks_.set(place_, with_next);
  }
  void append_to(std::vector<TokenId>& ids) const {
    for (std::uint64_t rest = left_; rest != 0; rest &= rest - 1)
      ids.push_back(symbols_[static_cast<std::size_t>(std::countr_zero(rest)) & (kPlaces - 1)]);
  }

 private:
  std::array<TokenId, kPlaces + 1> symbols_;
  RankLanes<kPlaces> ranks_;
  std::uint64_t left_;                               // a bit for each place that still has a symbol
  std::size_t place_ = 0, previous_ = 0, next_ = 0;  // of the merge that was chosen, and of the symbols around it
};

/// Merges some pieces at once, a step of each in turn, so that a look-up that misses the caches holds up none of the others.
class ShortPieces {
 public:
  static constexpr std::size_t kMost = 16;       // pieces
  static constexpr std::size_t kMostBytes = 15;  // of each
  using Piece = ShortPiece<kMostBytes + 1>;

  bool is_full() const { return count_ == kMost; }
  std::size_t size() const { return count_; }
  void clear() { count_ = 0; }
  void add(std::string_view piece, const std::array<TokenId, 256>& byte_tokens,
           const std::vector<std::uint32_t>& byte_pairs) {
    pieces_[count_++].begin(piece, byte_tokens, byte_pairs);
  }
  void merge(const MergeTable& pairs) {
    std::array<Piece*, kMost> left;
    for (std::size_t i = 0; i < count_; ++i) left[i] = &pieces_[i];
    for (std::size_t count = count_; count > 0;) {
      std::size_t going = 0;
      for (std::size_t i = 0; i < count; ++i) {
        Piece* const piece = left[i];
        left[going] = piece;
        going += piece->choose(pairs) ? 1 : 0;
      }
      count = going;
      for (std::size_t i = 0; i < count; ++i) left[i]->apply(pairs);
    }
  }
  const Piece& operator[](std::size_t i) const { return pieces_[i]; }

 private:
  std::array<Piece, kMost> pieces_;
  std::size_t count_ = 0;
};

}  // namespace lm
