// Tables of code points behind the normalizers, and look-up in them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace lm {

struct NormalizeRange {
  std::uint32_t first, last;
};
/// A map of every `step`-th code point of a range to itself plus `delta`.
struct CaseRange {
  std::uint32_t first, last, step;
  std::int32_t delta;
};

/// Classes of Unicode's grapheme clusters. extend_outside: extends a cluster, but not Indic conjuncts; joiner: U+200D.
enum class Cluster : std::uint8_t {
  other,
  control,
  joiner,
  linker,
  extend,
  extend_outside,
  spacing_mark,
  prepend,
  l,
  v,
  t,
  regional,
  consonant,
  pictograph,
  lv,
  lvt
};
struct GraphemeRange {
  std::uint32_t first, last;
  Cluster cluster;
};

/// What llama.cpp's WordPiece does with a character: it parts words, is left out, is left out with accents, is a word.
enum class BertPart : std::uint8_t { other, space, dropped, mark, alone };
struct LlamaBertRange {
  std::uint32_t first, last;
  BertPart part;
};

// All are disjoint and ascending.
/// What Hugging Face's NFC, NFD, NFKC and NFKD leave as it is, with combining class 0: their Unicode does not have it yet.
std::span<const NormalizeRange> unknown_to_forms();
/// What StripAccents removes.
std::span<const NormalizeRange> combining_marks();
/// What BertNormalizer removes, after NFD, for strip_accents and for clean_text.
std::span<const NormalizeRange> bert_nonspacing_marks();
std::span<const NormalizeRange> bert_controls();
/// Lower case of Rust's standard library, except that of U+0130, which is two characters.
std::span<const CaseRange> lowercase_ranges();
std::span<const GraphemeRange> grapheme_ranges();
std::span<const LlamaBertRange> llama_bert_ranges();
std::span<const CaseRange> llama_lowercase_ranges();
/// What llama.cpp decomposes to itself.
std::span<const NormalizeRange> unknown_to_llama();

/// A value for each code point, zero if none is set.
template <class Value>
class NormalizeTable {
 public:
  NormalizeTable() : pages_(1) { page_of_.fill(0); }

  void set(std::uint32_t first, std::uint32_t last, Value value) {
    for (std::uint32_t point = first; point <= last && point < kCodePoints; ++point) {
      std::uint16_t& page = page_of_[point / kPage];
      if (page == 0) {
        page = static_cast<std::uint16_t>(pages_.size());
        pages_.emplace_back();
      }
      pages_[page][point % kPage] = value;
    }
  }

  Value of(std::uint32_t point) const {
    return point < kCodePoints ? pages_[page_of_[point / kPage]][point % kPage] : Value{};
  }

 private:
  static constexpr std::uint32_t kCodePoints = 0x110000, kPage = 128;
  std::array<std::uint16_t, kCodePoints / kPage> page_of_;
  std::vector<std::array<Value, kPage>> pages_;
};

/// Returns the table with 1 for what is in the ranges.
NormalizeTable<std::uint8_t> member_table(std::span<const NormalizeRange> ranges);
/// Returns the table of what is added to a code point for its lower case.
NormalizeTable<std::int32_t> case_table(std::span<const CaseRange> ranges);

}  // namespace lm
