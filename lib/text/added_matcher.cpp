#include "text/added_matcher.h"

#include <algorithm>

#include "base/utf8.h"
#include "text/normalize/growth.h"
#include "text/unicode/code_points.h"
#include "text/unicode/unicode.h"

namespace lm {

namespace {

bool is_letter_or_number(std::uint32_t code_point) {
  const CharClass c = UnicodeClasses::get().of(code_point);
  return c == CharClass::upper || c == CharClass::lower || c == CharClass::letter || c == CharClass::number;
}

bool is_word_character(std::uint32_t code_point) { return (component_classes().of(code_point) & ComponentClass::word) != 0; }

/// A space, as text or a normalizer spells it, or a newline.
bool begins_with_cut(std::string_view text) {
  return text.starts_with(' ') || text.starts_with('\n') || text.starts_with("\xE2\x96\x81");
}

/// Returns whether a letter or number is followed by a space or newline inside the text.
bool holds_cut(std::string_view text) {
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const DecodedChar c = decode_utf8(at, end);
    at += c.length;
    const std::string_view rest(at, static_cast<std::size_t>(end - at));
    if (is_letter_or_number(c.code_point) && begins_with_cut(rest)) return true;
  }
  return false;
}

DecodedChar first_character(std::string_view text) { return decode_utf8(text.data(), text.data() + text.size()); }

/// Returns the last character; of what is not UTF-8 its last byte, as one that is no code point.
DecodedChar last_character(std::string_view text) {
  for (std::size_t length = 1; length <= std::min<std::size_t>(4, text.size()); ++length) {
    const std::string_view tail = text.substr(text.size() - length);
    const DecodedChar c = first_character(tail);
    if (c.length == length && (static_cast<unsigned char>(tail[0]) < 0x80 || length > 1)) return c;
  }
  return {.code_point = UINT32_MAX, .length = 1};
}

bool is_space(std::uint32_t code_point) { return UnicodeClasses::get().of(code_point) == CharClass::space; }

std::size_t spaces_before(std::string_view text, std::size_t end, std::size_t from) {
  while (end > from) {
    const DecodedChar c = last_character(text.substr(0, end));
    if (!is_space(c.code_point)) break;
    end -= c.length;
  }
  return end;
}

std::size_t spaces_after(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const DecodedChar c = first_character(text.substr(at));
    if (!is_space(c.code_point)) break;
    at += c.length;
  }
  return at;
}

}  // namespace

AddedMatcher::AddedMatcher(const std::vector<AddedToken>& added, const TokenStrings& tokens,
                           const std::vector<bool>& special, const Normalizer& normalizer)
    : tokens_(added), special_(&special) {
  std::sort(tokens_.begin(), tokens_.end(), [](const AddedToken& a, const AddedToken& b) { return a.id < b.id; });
  std::size_t size = 0, made = 0;
  for (const AddedToken& token : added) size += tokens[token.id].size();
  std::string normal;
  for (const AddedToken& token : added) {
    const Pass pass = token.normalized ? Pass::normalized : Pass::raw;
    std::string_view spelling = tokens[token.id];
    if (token.normalized && !normalizer.is_identity()) {
      spans_cuts_ = spans_cuts_ || holds_cut(spelling);
      normalizer.normalize(spelling, {.begins = true, .ends = true}, normal);
      spelling = normal;
    }
    if (spelling.empty()) continue;
    refuse_growth(made += spelling.size(), growth_limit(size));
    trees_[index(pass)].add(spelling, token.id);
    empty_[index(pass)] = false;
    if (!special[token.id]) ordinary_.add(spelling, token.id);
    simple_ = simple_ && token.is_plain();
    const bool takes_spaces = token.rstrip && is_letter_or_number(last_character(spelling).code_point);
    const bool starts_at_cut = token.single_word && begins_with_cut(spelling);
    spans_cuts_ = spans_cuts_ || holds_cut(spelling) || takes_spaces || starts_at_cut;
  }
  simple_ = simple_ && normalizer.is_identity() && (empty_[0] || empty_[1]);
}

bool AddedMatcher::is_word_alone(std::string_view text, std::size_t begin, std::size_t end) const {
  const bool left = begin == 0 || !is_word_character(last_character(text.substr(0, begin)).code_point);
  return left && (end == text.size() || !is_word_character(first_character(text.substr(end)).code_point));
}

AddedMatcher::Match AddedMatcher::next(Pass pass, std::string_view text, Cursor& cursor, SpecialTokens special,
                                       bool final) const {
  const bool skips = special == SpecialTokens::plain;
  for (;;) {
    const SpecialMatcher::Match found = trees_[index(pass)].find(text, cursor.search, final);
    if (found.kind == SpecialMatcher::Match::Kind::none) return {};
    if (found.kind == SpecialMatcher::Match::Kind::undecided)
      return {.kind = Match::Kind::undecided, .begin = found.position, .end = found.position};
    const std::size_t end = found.position + found.length;
    cursor.search = end;
    if (skips && (*special_)[found.id]) continue;
    const auto token = std::lower_bound(tokens_.begin(), tokens_.end(), found.id,
                                        [](const AddedToken& a, TokenId id) { return a.id < id; });
    if (token->single_word && !is_word_alone(text, found.position, end)) continue;
    // As the library does it: spaces behind are taken from the spelling's end on, whatever was taken before; those in front only
    // if no match has them.
    Match match{.kind = Match::Kind::found, .begin = found.position, .end = end, .id = found.id};
    if (token->lstrip) match.begin = std::max(spaces_before(text, match.begin, cursor.taken), cursor.taken);
    if (token->rstrip) {
      const bool is_known = end >= cursor.spaces_begin && end <= cursor.spaces_end;
      match.end = is_known ? cursor.spaces_end : spaces_after(text, end);
      cursor.spaces_begin = is_known ? cursor.spaces_begin : end;
      cursor.spaces_end = match.end;
    }
    cursor.taken = match.end;
    if (match.begin >= match.end) continue;  // nothing is left of it
    return match;
  }
}

}  // namespace lm
