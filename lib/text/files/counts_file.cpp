#include "text/files/counts_file.h"

#include <algorithm>
#include <charconv>
#include <numeric>
#include <optional>
#include <vector>

#include "base/error.h"
#include "text/vocabulary/byte_level.h"

namespace lm {

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
  text += std::string(to_string(pattern)) + " " + to_string(unit) + "\n";
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
  const std::optional<Pattern> pattern = find_choice<Pattern>(line.substr(0, space));
  line.remove_prefix(std::min(space + 1, line.size()));
  const auto unit = find_choice<PretokenCounter::Unit>(line);
  if (!pattern || !unit) refuse("unknown pattern or unit '" + header + "'");
  header_ = {*pattern, *unit};
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

}  // namespace lm
