#include "text/segment_encoder.h"

#include <string>

#include "base/error.h"
#include "text/unicode/unicode.h"

namespace lm {

SegmentEncoder::SegmentEncoder(const TokenizerTables& tables, SpecialTokens special, PieceEncoder::Cache cache)
    : tables_(tables), special_(special), pieces_(tables, cache) {}

std::size_t SegmentEncoder::encode(std::string_view text, End end, std::uint64_t offset, std::vector<TokenId>& ids) {
  const bool final = end == End::final;
  if (!final) text.remove_suffix(incomplete_utf8_tail(text));
  const SpecialMatcher& matcher = special_ == SpecialTokens::plain ? tables_.always : tables_.all;
  std::size_t at = 0;
  for (;;) {
    const SpecialMatcher::Match match = matcher.find(text, at, final);
    if (match.kind == SpecialMatcher::Match::Kind::none) return at + encode_plain(text.substr(at), end, ids);
    const std::string_view before = text.substr(at, match.position - at);
    if (match.kind == SpecialMatcher::Match::Kind::undecided) return at + encode_plain(before, End::open, ids);
    if (special_ == SpecialTokens::error && tables_.special[match.id]) {
      throw Error("the text spells the special token '" + std::string(text.substr(match.position, match.length)) +
                  "' at byte " + std::to_string(offset + match.position) + "; use --special plain or allow");
    }
    encode_plain(before, End::final, ids);
    ids.push_back(match.id);
    at = match.position + match.length;
  }
}

std::size_t SegmentEncoder::encode_plain(std::string_view text, End end, std::vector<TokenId>& ids) {
  const Pattern pattern = tables_.parts.pattern;
  if (pattern == Pattern::none && !tables_.parts.ignore_merges) return encode_unsplit(text, end, ids);
  std::size_t at = 0;
  while (at < text.size()) {
    const Pretoken pretoken = next_pretoken(pattern, text.substr(at));
    if (pretoken.saw_end && end == End::open) break;
    pieces_.encode(text.substr(at, pretoken.length), ids);
    at += pretoken.length;
  }
  return at;
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
