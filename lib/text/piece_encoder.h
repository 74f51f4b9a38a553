// BPE inside pretokens: a table for what has come before, an array for what is short, a heap for what is long.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/token.h"
#include "text/rank_buckets.h"
#include "text/tokenizer_tables.h"
#include "text/vocabulary/piece_batch.h"
#include "text/vocabulary/piece_table.h"
#include "text/vocabulary/short_piece.h"

namespace lm {

/// Applies the merges of `tables`: always the lowest rank first, of equal ones the leftmost. O(n log n) in the bytes of a
/// piece, without recursion. Each thread needs its own.
class PieceEncoder {
 public:
  enum class Cache { none, used };
  PieceEncoder(const TokenizerTables& tables, Cache cache);

  /// Appends the ids of `piece`, which is not empty.
  void encode(std::string_view piece, std::vector<TokenId>& ids);
  /// Appends the ids of `count` pieces of `text`, each from starts[i] to starts[i + 1].
  void encode_all(std::string_view text, const std::uint32_t* starts, std::size_t count, std::vector<TokenId>& ids);

  /// Returns how many bytes had no token.
  std::uint64_t unknown() const { return unknown_; }

 private:
  static constexpr std::size_t kTakeWords =
      2;  // a new piece for so many tokens, before the words of the vocabulary are worth taking
  static constexpr std::size_t kShort = 40;  // up to here scanning an array for the lowest rank beats a heap

  enum class Kind : std::uint8_t { whole, part };
  void encode(std::string_view piece, Kind kind, std::vector<TokenId>& ids);
  void encode_each(std::string_view text, const std::uint32_t* starts, std::size_t count, std::vector<TokenId>& ids);
  void encode_batch(const char* text, const std::uint32_t* starts, std::size_t count, const Kind* kinds,
                    std::vector<TokenId>& ids);
  void fill_holes(std::vector<TokenId>& ids);
  bool merges_in_group(std::string_view piece) const;
  void merge_group();
  void take_words();
  void merge_and_remember(std::string_view piece, PieceTable::Key key, Kind kind, std::vector<TokenId>& ids);
  bool merge_alike(std::string_view piece, Kind kind, std::vector<TokenId>& ids);
  bool may_differ_as_part(std::string_view piece) const;
  void merge(std::string_view piece, std::vector<TokenId>& ids);
  void merge_known(std::string_view piece, std::vector<TokenId>& ids);
  bool drop_unknown(std::string_view piece);
  void merge_short(std::string_view piece, std::vector<TokenId>& ids) const;
  void merge_long(std::string_view piece, std::vector<TokenId>& ids);
  std::uint32_t rank_of_bytes(std::string_view piece, std::size_t at) const;
  std::uint32_t rank_at(std::uint32_t place) const;
  template <class Queue>
  void merge_all(std::string_view piece, Queue& queue);
  template <class Queue>
  void push(std::uint32_t place, Queue& queue);

  const TokenizerTables& tables_;
  PieceTable table_;
  PieceBatch batch_;
  struct Hole {
    PieceBatch::Gap gap;
    std::size_t place;        // among the ids, without those of holes
    std::size_t filling = 0;  // where its ids begin in fillings_
  };
  std::vector<Hole> holes_;  // new pieces that are merged in groups, the last of them in group_
  ShortPieces group_;
  std::vector<TokenId> fillings_;
  bool may_group_ = false;
  std::size_t new_pieces_ = 0;
  bool has_words_ = false;            // every token that is a short piece, and is the same ids as a part, is in the table
  std::vector<std::uint32_t> parts_;  // of long pieces, and the other pieces
  std::vector<Kind> kinds_;
  std::string known_;  // a piece without the bytes that have no token
  std::uint64_t unknown_ = 0;

  // Scratch of merge_long: a doubly linked list of symbols, each at the place of its first byte, and queues of (rank,
  // place).
  static constexpr std::uint32_t kNowhere = 0xFFFFFFFF;
  struct Symbol {
    TokenId id;
    std::uint32_t previous, next;  // places; kNowhere at the ends
    std::uint32_t rank;            // of the merge with the next symbol: what makes a heap entry current
  };
  std::vector<Symbol> symbols_;
  RankHeap heap_;
  RankBuckets buckets_;
};

}  // namespace lm
