// How often each pretoken occurs in a text: all that BPE training needs of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "text/pattern/pretokenizer.h"

namespace lm {

/// A multiset of byte strings with 64-bit counts, in the order of their first occurrence.
class PretokenCounts {
 public:
  /// Makes add() throw Error if more than memory_limit bytes would be needed.
  explicit PretokenCounts(std::uint64_t memory_limit = UINT64_MAX);
  void add(std::string_view pretoken, std::uint64_t count = 1);
  /// Adds all of `other`.
  void add(const PretokenCounts& other);
  std::uint32_t size() const { return static_cast<std::uint32_t>(entries_.size()); }
  std::string_view pretoken(std::uint32_t index) const {
    return {bytes_.data() + entries_[index].offset, entries_[index].length};
  }
  std::uint64_t count(std::uint32_t index) const { return entries_[index].count; }

 private:
  struct Entry {
    std::uint64_t offset;
    std::uint64_t count;
    std::uint32_t length;
    std::uint32_t hash;  // its high half: spares most comparisons and all rehashing
  };
  static constexpr std::uint32_t kFree = 0xFFFFFFFF;
  void grow();
  void check_memory(std::uint64_t more) const;

  std::uint64_t memory_limit_;
  std::vector<char> bytes_;
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> slots_;
};

/// Splits text that comes in pieces and counts its pretokens. A unit is what the patterns see as a whole text: with
/// Unit::line each line with its ending, as Hugging Face's trainer reads files; else each document.
class PretokenCounter {
 public:
  enum class Unit { line, document };
  PretokenCounter(Pattern pattern, Unit unit, PretokenCounts& counts) : pattern_(pattern), unit_(unit), counts_(counts) {}
  void feed(std::string_view bytes);
  void end_document();

 private:
  enum class End { open, final };
  std::size_t count(std::string_view text, End end);
  std::size_t count_unit(std::string_view text, End end);

  Pattern pattern_;
  Unit unit_;
  PretokenCounts& counts_;
  std::string held_;  // bytes whose pretoken may continue
  std::size_t enough_ = 0;
};

template <>
inline constexpr auto kChoices<PretokenCounter::Unit> = choice_table<PretokenCounter::Unit>(
    "unit", {{"line", PretokenCounter::Unit::line}, {"document", PretokenCounter::Unit::document}});

}  // namespace lm
