#include "text/pretoken_counts.h"

#include "base/error.h"
#include "text/uncut_text.h"
#include "text/unicode/unicode.h"
#include "text/vocabulary/byte_hash.h"

namespace lm {

PretokenCounts::PretokenCounts(std::uint64_t memory_limit) : memory_limit_(memory_limit), slots_(1024, kFree) {}

void PretokenCounts::check_memory(std::uint64_t more) const {
  const std::uint64_t used = bytes_.capacity() + entries_.capacity() * sizeof(Entry) + slots_.size() * sizeof(std::uint32_t);
  if (used + more > memory_limit_) {
    throw Error("the text has too many distinct pretokens for " + std::to_string(memory_limit_) +
                " bytes of memory; raise --memory, or use less text or another pattern");
  }
}

void PretokenCounts::grow() {
  check_memory(slots_.size() * 2 * sizeof(std::uint32_t) + entries_.size() * sizeof(Entry) + bytes_.size());
  slots_.assign(slots_.size() * 2, kFree);
  const std::size_t mask = slots_.size() - 1;
  for (std::uint32_t index = 0; index < entries_.size(); ++index) {
    std::size_t slot = hash_bytes(pretoken(index)) & mask;
    while (slots_[slot] != kFree) slot = (slot + 1) & mask;
    slots_[slot] = index;
  }
}

void PretokenCounts::add(std::string_view pretoken, std::uint64_t count) {
  const std::uint64_t hash = hash_bytes(pretoken);
  const auto high = static_cast<std::uint32_t>(hash >> 32);
  const std::size_t mask = slots_.size() - 1;
  std::size_t slot = hash & mask;
  for (; slots_[slot] != kFree; slot = (slot + 1) & mask) {
    Entry& entry = entries_[slots_[slot]];
    if (entry.hash == high && this->pretoken(slots_[slot]) == pretoken) {
      entry.count += count;
      return;
    }
  }
  if (pretoken.size() > UINT32_MAX || entries_.size() >= kFree)
    throw Error("the text has a pretoken of 4 GiB, or 2^32 different ones");
  if (bytes_.size() + pretoken.size() > bytes_.capacity()) check_memory(bytes_.capacity() + pretoken.size());
  slots_[slot] = static_cast<std::uint32_t>(entries_.size());
  entries_.push_back({bytes_.size(), count, static_cast<std::uint32_t>(pretoken.size()), high});
  bytes_.insert(bytes_.end(), pretoken.begin(), pretoken.end());
  if (entries_.size() * 2 > slots_.size()) grow();
}

void PretokenCounts::add(const PretokenCounts& other) {
  for (std::uint32_t index = 0; index < other.size(); ++index) add(other.pretoken(index), other.count(index));
}

void PretokenCounter::feed(std::string_view bytes) {
  held_ += bytes;
  if (held_.size() < enough_) return;
  held_.erase(0, count(held_, End::open));
  refuse_uncut(held_.size());
  enough_ = next_look(held_.size());
}

void PretokenCounter::end_document() {
  count(held_, End::final);
  held_.clear();
  enough_ = 0;
}

std::size_t PretokenCounter::count(std::string_view text, End end) {
  std::size_t at = 0;
  if (unit_ == Unit::line) {
    for (std::size_t newline = text.find('\n'); newline != std::string_view::npos; newline = text.find('\n', at)) {
      count_unit(text.substr(at, newline + 1 - at), End::final);
      at = newline + 1;
    }
  }
  return at + count_unit(text.substr(at), end);
}

std::size_t PretokenCounter::count_unit(std::string_view text, End end) {
  if (end == End::open) text.remove_suffix(incomplete_utf8_tail(text));
  std::size_t at = 0;
  while (at < text.size()) {
    const Pretoken pretoken = next_pretoken(pattern_, text.substr(at));
    if (pretoken.saw_end && end == End::open) break;
    counts_.add(text.substr(at, pretoken.length));
    at += pretoken.length;
  }
  return at;
}

}  // namespace lm
