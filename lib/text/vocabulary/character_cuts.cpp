#include "text/vocabulary/character_cuts.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace lm {

namespace {

// Bytes of a part: shorter ones are left together, since a part costs as much as its look-up, and pairs of characters still come again.
constexpr std::uint32_t kEnough = 6;
constexpr std::size_t kMostNumbers = std::size_t{1} << 21;

bool is_lead(unsigned char byte) { return (byte & 0xF0) == 0xE0; }  // of three bytes
bool is_inner(unsigned char byte) { return (byte & 0xC0) == 0x80; }

/// Returns the 16 bits of the bytes of a character, zeros for those that are missing behind.
std::uint32_t bits_of(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U; };
  return (byte(0) & 15U) << 12 | (byte(1) & 0x3FU) << 6 | (byte(2) & 0x3FU);
}

/// What tokens have on both sides of the places where a character of three bytes begins, as the numbers of HashedSet.
class Neighbours {
 public:
  std::vector<std::uint32_t> pairs, tails;

  /// Adds the places of a token; returns false if there are too many.
  bool add(std::string_view token) {
    for (std::size_t at = 1; at < token.size(); ++at) {
      if (is_lead(static_cast<unsigned char>(token[at])) && !add_place(token, at)) return false;
    }
    return true;
  }

 private:
  bool add_place(std::string_view token, std::size_t at) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(token[i]); };
    std::size_t begin = at, end = at + 1;
    while (begin > 0 && is_inner(byte(begin - 1))) --begin;
    const bool has_lead = begin > 0 && is_lead(byte(begin - 1));
    if (begin > 0 && !has_lead) return true;  // no character of three bytes is before it
    if (has_lead) --begin;
    while (end < token.size() && is_inner(byte(end))) ++end;
    const std::size_t before = at - begin, after = end - at;
    if (before > 3 || (has_lead && before < 3) || (!has_lead && before > 2) || after > 3 ||
        (after < 3 && end < token.size()))
      return true;
    if (before == 0) return true;
    // All characters that the token can begin and end inside of.
    const std::uint32_t first = bits_of(token.substr(at, after)), count = 1U << 6 * (3 - after);
    const std::uint32_t last = bits_of(token.substr(begin, before));
    for (std::uint32_t next = first; next < first + count; ++next) {
      if (before == 3) pairs.push_back(last << 16 | next);
      if (before == 1) tails.push_back((byte(begin) & 0x3FU) << 16 | next);
      for (std::uint32_t lead = 0; before == 2 && lead < 16; ++lead)
        pairs.push_back((lead << 12 | (byte(begin) & 0x3FU) << 6 | (byte(begin + 1) & 0x3FU)) << 16 | next);
    }
    return pairs.size() + tails.size() <= kMostNumbers;
  }
};

}  // namespace

void CharacterCuts::HashedSet::build(const std::vector<std::uint32_t>& numbers) {
  const std::size_t places = std::clamp(std::bit_ceil(16 * numbers.size() + 1), std::size_t{1} << 12, std::size_t{1} << 22);
  shift = 32 - std::countr_zero(places);
  bits.assign(places / 64, 0);
  for (const std::uint32_t number : numbers) {
    const std::uint32_t place = number * 0x9E3779B1U >> shift;
    bits[place / 64] |= std::uint64_t{1} << (place % 64);
  }
}

void CharacterCuts::build(const TokenStrings& tokens) {
  Neighbours neighbours;
  for (TokenId id = 0; id < tokens.size(); ++id) {
    if (!neighbours.add(tokens[id])) return;
  }
  pairs_.build(neighbours.pairs);
  tails_.build(neighbours.tails);
}

// A token that reaches across a place has there what the text has: the end of a character, from its first byte or the token's, and the
// beginning of the next, to its last byte or the token's. If that has no number, there is no such token.
void CharacterCuts::append(std::string_view text, std::uint32_t begin, std::uint32_t end,
                           std::vector<std::uint32_t>& starts) const {
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  constexpr std::uint32_t kNone = 0xFFFFFFFF;
  std::uint32_t before = kNone, last = begin, place = begin;  // the last cut, and the last place behind it for one
  for (std::uint32_t at = begin; at + 3 <= end;) {
    const unsigned char* here = bytes + at;
    const bool is_whole =
        is_lead(here[0]) && is_inner(here[1]) && is_inner(here[2]) && (at + 3 == end || !is_inner(here[3]));
    if (!is_whole) {
      before = kNone;
      ++at;
      continue;
    }
    const std::uint32_t character = (here[0] & 15U) << 12 | (here[1] & 0x3FU) << 6 | (here[2] & 0x3FU);
    if (before != kNone && !joins(before, character)) {
      if (at - last > kEnough && place > last) starts.push_back(last = place);
      place = at;
    }
    before = character;
    at += 3;
  }
  if (place > last && end - last > kEnough) starts.push_back(place);
}

}  // namespace lm
