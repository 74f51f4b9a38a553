// How often each pretoken occurs: a table of counts in memory that is bounded exactly.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

#include "base/page_array.h"

namespace lm {

/// A multiset of byte strings that are not empty, with 64-bit counts. Its memory is that of two arrays: one of slots, and one
/// of records one after another.
class PretokenCounts {
 public:
  /// It takes at most so many bytes of memory.
  explicit PretokenCounts(std::uint64_t memory_limit = UINT64_MAX) : memory_limit_(memory_limit) {}
  void set_memory_limit(std::uint64_t bytes) { memory_limit_ = bytes; }
  /// Adds, or returns false, having added nothing, if that needs more memory than the limit. Throws Error for a count beyond 64
  /// bits or a pretoken of 4 GiB.
  [[nodiscard]] bool try_add(std::string_view pretoken, std::uint64_t count = 1);
  /// Adds each once, in order, and returns how many it added before one needed more memory. Faster, because what several need of
  /// the table is fetched at a time.
  std::size_t add_all(std::span<const std::string_view> pretokens);
  std::uint64_t size() const { return size_; }
  /// Returns the bytes that it takes.
  std::uint64_t memory() const { return slots_.bytes() + records_.bytes(); }

  /// Calls visit(pretoken, count) for each, in the order of their first occurrence.
  template <class Visit>
  void for_each(Visit&& visit) const {
    for (std::uint64_t at = 0; at < used_; at += record_units(record(at).length)) visit(bytes_of(at), record(at).count);
  }
  /// Calls visit for each in the order of their bytes. In the memory of the slots: only clear() may follow.
  template <class Visit>
  void for_each_sorted(Visit&& visit) {
    sort_slots();
    for (std::uint64_t i = 0; i < size_; ++i) visit(bytes_of(slots_[i].unit), record(slots_[i].unit).count);
  }
  /// Empties it and gives its memory back.
  void clear();

 private:
  // A record is this and the bytes, in units of 8 bytes, by which slots name it.
  struct Record {
    std::uint64_t count;
    std::uint32_t length;
    std::uint32_t hash;
  };
  struct Slot {
    std::uint32_t mark;  // of a table the hash, never 0 if there is a record; while sorting the first bytes
    std::uint32_t unit;
  };
  static constexpr std::uint64_t kUnit = 8;
  static std::uint64_t record_units(std::uint64_t length) { return (sizeof(Record) + length + kUnit - 1) / kUnit; }
  Record& record(std::uint64_t unit) const { return *reinterpret_cast<Record*>(records_.data() + unit); }
  std::string_view bytes_of(std::uint64_t unit) const {
    return {reinterpret_cast<const char*>(records_.data() + unit) + sizeof(Record), record(unit).length};
  }
  bool add_hashed(std::string_view pretoken, std::uint32_t hash, std::uint64_t count);
  bool make_room(std::uint64_t units);
  bool grow_slots();
  void insert_slot(std::uint32_t hash, std::uint32_t unit);
  void sort_slots();

  std::uint64_t memory_limit_;
  PageArray<Slot> slots_;             // a power of two of them
  PageArray<std::uint64_t> records_;  // units
  std::uint64_t used_ = 0;            // of them
  std::uint64_t size_ = 0;
};

}  // namespace lm
