// The lines of a text file of tokens or merges.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace lm {

/// Calls line(text, number from 1) for each line, without its end; a newline at the end of the text begins no further line.
template <class Line>
void for_each_line(std::string_view text, Line&& line) {
  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view content = text.substr(0, end);
    if (!content.empty() && content.back() == '\r') content.remove_suffix(1);
    line(content, number);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

}  // namespace lm
