#include "base/printable.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "base/utf8.h"

namespace lm {
namespace {

struct Character {
  std::string_view bytes;
  std::uint32_t code = 0;  // kInvalidCodePoint for what is not UTF-8
};

/// Returns the character at the front of a text that is not empty; of what is not UTF-8 one byte.
Character first_character(std::string_view text) {
  const DecodedChar character = decode_utf8(text.data(), text.data() + text.size());
  const bool valid = character.code_point != kInvalidCodePoint;
  return {.bytes = text.substr(0, valid ? character.length : 1), .code = character.code_point};
}

bool is_obeyed(std::uint32_t code) {
  if (code < 0x20 || (code >= 0x7F && code < 0xA0)) return true;
  const bool separates_lines = code == 0x2028 || code == 0x2029;
  const bool turns = code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
                     (code >= 0x2066 && code <= 0x2069);
  return separates_lines || turns;
}

std::string hexadecimal(const char* pattern, std::uint32_t number) {
  std::array<char, 12> text{};
  std::snprintf(text.data(), text.size(), pattern, number);
  return text.data();
}

std::string escape_of(std::uint32_t code) {
  if (code == '\n') return "\\n";
  if (code == '\r') return "\\r";
  if (code == '\t') return "\\t";
  return hexadecimal(code < 0x80 ? "\\x%02x" : "\\u%04x", code);
}

std::size_t columns_of(const Character& character) {
  const std::uint32_t code = character.code;
  if (code == kInvalidCodePoint) return 1;
  const std::span<const DisplayRange> ranges = display_ranges();
  const auto range = std::lower_bound(ranges.begin(), ranges.end(), code,
                                      [](const DisplayRange& each, std::uint32_t value) { return each.last < value; });
  return range != ranges.end() && range->first <= code ? range->columns : 1;
}

constexpr std::size_t kBetweenColumns = 2;

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  for (;;) {
    const std::size_t tab = line.find('\t');
    cells.push_back(line.substr(0, tab));
    if (tab == std::string_view::npos) return cells;
    line.remove_prefix(tab + 1);
  }
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Character character = first_character(text);
    text.remove_prefix(character.bytes.size());
    if (character.code == kInvalidCodePoint) {
      result += hexadecimal("\\x%02x", static_cast<unsigned char>(character.bytes[0]));
    } else if (is_obeyed(character.code)) {
      result += escape_of(character.code);
    } else {
      result += character.bytes;
    }
  }
  return result;
}

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character character = first_character(text);
    width += columns_of(character);
    text.remove_prefix(character.bytes.size());
  }
  return width;
}

std::string_view clip_to_columns(std::string_view text, std::size_t columns) {
  std::size_t width = 0;
  std::size_t at = 0;
  while (at < text.size()) {
    const Character character = first_character(text.substr(at));
    width += columns_of(character);
    if (width > columns) break;
    at += character.bytes.size();
  }
  return text.substr(0, at);
}

std::string pad_to_columns(std::string text, std::size_t columns) {
  const std::size_t width = display_width(text);
  if (width < columns) text.append(columns - width, ' ');
  return text;
}

std::vector<std::string> align_tabs(const std::vector<std::string>& lines) {
  std::vector<std::size_t> widths;  // of the cells before each tab
  for (const std::string& line : lines) {
    const std::vector<std::string_view> cells = cells_of(line);
    widths.resize(std::max(widths.size(), cells.size()), 0);
    for (std::size_t i = 0; i + 1 < cells.size(); ++i) widths[i] = std::max(widths[i], display_width(cells[i]));
  }
  std::vector<std::string> aligned;
  for (const std::string& line : lines) {
    const std::vector<std::string_view> cells = cells_of(line);
    std::string& text = aligned.emplace_back();
    for (std::size_t i = 0; i + 1 < cells.size(); ++i)
      text += pad_to_columns(std::string(cells[i]), widths[i] + kBetweenColumns);
    text += cells.back();
  }
  return aligned;
}

}  // namespace lm
