// The file of `tok-train --dump-counts`: how often each pretoken occurs, in text.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "text/pretoken_counts.h"

namespace lm {

/// Returns the file of `tok-train --dump-counts`: a header line with pattern and unit, then count and pretoken (in ByteLevel
/// characters), most frequent first.
std::string counts_to_text(const PretokenCounts& counts, Pattern pattern, PretokenCounter::Unit unit);

struct CountsHeader {
  Pattern pattern;
  PretokenCounter::Unit unit;
};

/// Adds what such a file says to counts, as its bytes come: memory is that of the counts and the longest line. Throws Error
/// naming source and line.
class CountsReader {
 public:
  CountsReader(PretokenCounts& counts, std::string_view source) : counts_(counts), source_(source) {}
  void feed(std::string_view bytes);
  /// Checks that the file is complete, and returns what its first line says.
  CountsHeader finish();

 private:
  void take_line(std::string_view line);
  void take_header(std::string_view line);
  [[noreturn]] void refuse(const std::string& why) const;

  PretokenCounts& counts_;
  std::string source_;
  std::string held_;  // a line whose end has not come
  std::string pretoken_;
  std::size_t line_number_ = 1;
  CountsHeader header_{};
};

}  // namespace lm
