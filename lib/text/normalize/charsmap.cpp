#include "text/normalize/charsmap.h"

#include <algorithm>

#include "base/error.h"

namespace lm {

namespace {

// A unit of Darts' double array.
bool has_leaf(std::uint32_t unit) { return (unit >> 8 & 1U) != 0; }
std::uint32_t value_of(std::uint32_t unit) { return unit & 0x7FFFFFFFU; }
std::uint32_t label_of(std::uint32_t unit) { return unit & 0x800000FFU; }
std::uint32_t offset_of(std::uint32_t unit) { return (unit >> 10) << ((unit & 0x200U) >> 6); }

}  // namespace

CharsMap CharsMap::parse(std::string_view bytes, std::string_view source) {
  const auto refuse = [&](const char* why) {
    throw Error("cannot use the map of characters in '" + std::string(source) + "': " + why + "; is the file whole?");
  };
  const auto word = [&](std::size_t place) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < 4; ++i) value |= std::uint32_t{static_cast<unsigned char>(bytes[place + i])} << 8 * i;
    return value;
  };
  if (bytes.size() < 4) refuse("it is shorter than 4 bytes");
  const std::size_t size = word(0);
  if (size == 0 || size % 4 != 0 || size > bytes.size() - 4) refuse("the size of its double array is not possible");
  CharsMap map;
  map.units_.reserve(size / 4);
  for (std::size_t i = 0; i < size / 4; ++i) map.units_.push_back(word(4 + 4 * i));
  map.replacements_ = bytes.substr(4 + size);
  return map;
}

template <class Found>
void CharsMap::search(std::string_view text, Found found) const {
  constexpr std::size_t kLongestKey = 256;  // only a damaged map, whose nodes form a ring, leads farther
  std::uint32_t place = offset_of(units_[0]);
  for (std::size_t i = 0; i < std::min(text.size(), kLongestKey); ++i) {
    const std::uint32_t byte = static_cast<unsigned char>(text[i]);
    place ^= byte;
    if (byte == 0 || place >= units_.size()) return;
    const std::uint32_t unit = units_[place];
    if (label_of(unit) != byte) return;
    place ^= offset_of(unit);
    if (has_leaf(unit) && (place >= units_.size() || !found(i + 1, value_of(units_[place])))) return;
  }
}

std::string_view CharsMap::replacement_at(std::uint32_t value) const {
  const std::string_view from = std::string_view(replacements_).substr(value);
  return from.substr(0, from.find('\0'));
}

std::optional<CharsMap::Match> CharsMap::shortest(std::string_view text) const {
  std::optional<Match> match;
  search(text, [&](std::size_t length, std::uint32_t value) {
    if (value < replacements_.size()) match = {length, replacement_at(value)};
    return false;
  });
  return match;
}

std::optional<CharsMap::Match> CharsMap::longest(std::string_view text) const {
  constexpr int kMost = 32;  // keys that SentencePiece looks at
  std::size_t longest = 0;
  std::uint32_t value = 0;
  int keys = 0;
  search(text, [&](std::size_t length, std::uint32_t found) {
    longest = length;
    value = found;
    return ++keys < kMost;
  });
  if (longest == 0 || value >= replacements_.size()) return std::nullopt;
  return Match{longest, replacement_at(value)};
}

bool CharsMap::leaves_ascii(char character) const {
  const auto byte = static_cast<unsigned char>(character);
  const std::uint32_t place = offset_of(units_[0]) ^ byte;
  if (byte == 0 || place >= units_.size() || label_of(units_[place]) != byte) return true;
  if (has_leaf(units_[place])) return false;
  const std::uint32_t children = place ^ offset_of(units_[place]);
  for (std::uint32_t next = 1; next < 128; ++next) {
    if ((children ^ next) < units_.size() && label_of(units_[children ^ next]) == next) return false;
  }
  return true;
}

bool CharsMap::spans_cut(BeforeCut before) const {
  const auto changes_end = [&](std::uint32_t leaf) {
    if (leaf >= units_.size() || value_of(units_[leaf]) >= replacements_.size()) return false;  // no match
    const std::string_view becomes = replacement_at(value_of(units_[leaf]));
    return becomes.empty() || !is_before_cut(before, becomes.back());
  };
  std::vector<bool> seen(units_.size(), false);
  std::vector<std::uint32_t> open = {offset_of(units_[0])};  // where the children of a node are, each exclusive-or its byte
  for (bool is_root = true; !open.empty(); is_root = false) {
    const std::uint32_t base = open.back();
    open.pop_back();
    for (std::uint32_t byte = 1; byte < 256; ++byte) {
      const std::uint32_t place = base ^ byte;
      if (place >= units_.size() || label_of(units_[place]) != byte) continue;
      if (!is_root && (byte == ' ' || byte == '\n')) return true;
      const std::uint32_t children = place ^ offset_of(units_[place]);
      if (is_before_cut(before, static_cast<char>(byte)) && has_leaf(units_[place]) && changes_end(children)) return true;
      if (seen[place]) continue;
      seen[place] = true;
      open.push_back(children);
    }
  }
  return false;
}

}  // namespace lm
