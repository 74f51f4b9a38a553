#include "text/training/pretoken_counts.h"

#include <algorithm>
#include <array>

#include "base/error.h"
#include "text/vocabulary/byte_hash.h"

namespace lm {

namespace {

constexpr std::size_t kFirstSlots = 1024, kFirstUnits = 2048;

/// The first four bytes, such that numbers compare as strings do.
std::uint32_t first_bytes(std::string_view bytes) {
  std::uint32_t number = 0;
  for (std::size_t i = 0; i < 4; ++i) number = number << 8U | (i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U);
  return number;
}

/// The hash that slots have as their mark, and that says where they are: not 0.
std::uint32_t table_hash(std::string_view pretoken) {
  const std::uint64_t full = hash_bytes(pretoken);
  return std::max<std::uint32_t>(1, static_cast<std::uint32_t>(full ^ (full >> 32U)));
}

}  // namespace

void PretokenCounts::insert_slot(std::uint32_t hash, std::uint32_t unit) {
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  while (slots_[slot].mark != 0) slot = (slot + 1) & mask;
  slots_[slot] = {hash, unit};
}

// The records say all that the slots do, so old slots need not be kept beside new ones.
bool PretokenCounts::grow_slots() {
  const std::size_t wanted = std::max(kFirstSlots, slots_.size() * 2);
  if (wanted * sizeof(Slot) + records_.bytes() > memory_limit_) return false;
  slots_.reset();
  slots_.resize(wanted);
  for (std::uint64_t at = 0; at < used_; at += record_units(record(at).length))
    insert_slot(record(at).hash, static_cast<std::uint32_t>(at));
  return true;
}

bool PretokenCounts::make_room(std::uint64_t units) {
  if (size_ * 2 >= slots_.size() && !grow_slots()) return false;
  const std::uint64_t needed = used_ + units;
  if (needed <= records_.size()) return true;
  if (needed > UINT32_MAX) return false;
  // By a quarter; if there is no memory for that, by what there is.
  const std::uint64_t left = memory_limit_ - std::min<std::uint64_t>(memory_limit_, slots_.bytes());
  const std::uint64_t wanted = std::min(std::max<std::uint64_t>(needed + needed / 4, kFirstUnits),
                                        left / Pages::rounded(1) * Pages::rounded(1) / kUnit);
  if (wanted < needed) return false;
  records_.resize(wanted);
  return true;
}

bool PretokenCounts::try_add(std::string_view pretoken, std::uint64_t count) {
  return add_hashed(pretoken, table_hash(pretoken), count);
}

std::size_t PretokenCounts::add_all(std::span<const std::string_view> pretokens) {
  constexpr std::size_t kBatch = 64;
  std::array<std::uint32_t, kBatch> hashes;
  for (std::size_t first = 0; first < pretokens.size(); first += kBatch) {
    const std::size_t count = std::min(kBatch, pretokens.size() - first);
    for (std::size_t i = 0; i < count; ++i) {
      hashes[i] = table_hash(pretokens[first + i]);
      if (slots_.size() > 0) __builtin_prefetch(&slots_[hashes[i] & (slots_.size() - 1)]);
    }
    for (std::size_t i = 0; i < count && slots_.size() > 0; ++i) {
      const Slot& slot = slots_[hashes[i] & (slots_.size() - 1)];
      if (slot.mark == hashes[i]) __builtin_prefetch(records_.data() + slot.unit, 1);
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (!add_hashed(pretokens[first + i], hashes[i], 1)) return first + i;
    }
  }
  return pretokens.size();
}

bool PretokenCounts::add_hashed(std::string_view pretoken, std::uint32_t hash, std::uint64_t count) {
  if (slots_.size() > 0) {
    const std::size_t mask = slots_.size() - 1;
    for (std::size_t slot = hash & mask; slots_[slot].mark != 0; slot = (slot + 1) & mask) {
      if (slots_[slot].mark != hash || bytes_of(slots_[slot].unit) != pretoken) continue;
      std::uint64_t& sum = record(slots_[slot].unit).count;
      if (__builtin_add_overflow(sum, count, &sum)) throw Error("a pretoken occurs more than 2^64 times; count less text");
      return true;
    }
  }
  if (pretoken.size() > UINT32_MAX) throw Error("the text has a pretoken of 4 GiB; use another pattern");
  const std::uint64_t units = record_units(pretoken.size());
  if (!make_room(units)) return false;
  const auto unit = static_cast<std::uint32_t>(used_);
  record(unit) = {count, static_cast<std::uint32_t>(pretoken.size()), hash};
  std::memcpy(reinterpret_cast<char*>(records_.data() + unit) + sizeof(Record), pretoken.data(), pretoken.size());
  insert_slot(hash, unit);
  used_ += units;
  ++size_;
  return true;
}

void PretokenCounts::sort_slots() {
  std::uint64_t i = 0;
  for (std::uint64_t at = 0; at < used_; at += record_units(record(at).length))
    slots_[i++] = {first_bytes(bytes_of(at)), static_cast<std::uint32_t>(at)};
  std::sort(slots_.data(), slots_.data() + size_, [this](const Slot& a, const Slot& b) {
    return a.mark != b.mark ? a.mark < b.mark : bytes_of(a.unit) < bytes_of(b.unit);
  });
}

void PretokenCounts::clear() {
  slots_.reset();
  records_.reset();
  used_ = size_ = 0;
}

}  // namespace lm
