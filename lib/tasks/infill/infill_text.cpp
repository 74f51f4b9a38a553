#include "tasks/infill/infill_text.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/error.h"
#include "text/unicode/unicode.h"

namespace lm {
namespace {

/// An overlap of so many bytes other than white space is no accident.
constexpr std::size_t kSubstantial = 8;

bool is_blank(char byte) { return byte == ' ' || (byte >= '\t' && byte <= '\r'); }

bool is_substantial(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_blank)) >= kSubstantial;
}

/// Returns the length of the shortest beginning of whole lines that is substantial, or 0.
std::size_t substantial_lines(std::string_view text) {
  for (std::size_t end = 0; end < text.size();) {
    const std::size_t newline = text.find('\n', end);
    end = newline == std::string_view::npos ? text.size() : newline + 1;
    if (is_substantial(text.substr(0, end))) return end;
  }
  return 0;
}

std::string place_of(const Cursor& cursor) {
  return "cannot place the cursor at " + std::to_string(cursor.line) + ":" + std::to_string(cursor.column) + " in '";
}

std::int64_t width_of(const DecodedChar& character, CursorUnit unit) {
  switch (unit) {
    case CursorUnit::byte:
      return character.length;
    case CursorUnit::utf16:
      return character.code_point != kInvalidCodePoint && character.code_point >= 0x10000 ? 2 : 1;
    case CursorUnit::character:
      break;
  }
  return 1;
}

/// Returns offset and length of a line, without its end. Throws Error.
std::pair<std::size_t, std::size_t> find_line(std::string_view text, const Cursor& cursor, std::string_view source) {
  std::size_t start = 0;
  for (std::int64_t line = 1; line < cursor.line; ++line) {
    const std::size_t newline = text.find('\n', start);
    if (newline == std::string_view::npos) {
      throw Error(place_of(cursor) + std::string(source) + "': the last line is " + std::to_string(line));
    }
    start = newline + 1;
  }
  const std::size_t newline = text.find('\n', start);
  std::size_t end = newline == std::string_view::npos ? text.size() : newline;
  if (newline != std::string_view::npos && end > start && text[end - 1] == '\r') --end;
  return {start, end - start};
}

}  // namespace

InfillText split_at_marker(std::string_view text, std::string_view marker, std::string_view source) {
  LM_CHECK(!marker.empty());
  if (text.empty()) return {};
  const std::size_t place = text.find(marker);
  if (place == std::string_view::npos) {
    throw Error("no marker '" + std::string(marker) + "' in '" + std::string(source) +
                "': put it where the middle belongs, or name a place by --cursor");
  }
  if (text.find(marker, place + 1) != std::string_view::npos) {
    throw Error("the marker '" + std::string(marker) + "' appears in '" + std::string(source) +
                "' more than once; choose another by --marker");
  }
  return {.prefix = text.substr(0, place), .suffix = text.substr(place + marker.size())};
}

std::optional<Cursor> parse_cursor(std::string_view text) {
  Cursor cursor;
  const char* end = text.data() + text.size();
  const auto line = std::from_chars(text.data(), end, cursor.line);
  if (line.ec != std::errc() || line.ptr == end || *line.ptr != ':') return std::nullopt;
  const auto column = std::from_chars(line.ptr + 1, end, cursor.column);
  if (column.ec != std::errc() || column.ptr != end || cursor.line < 1 || cursor.column < 1) return std::nullopt;
  return cursor;
}

InfillText split_at_cursor(std::string_view text, const Cursor& cursor, std::string_view source) {
  LM_CHECK(cursor.line >= 1 && cursor.column >= 1);
  const auto [start, length] = find_line(text, cursor, source);
  const std::string_view line = text.substr(start, length);
  std::size_t offset = 0;
  std::int64_t column = 1;
  while (column < cursor.column) {
    if (offset == line.size()) {
      throw Error(place_of(cursor) + std::string(source) + "': the line ends at column " + std::to_string(column));
    }
    const DecodedChar character = decode_utf8(line.data() + offset, line.data() + line.size());
    // Bytes that are not UTF-8 belong to no character, so that a column may be between them.
    const std::int64_t width =
        cursor.unit == CursorUnit::byte && character.code_point == kInvalidCodePoint ? 1 : width_of(character, cursor.unit);
    column += width;
    offset += cursor.unit == CursorUnit::byte ? static_cast<std::size_t>(width) : character.length;
  }
  if (column != cursor.column) {
    throw Error(place_of(cursor) + std::string(source) + "': that is inside a character, which ends before column " +
                std::to_string(column));
  }
  return {.prefix = text.substr(0, start + offset), .suffix = text.substr(start + offset)};
}

OverlapTrimmer::OverlapTrimmer(std::string_view suffix, Write write)
    : suffix_(suffix.substr(0, kCompared)), run_on_(substantial_lines(suffix_)), write_(std::move(write)) {}

/// Returns the length of the longest end of held_ that the suffix begins with.
std::size_t OverlapTrimmer::overlap() const {
  for (std::size_t length = std::min(held_.size(), suffix_.size()); length > 0; --length) {
    if (std::string_view(held_).ends_with(std::string_view(suffix_).substr(0, length))) return length;
  }
  return 0;
}

bool OverlapTrimmer::feed(std::string_view text) {
  if (stopped_) return false;
  held_ += text;
  if (run_on_ > 0) {
    const std::size_t place = held_.find(std::string_view(suffix_).substr(0, run_on_));
    if (place != std::string::npos) {
      held_.resize(place);
      stopped_ = true;
    }
  }
  const std::size_t certain = stopped_ ? held_.size() : held_.size() - overlap();
  if (certain > 0) write_(std::string_view(held_).substr(0, certain));
  held_.erase(0, certain);
  return !stopped_;
}

void OverlapTrimmer::finish(End end) {
  // Everything held is the suffix's beginning, for else it would have been handed on.
  const bool meant = end == End::complete && !is_substantial(held_);
  if (meant && !held_.empty()) write_(held_);
  held_.clear();
}

}  // namespace lm
