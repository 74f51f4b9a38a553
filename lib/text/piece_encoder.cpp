#include "text/piece_encoder.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <span>

#include "base/error.h"

namespace lm {

namespace {
/// Returns whether a text has characters of three bytes or more, by their first bytes.
bool has_long_characters(std::string_view text) {
  constexpr std::uint64_t kTopBits = 0x8080808080808080;
  std::uint64_t found = 0;  // the top bit of each byte whose upper three bits are set
  const auto look_at = [&found](std::uint64_t bytes) { found |= bytes & (bytes << 1) & (bytes << 2); };
  std::size_t at = 0;
  for (std::uint64_t bytes; at + 32 <= text.size(); at += 8) {
    for (int i = 0; i < 3; ++i, at += 8) {
      std::memcpy(&bytes, text.data() + at, 8);
      look_at(bytes);
    }
    std::memcpy(&bytes, text.data() + at, 8);
    look_at(bytes);
  }
  for (; at < text.size(); ++at) look_at(static_cast<unsigned char>(text[at]));
  return (found & kTopBits) != 0;
}
}  // namespace

PieceEncoder::PieceEncoder(const TokenizerTables& tables, Cache cache) : tables_(tables) {
  if (cache == Cache::used && PieceTable::has_room_for(tables.parts.tokens.size())) table_.prepare();
  may_group_ = tables.pairs.is_packed() && tables.has_all_bytes;
}

void PieceEncoder::encode(std::string_view piece, std::vector<TokenId>& ids) { encode(piece, Kind::whole, ids); }

void PieceEncoder::encode(std::string_view piece, Kind kind, std::vector<TokenId>& ids) {
  if (!table_.is_ready()) return merge(piece, ids);
  const PieceTable::Key key = PieceTable::key_of(piece);
  if (!table_.find(piece, key, ids)) merge_and_remember(piece, key, kind, ids);
}

void PieceEncoder::encode_all(std::string_view text, const std::uint32_t* starts, std::size_t count,
                              std::vector<TokenId>& ids) {
  parts_.clear();
  kinds_.clear();
  const bool is_cut = table_.is_ready() && !tables_.cuts.is_empty() &&
                      has_long_characters(text.substr(starts[0], starts[count] - starts[0]));
  for (std::size_t i = 0; is_cut && i < count; ++i) {
    parts_.push_back(starts[i]);
    if (starts[i + 1] - starts[i] <= PieceTable::kShortBytes) continue;
    const std::size_t first = parts_.size() - 1;
    tables_.cuts.append(text, starts[i], starts[i + 1], parts_);
    if (parts_.size() - 1 == first) continue;
    kinds_.resize(first, Kind::whole);
    kinds_.resize(parts_.size(), Kind::part);
  }
  if (!is_cut || parts_.size() == count) return encode_each(text, starts, count, ids);
  kinds_.resize(parts_.size(), Kind::whole);
  parts_.push_back(starts[count]);
  encode_each(text, parts_.data(), kinds_.size(), ids);
}

/// kinds_ holds what each piece is, or nothing if all are whole.
void PieceEncoder::encode_each(std::string_view text, const std::uint32_t* starts, std::size_t count,
                               std::vector<TokenId>& ids) {
  std::size_t done = 0;
  if (table_.is_ready()) {
    std::size_t whole = count;  // pieces of which a whole key can be read
    while (whole > 0 && starts[whole - 1] + PieceTable::kKeyBytes > text.size()) --whole;
    while (done < whole) {
      const std::size_t some = std::min(PieceBatch::kMost, whole - done);
      encode_batch(text.data(), starts + done, some, kinds_.empty() ? nullptr : kinds_.data() + done, ids);
      done += some;
    }
  }
  for (; done < count; ++done)
    encode(text.substr(starts[done], starts[done + 1] - starts[done]), kinds_.empty() ? Kind::whole : kinds_[done], ids);
}

void PieceEncoder::encode_batch(const char* text, const std::uint32_t* starts, std::size_t count, const Kind* kinds,
                                std::vector<TokenId>& ids) {
  batch_.look_up(table_, text, starts, count);
  const TokenId* done = batch_.begin();
  for (const PieceBatch::Gap& gap : batch_.gaps()) {
    const TokenId* here = batch_.begin() + gap.place;
    ids.insert(ids.end(), done, here);
    done = here;
    if (table_.find(gap.piece, gap.key, ids)) continue;
    ++new_pieces_;
    if (!merges_in_group(gap.piece)) {
      merge_and_remember(gap.piece, gap.key, kinds == nullptr ? Kind::whole : kinds[gap.number], ids);
      continue;
    }
    holes_.push_back({.gap = gap, .place = ids.size()});
    group_.add(gap.piece, tables_.byte_tokens, tables_.byte_pairs);
    if (group_.is_full()) merge_group();
  }
  ids.insert(ids.end(), done, batch_.end());
  if (!holes_.empty()) fill_holes(ids);
}

/// Puts the ids of the pieces that were merged in groups where they belong.
void PieceEncoder::fill_holes(std::vector<TokenId>& ids) {
  merge_group();
  std::size_t end = ids.size(), filling_end = fillings_.size();
  ids.resize(end + filling_end);
  const auto at = [&](std::size_t place) { return ids.begin() + static_cast<std::ptrdiff_t>(place); };
  // From the last to the first; `filling_end` is also by how many places what is before the hole and behind the one before it moves.
  for (std::size_t i = holes_.size(); i-- > 0; end = holes_[i].place, filling_end = holes_[i].filling) {
    std::copy_backward(at(holes_[i].place), at(end), at(end + filling_end));
    std::copy(fillings_.begin() + static_cast<std::ptrdiff_t>(holes_[i].filling),
              fillings_.begin() + static_cast<std::ptrdiff_t>(filling_end), at(holes_[i].place + holes_[i].filling));
  }
  holes_.clear();
  fillings_.clear();
  if (!has_words_ && new_pieces_ > tables_.parts.tokens.size() / kTakeWords) take_words();
}

/// Returns whether nothing but merging finds the ids of a piece that is not in the table.
bool PieceEncoder::merges_in_group(std::string_view piece) const {
  if (!may_group_ || piece.size() > ShortPieces::kMostBytes) return false;
  if (!tables_.parts.ignore_merges) return true;
  if (has_words_ && table_.holds_tokens() && !may_differ_as_part(piece)) return true;
  return !tables_.ordinary.find(piece);
}

void PieceEncoder::merge_group() {
  group_.merge(tables_.pairs);
  for (std::size_t i = 0; i < group_.size(); ++i) {
    Hole& hole = holes_[holes_.size() - group_.size() + i];
    hole.filling = fillings_.size();
    group_[i].append_to(fillings_);
    table_.insert(hole.gap.piece, hole.gap.key, std::span(fillings_).subspan(hole.filling));
  }
  group_.clear();
}

/// Puts the words of the vocabulary into the table, so that what is not there need not be looked for among them.
void PieceEncoder::take_words() {
  has_words_ = true;
  if (!tables_.parts.ignore_merges) return;
  const TokenStrings& tokens = tables_.parts.tokens;
  std::vector<TokenId> words;
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (!tables_.absent[id] && !tokens[id].empty() && !may_differ_as_part(tokens[id])) words.push_back(id);
  }
  table_.insert_tokens(tokens, words);
}

