#include "text/segment_encoder.h"

#include <algorithm>
#include <string>

#include "base/error.h"
#include "base/utf8.h"
#include "text/unicode/unicode.h"

namespace lm {

using Match = AddedMatcher::Match;

namespace {
std::size_t first_length(std::string_view text) { return decode_utf8(text.data(), text.data() + text.size()).length; }

bool uses_words(const TokenizerTables& tables, PieceEncoder::Cache cache) {
  return cache == PieceEncoder::Cache::used && tables.word_cuts != WordCuts::none &&
         PieceTable::has_room_for(tables.parts.tokens.size());
}

}  // namespace

SegmentEncoder::SegmentEncoder(const TokenizerTables& tables, SpecialTokens special, PieceEncoder::Cache cache,
                               SimdTier tier)
    : tables_(tables),
      special_(special),
      pieces_(tables, cache),
      spans_(tables.parts.pattern, tier),
      model_(tables.model, uses_words(tables, cache) ? PieceCache::Use::not_at_all : PieceCache::Use::if_worthwhile),
      sums_(tables.word_sums ? model_.unigram() : nullptr),
      word_spans_(tables.word_cuts, tier) {
  if (uses_words(tables, cache)) words_.prepare();
}

void SegmentEncoder::refuse_special(std::string_view spelling, std::uint64_t place) const {
  throw Error("the text spells the special token '" + std::string(spelling) + "' at byte " + std::to_string(place) +
              "; use --special plain or allow");
}

std::size_t SegmentEncoder::encode(std::string_view text, End end, std::uint64_t offset, std::vector<TokenId>& ids) {
  if (is_stateless()) return encode_simple(text, end, offset, ids);
  const std::size_t size = end == End::final ? text.size() : last_cut(text);
  if (offset == 0) section_begins_ = true;
  if (size > 0) encode_stretch(text.substr(0, size), end, offset, ids);
  return size;
}

// Byte-level BPE and added tokens that nothing complicates: every stage knows by itself what more text could change.
std::size_t SegmentEncoder::encode_simple(std::string_view text, End end, std::uint64_t offset, std::vector<TokenId>& ids) {
  const bool final = end == End::final;
  if (!final) text.remove_suffix(incomplete_utf8_tail(text));
  const auto pass =
      tables_.added.is_empty(AddedMatcher::Pass::raw) ? AddedMatcher::Pass::normalized : AddedMatcher::Pass::raw;
  AddedMatcher::Cursor cursor;
  std::size_t at = 0;
  for (;;) {
    const Match match = tables_.added.next(pass, text, cursor, special_, final);
    if (match.kind == Match::Kind::none) return at + encode_plain(text.substr(at), end, ids);
    const std::string_view before = text.substr(at, match.begin - at);
    if (match.kind == Match::Kind::undecided) return at + encode_plain(before, End::open, ids);
    if (special_ == SpecialTokens::error && tables_.special[match.id])
      refuse_special(text.substr(match.begin, match.end - match.begin), offset + match.begin);
    encode_plain(before, End::final, ids);
    ids.push_back(match.id);
    at = match.end;
  }
}

/// Returns the end of the longest beginning of `text` that can be encoded by itself: up to the last space behind a letter or
/// number, or if nothing changes the text the last newline there. 0 if there is none, or if this tokenizer takes documents whole.
std::size_t SegmentEncoder::last_cut(std::string_view text) const {
  if (!tables_.cuts_before_space) return 0;
  const bool checks_model =
      tables_.parts.form == TokenizerParts::Form::spelled && !tables_.pre_tokenizer.cuts_before_blank();
  const bool changes_text = tables_.normalizer.loss() == NormalizerLoss::text;
  const UnicodeClasses& classes = UnicodeClasses::get();
  const std::string_view blanks = is_stateless() ? " \n" : " ";
  for (std::size_t at = text.find_last_of(blanks); at != std::string_view::npos && at > 0;
       at = text.find_last_of(blanks, at - 1)) {
    std::size_t begin = at - 1;
    while (begin > 0 && at - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    const DecodedChar before = decode_utf8(text.data() + begin, text.data() + at);
    if (before.code_point == kInvalidCodePoint || begin + before.length != at) continue;
    const CharClass c = classes.of(before.code_point);
    if (c != CharClass::upper && c != CharClass::lower && c != CharClass::letter && c != CharClass::number) continue;
    // A normalizer that changes text may turn a letter into something else, but no ASCII one.
    if (changes_text && before.code_point >= 0x80) continue;
    if (checks_model && tables_.model.joins_space(before.code_point)) continue;
    return at;
  }
  return 0;
}

std::size_t SegmentEncoder::cut(std::string_view text) const {
  if (!is_stateless()) return 0;
  const std::size_t blank = last_cut(text);
  return blank >= text.size() / 2 ? blank : std::max(blank, last_symbol(text));
}

/// Returns where the last symbol beyond ASCII behind a letter is, such as an ideographic comma, if pretokens end there and no added token
/// spells both; or 0.
std::size_t SegmentEncoder::last_symbol(std::string_view text) const {
  if (!tables_.cuts_before_space || !ends_words_at_symbols(tables_.parts.pattern)) return 0;
  const UnicodeClasses& classes = UnicodeClasses::get();
  std::size_t symbol_end = 0;  // of a symbol at the place at hand; 0: there is none
  for (std::size_t at = text.size(); at > 0;) {
    std::size_t begin = at - 1;
    while (begin > 0 && at - begin < 4 && (static_cast<unsigned char>(text[begin]) & 0xC0) == 0x80) --begin;
    const DecodedChar character = decode_utf8(text.data() + begin, text.data() + at);
    const bool is_whole = character.code_point != kInvalidCodePoint && begin + character.length == at;
    const CharClass c = is_whole ? classes.of(character.code_point) : CharClass::space;
    const bool is_letter = c == CharClass::upper || c == CharClass::lower || c == CharClass::letter;
    if (symbol_end > 0 && is_letter && !is_spelled_by_added(text.substr(begin, symbol_end - begin))) return at;
    symbol_end = c == CharClass::other && character.code_point >= 0x80 ? at : 0;
    at = begin;
  }
  return 0;
}

bool SegmentEncoder::is_spelled_by_added(std::string_view characters) const {
  const TokenizerParts& parts = tables_.parts;
  return std::any_of(parts.added.begin(), parts.added.end(), [&](const AddedToken& token) {
    return parts.tokens[token.id].find(characters) != std::string_view::npos;
  });
}

void SegmentEncoder::encode_stretch(std::string_view text, End end, std::uint64_t offset, std::vector<TokenId>& ids) {
  AddedMatcher::Cursor cursor;
  std::size_t at = 0;
  bool begins = section_begins_;
  const auto section = [&](std::size_t stop, bool ends) {
    const Edges edges{.first = offset == 0 && at == 0, .begins = begins, .ends = ends};
    if (stop > at) encode_section(text.substr(at, stop - at), edges, ids);
  };
  for (;;) {
    const Match match = tables_.added.next(AddedMatcher::Pass::raw, text, cursor, special_, true);
    if (match.kind != Match::Kind::found) break;
    if (special_ == SpecialTokens::error && tables_.special[match.id])
      refuse_special(text.substr(match.begin, match.end - match.begin), offset + match.begin);
    section(match.begin, true);
    ids.push_back(match.id);
    at = match.end;
    begins = true;
  }
  section(text.size(), end == End::final);
  section_begins_ = at == text.size();
}

void SegmentEncoder::encode_section(std::string_view text, Edges edges, std::vector<TokenId>& ids) {
  if (sums_ != nullptr) sums_->begin_text();
  if (words_.is_ready() && text.size() < WordSpans::kTextBytes) return encode_words(text, edges, ids);
  encode_part(text, edges, ids);
}

void SegmentEncoder::encode_part(std::string_view text, Edges edges, std::vector<TokenId>& ids) {
  if (tables_.normalizer.is_identity()) return encode_normalized(text, edges.first, ids);
  bool is_first = edges.first;
  if (is_first) {  // a text whose first character normalization takes away does not begin where the document does
    tables_.normalizer.normalize(text.substr(0, first_length(text)), {.begins = true, .ends = false}, normalized_);
    is_first = !normalized_.empty();
  }
  tables_.normalizer.normalize(text, {.begins = edges.begins, .ends = edges.ends}, normalized_);
  encode_normalized(normalized_, is_first, ids);
}

void SegmentEncoder::encode_normalized(std::string_view text, bool is_first, std::vector<TokenId>& ids) {
  constexpr auto kPass = AddedMatcher::Pass::normalized;
  AddedMatcher::Cursor cursor;
  std::size_t at = 0;
  while (!tables_.added.is_empty(kPass)) {
    const Match match = tables_.added.next(kPass, text, cursor, special_, true);
    if (match.kind != Match::Kind::found) break;
    if (special_ == SpecialTokens::error && tables_.special[match.id])
      throw Error("the text spells the special token '" + std::string(text.substr(match.begin, match.end - match.begin)) +
                  "'; use --special plain or allow");
    if (match.begin > at) encode_pretokens(text.substr(at, match.begin - at), is_first && at == 0, ids);
    ids.push_back(match.id);
    at = match.end;
  }
  if (at < text.size()) encode_pretokens(text.substr(at), is_first && at == 0, ids);
}

void SegmentEncoder::encode_pretokens(std::string_view text, bool is_first, std::vector<TokenId>& ids) {
  if (tables_.parts.form == TokenizerParts::Form::bytes) {
    encode_plain(text, End::final, ids);
    return;
  }
  if (sums_ != nullptr) return sums_->encode_part(text, ids);
  if (tables_.pre_tokenizer.is_null()) return model_.encode(text, ids);
  tables_.pre_tokenizer.split(text, is_first, cut_);
  const std::string_view pieces = cut_.text;
  for (const Piece& piece : cut_.pieces) {
    if (piece.end > piece.begin) model_.encode(pieces.substr(piece.begin, piece.end - piece.begin), ids);
  }
}

std::size_t SegmentEncoder::encode_plain(std::string_view text, End end, std::vector<TokenId>& ids) {
  const Pattern pattern = tables_.parts.pattern;
  if (pattern == Pattern::none && !tables_.parts.ignore_merges && tables_.has_all_bytes)
    return encode_unsplit(text, end, ids);
  std::size_t at = 0;
  while (at < text.size()) {
    const std::string_view window = text.substr(at, PretokenSpans::kTextBytes);
    const bool is_rest = at + window.size() == text.size();
    const std::size_t done = encode_window(window, is_rest ? end : End::open, ids);
    at += done;
    if (is_rest) break;
    if (done > 0) continue;
    const Pretoken pretoken = next_pretoken(pattern, text.substr(at));  // longer than the window
    if (pretoken.saw_end && end == End::open) break;
    pieces_.encode(text.substr(at, pretoken.length), ids);
    at += pretoken.length;
  }
  return at;
}

std::size_t SegmentEncoder::encode_window(std::string_view text, End end, std::vector<TokenId>& ids) {
  std::size_t done = 0;
  spans_.begin(text, end == End::final);
  while (const std::size_t count = spans_.next()) {
    pieces_.encode_all(text, spans_.starts(), count, ids);
    done = spans_.starts()[count];
  }
  return done;
}

// Without a pattern the whole text is one pretoken. But no merge crosses a pair of bytes that is in no token, so there
// it may be cut, with the same result: memory then is bounded by the stretches between such places, not by the text.
std::size_t SegmentEncoder::encode_unsplit(std::string_view text, End end, std::vector<TokenId>& ids) {
  std::size_t start = 0;
  for (std::size_t at = 1; at < text.size(); ++at) {
    const unsigned first = static_cast<unsigned char>(text[at - 1]), second = static_cast<unsigned char>(text[at]);
    if (tables_.joined[first * 256 + second]) continue;
    pieces_.encode(text.substr(start, at - start), ids);
    start = at;
  }
  if (end == End::open || start == text.size()) return start;
  pieces_.encode(text.substr(start), ids);
  return text.size();
}

}  // namespace lm
