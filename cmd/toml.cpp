#include "toml.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <system_error>
#include <utility>

#define TOML_EXCEPTIONS 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

#include "base/utf8.h"

namespace lm::cmd {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// A number as TOML writes it (underscores already removed): sign, no leading zero, fraction, exponent.
bool is_number(std::string_view text) {
  std::size_t at = 0;
  const auto digits = [&] {
    const std::size_t start = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - start;
  };
  if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
  const std::size_t whole = at;
  if (digits() == 0 || (text[whole] == '0' && at - whole > 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '-' || text[at] == '+')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

/// Returns true if readers of TOML take a number: those beyond 64 bits are refused.
bool is_representable(std::string_view number) {
  if (number.starts_with('+')) number.remove_prefix(1);
  const char* end = number.data() + number.size();
  if (number.find_first_of(".eE") == std::string_view::npos) {
    std::int64_t value = 0;
    return std::from_chars(number.data(), end, value).ec == std::errc();
  }
  double value = 0;
  return std::from_chars(number.data(), end, value).ec == std::errc();
}

// TOML is UTF-8, but names of files need not be: while a text is parsed, each byte of it that is no part of a character is the
// code point kBytes + byte. Characters from there on are taken for such bytes too.
constexpr std::uint32_t kBytes = 0x10FF00;

std::string hide_bytes(std::string_view text) {
  std::string hidden;
  while (!text.empty()) {
    const DecodedChar character = decode_utf8(text.data(), text.data() + text.size());
    for (const char c : text.substr(0, character.length)) {
      const auto byte = static_cast<unsigned char>(c);
      if (character.code_point < kBytes) {
        hidden += c;
      } else {
        hidden.append({'\xF4', '\x8F', static_cast<char>(0xBC + (byte >> 6)), static_cast<char>(0x80 + (byte & 0x3F))});
      }
    }
    text.remove_prefix(character.length);
  }
  return hidden;
}

std::string show_bytes(std::string_view hidden) {
  std::string text;
  while (!hidden.empty()) {
    const DecodedChar character = decode_utf8(hidden.data(), hidden.data() + hidden.size());
    if (character.code_point >= kBytes && character.code_point != kInvalidCodePoint) {
      text += static_cast<char>(character.code_point - kBytes);
    } else {
      text += hidden.substr(0, character.length);
    }
    hidden.remove_prefix(character.length);
  }
  return text;
}

/// What a text has from a position on; each position is behind the one before, so that the text is walked through once.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}
  std::string_view at(const toml::source_position& position) {
    for (; line_ < position.line; ++line_, column_ = 1) rest_.remove_prefix(rest_.find('\n') + 1);
    for (; column_ < position.column && !rest_.empty(); ++column_)
      rest_.remove_prefix(decode_utf8(rest_.data(), rest_.data() + rest_.size()).length);
    return rest_;
  }

 private:
  std::string_view rest_;
  toml::source_index line_ = 1, column_ = 1;
};

[[noreturn]] void fail(const toml::source_position& position, const std::string& message) {
  throw TomlError(static_cast<int>(position.line), static_cast<int>(position.column), message);
}

/// Returns a value that is not a list, as TomlItem has it; `text` is what the node was parsed from.
std::string scalar(const toml::node& node, Cursor& text) {
  const toml::source_position begin = node.source().begin;
  const std::string_view written = text.at(begin);
  if (const toml::value<bool>* boolean = node.as_boolean()) return boolean->get() ? "true" : "false";
  if (const toml::value<std::string>* string = node.as_string()) {
    if (written.starts_with("\"\"\"") || written.starts_with("'''"))
      fail(begin, "strings over several lines are not used here; write \\n for the end of a line");
    return show_bytes(string->get());
  }
  if (node.is_table()) fail(begin, "tables are not used here; write option = value");
  if (node.is_array()) fail(begin, "a list holds values, not lists");
  if (!node.is_number()) fail(begin, "dates and times are not used here; write text in quotes");
  std::string number(written.substr(0, written.find_first_of(" \t\r\n,]#")));
  std::erase(number, '_');
  if (!is_number(number)) fail(begin, "expected a decimal number, got '" + number + "'");
  return number;
}

TomlItem read_item(const toml::key& key, const toml::node& node, Cursor& text) {
  TomlItem item{.key = show_bytes(key.str()),
                .values = {},
                .line = static_cast<int>(key.source().begin.line),
                .is_list = node.is_array()};
  if (node.is_table() || node.is_array_of_tables())
    fail(key.source().begin, "tables are not used here; write option = value");
  if (const toml::array* list = node.as_array()) {
    for (const toml::node& value : *list) item.values.push_back(scalar(value, text));
  } else {
    item.values.push_back(scalar(node, text));
  }
  return item;
}

/// Returns toml++'s description of a mistake in our form: no capital, and what to do.
std::string description_of(const toml::parse_error& error) {
  std::string text = show_bytes(error.description());
  if (text.starts_with('E')) text[0] = 'e';
  return text + "; each line is option = value, with text in quotes";
}

}  // namespace

std::string TomlError::place() const {
  return "line " + std::to_string(line_) + (column_ > 0 ? ", column " + std::to_string(column_) : std::string());
}

std::vector<TomlItem> read_toml(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  const std::string hidden = hide_bytes(text);
  toml::table root;
  try {
    root = toml::parse(hidden);
  } catch (const toml::parse_error& error) {
    fail(error.source().begin, description_of(error));
  }
  std::vector<std::pair<const toml::key*, const toml::node*>> entries;  // which toml++ has in the order of their keys
  for (const auto& [key, node] : root) entries.emplace_back(&key, &node);
  std::sort(entries.begin(), entries.end(), [](const auto& a, const auto& b) {
    return std::pair(a.first->source().begin.line, a.first->source().begin.column) <
           std::pair(b.first->source().begin.line, b.first->source().begin.column);
  });
  std::vector<TomlItem> items;
  Cursor cursor(hidden);
  for (const auto& [key, node] : entries) items.push_back(read_item(*key, *node, cursor));
  return items;
}

std::string toml_value(std::string_view text) {
  if (text == "true" || text == "false" || (is_number(text) && is_representable(text))) return std::string(text);
  static constexpr char kHexadecimal[] = "0123456789abcdef";
  std::string value = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      value += '\\';
      value += c;
    } else if (c == '\n') {
      value += "\\n";
    } else if (c == '\t') {
      value += "\\t";
    } else if (byte < 0x20 || byte == 0x7F) {
      value += std::string("\\u00") + kHexadecimal[byte >> 4] + kHexadecimal[byte & 15];
    } else {
      value += c;
    }
  }
  return value + "\"";
}

}  // namespace lm::cmd
