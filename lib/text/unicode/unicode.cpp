#include "text/unicode/unicode.h"

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

}  // namespace lm
