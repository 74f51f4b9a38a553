#include "toml.h"

#include <cstdint>

namespace lm::cmd {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
}

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

void append_utf8(std::string& text, std::uint32_t point) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xC0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    text += static_cast<char>(0xE0 | (point >> 12));
    tail(6);
    tail(0);
  } else {
    text += static_cast<char>(0xF0 | (point >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::vector<TomlItem> read() {
    std::vector<TomlItem> items;
    while (skip_blank_lines()) {
      TomlItem item = read_item();
      for (const TomlItem& other : items) {
        if (other.key == item.key) fail("key '" + item.key + "' is given twice");
      }
      items.push_back(std::move(item));
      skip_spaces();
      skip_comment();
      if (!at_end() && !at_line_end()) fail("unexpected text after the value");
    }
    return items;
  }

 private:
  [[noreturn]] void fail(const std::string& message) const { throw TomlError(line_, message); }
  bool at_end() const { return at_ >= text_.size(); }
  char peek() const { return at_end() ? '\0' : text_[at_]; }
  bool at_line_end() const { return peek() == '\n' || text_.substr(at_, 2) == "\r\n"; }
  void skip_spaces() {
    while (peek() == ' ' || peek() == '\t') ++at_;
  }
  void skip_comment() {
    if (peek() != '#') return;
    while (!at_end() && !at_line_end()) ++at_;
  }
  /// To the next item (or value of an array), over spaces, line ends and comments; false at the end of the text.
  bool skip_blank_lines() {
    while (true) {
      skip_spaces();
      skip_comment();
      if (at_end()) return false;
      if (!at_line_end()) return true;
      if (peek() == '\r') ++at_;
      ++at_;
      ++line_;
    }
  }

  TomlItem read_item() {
    if (peek() == '[') fail("tables are not used here; write option = value");
    TomlItem item;
    item.line = line_;
    if (peek() == '"' || peek() == '\'') {
      item.key = read_string();
    } else {
      while (is_key_character(peek())) item.key += text_[at_++];
    }
    if (item.key.empty()) fail("expected option = value");
    skip_spaces();
    if (peek() != '=') fail("expected '=' after '" + item.key + "'");
    ++at_;
    skip_spaces();
    item.is_list = peek() == '[';
    if (item.is_list) {
      read_array(item.values);
    } else {
      item.values.push_back(read_scalar());
    }
    return item;
  }

  void read_array(std::vector<std::string>& values) {
    ++at_;
    while (true) {
      if (!skip_blank_lines()) fail("the array is not closed");
      if (peek() == ']') break;
      values.push_back(read_scalar());
      if (!skip_blank_lines()) fail("the array is not closed");
      if (peek() == ']') break;
      if (peek() != ',') fail("expected ',' or ']' in the array");
      ++at_;
    }
    ++at_;
  }

  std::string read_scalar() {
    if (peek() == '"' || peek() == '\'') return read_string();
    std::string word;
    while (is_key_character(peek()) || peek() == '.' || peek() == '+') {
      if (peek() != '_') word += peek();
      ++at_;
    }
    if (word != "true" && word != "false" && !is_number(word)) fail("expected a value; text is written in quotes");
    return word;
  }

  std::string read_string() {
    const char quote = text_[at_++];
    if (text_.substr(at_, 2) == std::string(2, quote)) fail("strings over several lines are not used here");
    std::string value;
    while (peek() != quote || at_end()) {
      if (at_end() || at_line_end()) fail("the string is not closed");
      const char c = text_[at_++];
      if (c == '\\' && quote == '"') {
        read_escape(value);
      } else {
        value += c;
      }
    }
    ++at_;
    return value;
  }

  void read_escape(std::string& value) {
    const char c = peek();
    ++at_;
    static constexpr std::string_view kLetters = "btnfr\"\\";
    static constexpr std::string_view kMeanings = "\b\t\n\f\r\"\\";
    if (const std::size_t index = kLetters.find(c); index != std::string_view::npos) {
      value += kMeanings[index];
      return;
    }
    if (c != 'u' && c != 'U') fail("unknown escape in a string");
    std::uint32_t point = 0;
    for (int digit = c == 'u' ? 4 : 8; digit > 0; --digit, ++at_) {
      const std::size_t nibble =
          std::string_view("0123456789abcdef").find(static_cast<char>(peek() | (peek() >= 'A' ? 0x20 : 0)));
      if (at_end() || nibble == std::string_view::npos) fail("expected hexadecimal digits after \\u");
      point = point * 16 + static_cast<std::uint32_t>(nibble);
    }
    if (point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) fail("the escape is no Unicode scalar value");
    append_utf8(value, point);
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
};

}  // namespace

std::vector<TomlItem> read_toml(std::string_view text) { return Reader(text).read(); }

std::string toml_value(std::string_view text) {
  if (text == "true" || text == "false" || is_number(text)) return std::string(text);
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
