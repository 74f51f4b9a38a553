// Text that others wrote, on its way to a terminal: without its control characters, and as wide as a terminal shows it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace lm {

/// Returns `text` on one line and with nothing in it that a terminal obeys: \n, \r and \t are written so, other control
/// characters below U+0080 as \x1b, those above it, line separators and marks that turn the direction of writing as \u009b,
/// and bytes that are not UTF-8 as \xff. A backslash stays one.
std::string printable(std::string_view text);

/// Returns the columns of a terminal that `text` takes: two for a wide character (as Chinese ones), none for one that is
/// combined with the character before it, one for others; a byte that is not UTF-8 counts for one.
std::size_t display_width(std::string_view text);

/// Returns the beginning of `text` that takes at most `columns`: whole characters, with what is combined with the last one.
std::string_view clip_to_columns(std::string_view text, std::size_t columns);

/// Returns `text` with blanks after it that make it `columns` wide, if it is less.
std::string pad_to_columns(std::string text, std::size_t columns);

/// Returns the lines with blanks in place of their tabs, so that what follows the same tab begins in the same column.
std::vector<std::string> align_tabs(const std::vector<std::string>& lines);

/// Code points of a width other than 1, disjoint and ascending.
struct DisplayRange {
  std::uint32_t first, last;
  std::uint32_t columns;
};
std::span<const DisplayRange> display_ranges();

}  // namespace lm
