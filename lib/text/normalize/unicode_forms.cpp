#include "text/normalize/unicode_forms.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "text/normalize/characters.h"
#include "text/normalize/tables.h"

namespace lm {

namespace {

constexpr std::uint32_t kHangul = 0xAC00, kHangulL = 0x1100, kHangulV = 0x1161, kHangulT = 0x11A7;
constexpr std::uint32_t kHangulVs = 21, kHangulTs = 28, kHanguls = 19 * kHangulVs * kHangulTs;

/// A code point and its combining class, in one number that sorts by the class.
struct FormChar {
  std::uint32_t point;
  std::uint8_t combining;
};

/// What the forms need to know of each code point, taken from utf8proc once.
class FormData {
 public:
  static const FormData& get() {
    static const FormData data;
    return data;
  }

  /// Returns whether the form changes the character, or marks or jamo may combine with what is before it through this one.
  bool is_active(UnicodeForm form, std::uint32_t point) const {
    return (active_.of(point) >> static_cast<unsigned>(form) & 1U) != 0;
  }
  std::uint8_t combining(std::uint32_t point) const { return combining_.of(point); }
  /// Appends the full decomposition.
  void decompose(bool compatibility, std::uint32_t point, std::vector<FormChar>& out) const;
  /// Returns the primary composite of a pair, or 0.
  std::uint32_t compose(std::uint32_t first, std::uint32_t second) const;

 private:
  FormData();
  void add(std::uint32_t point);
  void add_composite(std::uint32_t point, std::span<const utf8proc_int32_t> canonical);
  void mark_active();
  std::uint32_t store(std::span<const utf8proc_int32_t> points);