/// Returns whether a piece could be other ids as a part of a piece: if it is a token, which whole pieces are without merging.
bool PieceEncoder::may_differ_as_part(std::string_view piece) const {
  return tables_.parts.ignore_merges && !tables_.cuts.is_empty() && has_long_characters(piece);
}

void PieceEncoder::merge_and_remember(std::string_view piece, PieceTable::Key key, Kind kind, std::vector<TokenId>& ids) {
  const std::size_t before = ids.size();
  const std::uint64_t unknown_before = unknown_;
  if (!merge_alike(piece, kind, ids)) return;
  // Unknown bytes are counted each time.
  if (unknown_ == unknown_before && ids.size() > before) table_.insert(piece, key, std::span(ids).subspan(before));
}

/// Merges a piece; returns whether its ids are the same whether it is whole or a part. They are not if it is a token that merges do not
/// reach, and whole pieces that are tokens do without.
bool PieceEncoder::merge_alike(std::string_view piece, Kind kind, std::vector<TokenId>& ids) {
  const bool may_differ = piece.size() <= tables_.longest_ordinary && may_differ_as_part(piece);
  const std::optional<TokenId> token = may_differ ? tables_.ordinary.find(piece) : std::nullopt;
  if (!token) {
    merge(piece, ids);
    return true;
  }
  const std::size_t before = ids.size();
  merge_known(piece, ids);
  if (ids.size() == before + 1) return true;
  if (kind == Kind::part) return false;
  ids.resize(before);
  ids.push_back(*token);
  return false;
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
  if (piece.size() <= kShort && tables_.pairs.is_packed()) return merge_short(piece, ids);
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
  static_assert(kShort < 64);
  const auto merge_in = [&](auto merged) {
    merged.begin(piece, tables_.byte_tokens, tables_.byte_pairs);
    while (merged.step(tables_.pairs)) {
    }
    merged.append_to(ids);
  };
  piece.size() < 16 ? merge_in(ShortPiece<16>()) : merge_in(ShortPiece<64>());
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
    if (const std::uint32_t* ahead = queue.ahead()) __builtin_prefetch(&symbols_[*ahead], 1);
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
