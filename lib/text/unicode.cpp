#include "text/unicode.h"

#include <map>

namespace lm {

UnicodeClasses::UnicodeClasses() {
  std::vector<CharClass> flat(kCodePoints, CharClass::other);
  for (const UnicodeRange& range : unicode_ranges()) {
    for (std::uint32_t c = range.first; c <= range.last; ++c) flat[c] = range.character_class;
  }
  std::map<std::array<CharClass, kPage>, std::uint16_t> known;
  for (std::uint32_t page = 0; page < kCodePoints / kPage; ++page) {
    std::array<CharClass, kPage> content;
    for (std::uint32_t i = 0; i < kPage; ++i) content[i] = flat[page * kPage + i];
    const auto [place, is_new] = known.try_emplace(content, static_cast<std::uint16_t>(pages_.size()));
    if (is_new) pages_.push_back(content);
    page_of_[page] = place->second;
  }
}

const UnicodeClasses& UnicodeClasses::get() {
  static const UnicodeClasses classes;
  return classes;
}

std::size_t incomplete_utf8_tail(std::string_view text) {
  for (std::size_t back = 1; back <= 3 && back <= text.size(); ++back) {
    const auto byte = static_cast<unsigned char>(text[text.size() - back]);
    if ((byte & 0xC0) == 0x80) continue;
    if (byte < 0xC2 || byte > 0xF4) return 0;
    const std::size_t length = byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
    if (back >= length) return 0;
    // Incomplete only where all that is there is a valid beginning: then decoding takes it as one invalid part.
    const char* start = text.data() + text.size() - back;
    return decode_utf8(start, text.data() + text.size()).length == back ? back : 0;
  }
  return 0;
}

}  // namespace lm