  NormalizeTable<std::uint8_t> combining_, active_;
  NormalizeTable<std::uint32_t> canonical_, compatibility_;  // place in pool_ and length in the low 5 bits; 0: itself
  std::vector<std::uint32_t> pool_;
  std::unordered_map<std::uint64_t, std::uint32_t> composites_;
  std::vector<std::uint32_t> decomposing_, seconds_;
};

FormData::FormData() {
  const NormalizeTable<std::uint8_t> unknown = member_table(unknown_to_forms());
  // Elsewhere no character decomposes or has a combining class, except Hangul syllables, which are computed.
  constexpr NormalizeRange kSearched[] = {{0xA0, 0x33FF}, {0xA000, 0xABFF}, {0xF900, 0x1FFFF}, {0x2F800, 0x2FA1F}};
  for (const NormalizeRange& range : kSearched) {
    for (std::uint32_t point = range.first; point <= range.last; ++point) {
      if (unknown.of(point) == 0) add(point);
    }
  }
  mark_active();
}

std::uint32_t FormData::store(std::span<const utf8proc_int32_t> points) {
  const auto place = static_cast<std::uint32_t>(pool_.size());
  for (const utf8proc_int32_t point : points) pool_.push_back(static_cast<std::uint32_t>(point));
  return place << 5 | static_cast<std::uint32_t>(points.size());
}

void FormData::add(std::uint32_t point) {
  const auto own = static_cast<utf8proc_int32_t>(point);
  const utf8proc_property_t* property = utf8proc_get_property(own);
  if (property->category == UTF8PROC_CATEGORY_CN) return;
  if (property->combining_class != 0) combining_.set(point, point, static_cast<std::uint8_t>(property->combining_class));
  std::array<utf8proc_int32_t, 32> buffer;
  const auto decomposition = [&](int options) -> std::span<const utf8proc_int32_t> {
    const utf8proc_ssize_t length = utf8proc_decompose_char(own, buffer.data(), static_cast<utf8proc_ssize_t>(buffer.size()),
                                                            static_cast<utf8proc_option_t>(options), nullptr);
    const bool changes =
        length > 0 && length < static_cast<utf8proc_ssize_t>(buffer.size()) && (length > 1 || buffer[0] != own);
    return changes ? std::span<const utf8proc_int32_t>(buffer.data(), static_cast<std::size_t>(length))
                   : std::span<const utf8proc_int32_t>();
  };
  const auto compatible = decomposition(UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT);
  if (compatible.empty()) return;
  decomposing_.push_back(point);
  compatibility_.set(point, point, store(compatible));
  const auto canonical = decomposition(UTF8PROC_DECOMPOSE);
  if (canonical.empty()) return;
  canonical_.set(point, point, store(canonical));
  add_composite(point, canonical);
}

void FormData::add_composite(std::uint32_t point, std::span<const utf8proc_int32_t> canonical) {
  if (canonical.size() < 2) return;
  const auto composed = [&](std::size_t length) -> std::uint32_t {
    std::vector<utf8proc_int32_t> buffer(canonical.begin(), canonical.begin() + static_cast<std::ptrdiff_t>(length));
    buffer.push_back(0);
    const utf8proc_ssize_t left =
        utf8proc_normalize_utf32(buffer.data(), static_cast<utf8proc_ssize_t>(length),
                                 static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
    return left == 1 ? static_cast<std::uint32_t>(buffer[0]) : 0;
  };
  if (composed(canonical.size()) != point) return;  // excluded from composition
  const std::uint32_t first = composed(canonical.size() - 1);
  const auto second = static_cast<std::uint32_t>(canonical.back());
  if (first == 0) return;
  composites_[std::uint64_t{first} << 32 | second] = point;
  seconds_.push_back(second);
}

void FormData::mark_active() {
  constexpr std::uint8_t kAll = 0xF;
  const auto bit = [](UnicodeForm form) { return static_cast<std::uint8_t>(1U << static_cast<unsigned>(form)); };
  constexpr std::uint32_t kLastMark = 0x1FFFF;
  for (std::uint32_t point = 0x300; point <= kLastMark; ++point) {
    if (combining(point) != 0) active_.set(point, point, kAll);
  }
  const auto compose_too = static_cast<std::uint8_t>(bit(UnicodeForm::nfc) | bit(UnicodeForm::nfkc));
  const auto add_bits = [&](std::uint32_t point, unsigned bits) {
    active_.set(point, point, static_cast<std::uint8_t>(active_.of(point) | bits));
  };
  for (const std::uint32_t second : seconds_) add_bits(second, compose_too);
  for (std::uint32_t jamo = kHangulV; jamo < kHangulT + kHangulTs; ++jamo) add_bits(jamo, compose_too);
  active_.set(kHangul, kHangul + kHanguls - 1, bit(UnicodeForm::nfd) | bit(UnicodeForm::nfkd));
  const NormalizeTable<std::uint8_t> is_second = [&] {
    NormalizeTable<std::uint8_t> table;
    for (const std::uint32_t second : seconds_) table.set(second, second, 1);
    return table;
  }();
  std::vector<FormChar> parts;
  for (const std::uint32_t point : decomposing_) {
    const bool has_canonical = canonical_.of(point) != 0;
    add_bits(point, bit(UnicodeForm::nfkd) | (has_canonical ? bit(UnicodeForm::nfd) : 0U));
    for (const UnicodeForm form : {UnicodeForm::nfc, UnicodeForm::nfkc}) {
      parts.clear();
      decompose(form == UnicodeForm::nfkc, point, parts);
      std::uint32_t whole = parts[0].point;
      for (std::size_t i = 1; i < parts.size() && whole != 0; ++i) whole = compose(whole, parts[i].point);
      if (whole != point || is_second.of(parts[0].point) != 0) add_bits(point, bit(form));
    }
  }
}

void FormData::decompose(bool compatibility, std::uint32_t point, std::vector<FormChar>& out) const {
  if (point - kHangul < kHanguls) {
    const std::uint32_t index = point - kHangul;
    out.push_back({kHangulL + index / (kHangulVs * kHangulTs), 0});
    out.push_back({kHangulV + index / kHangulTs % kHangulVs, 0});
    if (index % kHangulTs != 0) out.push_back({kHangulT + index % kHangulTs, 0});
    return;
  }
  const std::uint32_t stored = (compatibility ? compatibility_ : canonical_).of(point);
  if (stored == 0) {
    out.push_back({point, combining(point)});
    return;
  }
  for (std::uint32_t i = 0; i < (stored & 31U); ++i) {
    const std::uint32_t part = pool_[(stored >> 5) + i];
    out.push_back({part, combining(part)});
  }
}

std::uint32_t FormData::compose(std::uint32_t first, std::uint32_t second) const {
  if (first - kHangulL < 19 && second - kHangulV < kHangulVs) {
    return kHangul + ((first - kHangulL) * kHangulVs + second - kHangulV) * kHangulTs;
  }
  if (first - kHangul < kHanguls && (first - kHangul) % kHangulTs == 0 && second - kHangulT - 1 < kHangulTs - 1) {
    return first + second - kHangulT;
  }
  const auto found = composites_.find(std::uint64_t{first} << 32 | second);
  return found == composites_.end() ? 0 : found->second;
}

/// Puts each run of marks in the order of their combining classes.
void order_marks(std::vector<FormChar>& chars) {
  for (std::size_t i = 0; i < chars.size();) {
    if (chars[i].combining == 0) {
      ++i;
      continue;
    }
    std::size_t end = i + 1;
    bool ordered = true;
    for (; end < chars.size() && chars[end].combining != 0; ++end) {
      ordered = ordered && chars[end - 1].combining <= chars[end].combining;
    }
    if (!ordered) {
      std::stable_sort(chars.begin() + static_cast<std::ptrdiff_t>(i), chars.begin() + static_cast<std::ptrdiff_t>(end),
                       [](const FormChar& a, const FormChar& b) { return a.combining < b.combining; });
    }
    i = end;
  }
}

/// Composes what can be, in place.
void compose_all(const FormData& data, std::vector<FormChar>& chars) {
  constexpr int kAdjacent = -1;
  std::size_t kept = 0, starter = chars.size();
  int last = kAdjacent;  // the combining class before this one, since the starter
  for (std::size_t i = 0; i < chars.size(); ++i) {
    const FormChar current = chars[i];
    if (starter < i && last < current.combining) {
      if (const std::uint32_t whole = data.compose(chars[starter].point, current.point); whole != 0) {
        chars[starter].point = whole;
        continue;
      }
    }
    if (current.combining == 0) {
      starter = kept;
      last = kAdjacent;
    } else {
      last = current.combining;
    }
    chars[kept++] = current;
  }
  chars.resize(kept);
}

}  // namespace

void append_form(UnicodeForm form, std::string_view text, std::string& out) {
  const FormData& data = FormData::get();
  const bool composes = form == UnicodeForm::nfc || form == UnicodeForm::nfkc;
  const bool compatibility = form == UnicodeForm::nfkc || form == UnicodeForm::nfkd;
  Rewriter rewriter(text, out);
  std::vector<FormChar> chars;
  const char* at = text.data();
  const char* const end = at + text.size();
  const char* before = nullptr;  // the character that what comes may compose with
  while (at < end) {
    if (const std::size_t length = ascii_length(at, end); length > 0) {
      at += length;
      before = at - 1;
      continue;
    }
    DecodedChar character = decode_utf8(at, end);
    if (!data.is_active(form, character.code_point)) {
      before = character.code_point == kInvalidCodePoint ? nullptr : at;
      at += character.length;
      continue;
    }
    const char* const from = composes && before != nullptr ? before : at;
    chars.clear();
    if (from != at) data.decompose(compatibility, decode_utf8(from, at).code_point, chars);
    do {
      data.decompose(compatibility, character.code_point, chars);
      at += character.length;
      if (at < end) character = decode_utf8(at, end);
    } while (at < end && data.is_active(form, character.code_point));
    order_marks(chars);
    if (composes) compose_all(data, chars);
    std::string& replacement = rewriter.begin_replacement(from, at);
    for (const FormChar& one : chars) append_utf8(replacement, one.point);
    before = nullptr;
  }
  rewriter.finish();
}

}  // namespace lm
