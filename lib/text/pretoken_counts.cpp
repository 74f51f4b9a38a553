#include "text/pretoken_counts.h"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "base/error.h"
#include "text/byte_hash.h"
#include "text/byte_level.h"
#include "text/uncut_text.h"
#include "text/unicode.h"

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

namespace {
constexpr std::string_view kMagic = "lm-counts 1 ";
}

std::string counts_to_text(const PretokenCounts& counts, Pattern pattern, PretokenCounter::Unit unit) {
  std::vector<std::uint32_t> order(counts.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
    return counts.count(a) != counts.count(b) ? counts.count(a) > counts.count(b) : counts.pretoken(a) < counts.pretoken(b);
  });
  std::string text(kMagic);
  text += pattern_name(pattern);
  text += unit == PretokenCounter::Unit::line ? " line\n" : " document\n";
  for (const std::uint32_t index : order) {
    text += std::to_string(counts.count(index)) + "\t" + to_byte_level(counts.pretoken(index)) + "\n";
  }
  return text;
}

void CountsReader::refuse(const std::string& why) const {
  throw Error("cannot read the counts '" + source_ + "' line " + std::to_string(line_number_) + ": " + why);
}

void CountsReader::take_header(std::string_view line) {
  const std::string header(line.substr(0, 100));
  line.remove_prefix(kMagic.size());
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::optional<Pattern> pattern = find_pattern(line.substr(0, space));
  const std::string_view unit = line.substr(space);
  if (!pattern || (unit != " line" && unit != " document")) refuse("unknown pattern or unit '" + header + "'");
  header_ = {*pattern, unit == " line" ? PretokenCounter::Unit::line : PretokenCounter::Unit::document};
}

void CountsReader::take_line(std::string_view line) {
  if (line_number_ == 1) {
    take_header(line);
  } else {
    const std::size_t tab = std::min(line.find('\t'), line.size());
    std::uint64_t count = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + tab, count);
    pretoken_.clear();
    const bool spelled = tab + 1 < line.size() && append_from_byte_level(line.substr(tab + 1), pretoken_);
    if (error != std::errc() || end != line.data() + tab || count == 0 || !spelled)
      refuse("expected a count, a tab and a pretoken");
    counts_.add(pretoken_, count);
  }
  ++line_number_;
}

void CountsReader::feed(std::string_view bytes) {
  constexpr std::size_t kLongestLine = std::size_t{64} << 20U;
  while (!bytes.empty()) {
    const std::size_t end = bytes.find('\n');
    const std::string_view piece = bytes.substr(0, end);
    std::string_view line = piece;
    if (!held_.empty() || end == std::string_view::npos) line = held_ += piece;
    const std::size_t known = std::min(line.size(), kMagic.size());
    if (line_number_ == 1 &&
        (line.substr(0, known) != kMagic.substr(0, known) || (known < kMagic.size() && end != std::string_view::npos)))
      refuse("it does not start with '" + std::string(kMagic) + "', as tok-train --dump-counts writes");
    if (line.size() > kLongestLine) refuse("it is longer than 64 MiB");
    if (end == std::string_view::npos) return;
    take_line(line);
    held_.clear();
    bytes.remove_prefix(end + 1);
  }
}

CountsHeader CountsReader::finish() {
  if (line_number_ == 1 || !held_.empty()) refuse("it is cut off");
  return header_;
}

CountsHeader add_counts_from_text(PretokenCounts& counts, std::string_view text, std::string_view source) {
  CountsReader reader(counts, source);
  reader.feed(text);
  return reader.finish();
}

}  // namespace lm
