// parse_json_events(): nlohmann-json's parser, kept from taking the memory that a document was made to make it take.

#include <algorithm>
#include <array>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/utf8.h"

namespace lm {

namespace {

constexpr int kMaxDepth = 16;
// The parser keeps each token twice and, if it fails, copies it several times more into its message. Longer strings are
// therefore read here, and longer blanks skipped.
constexpr std::size_t kLongestToken = std::size_t{1} << 16;

[[noreturn]] void refuse(std::string_view source, std::uint64_t offset, const std::string& why) {
  throw Error("invalid JSON in '" + std::string(source) + "' at byte " + std::to_string(offset) + ": " + why);
}

enum class Kind : char { word, blank, mark, quote };

constexpr std::array<Kind, 256> make_kinds() {
  std::array<Kind, 256> kinds{};
  for (const char byte : {' ', '\t', '\r', '\n'}) kinds[static_cast<unsigned char>(byte)] = Kind::blank;
  for (const char byte : {'{', '}', '[', ']', ',', ':'}) kinds[static_cast<unsigned char>(byte)] = Kind::mark;
  kinds[static_cast<unsigned char>('"')] = Kind::quote;
  return kinds;
}
constexpr std::array<Kind, 256> kKinds = make_kinds();

Kind kind_of(char byte) { return kKinds[static_cast<unsigned char>(byte)]; }

// A part of the text that the parser does not see: the inside of a long string, or of many blanks.
struct Skip {
  const char* from;
  const char* to;
  bool is_string;
};

std::vector<Skip> find_long_tokens(std::string_view text, std::string_view source) {
  std::vector<Skip> skips;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at < end;) {
    const char* const start = at++;
    const Kind kind = kind_of(*start);
    if (kind == Kind::mark) continue;
    if (kind == Kind::quote) {
      while (at < end && *at != '"') at += *at == '\\' && end - at > 1 ? 2 : 1;
    } else {
      while (at < end && kind_of(*at) == kind) ++at;
    }
    const bool is_long = static_cast<std::size_t>(at - start) > kLongestToken;
    if (is_long && kind == Kind::word) {
      refuse(source, static_cast<std::uint64_t>(start - text.data()), "a number or word of more than 65536 bytes");
    }
    if (is_long) skips.push_back({start + 1, at, kind == Kind::quote});
    if (kind == Kind::quote && at < end) ++at;
  }
  skips.push_back({nullptr, nullptr, false});  // so that there always is a next one, which is never reached
  return skips;
}

// Where the parser is, which its events do not say.
struct Progress {
  const char* reached;
  const Skip* next;
  const Skip* long_string = nullptr;  // the one just skipped, until its event comes
};

// Reads bytes for the parser, leaving out what is to be skipped.
class VisibleByte {
 public:
  using iterator_category = std::input_iterator_tag;
  using value_type = char;
  using difference_type = std::ptrdiff_t;
  using pointer = const char*;
  using reference = const char&;

  VisibleByte(const char* byte, Progress* progress) : byte_(byte), progress_(progress) {}
  reference operator*() const { return *byte_; }
  VisibleByte& operator++() {
    if (++byte_ == progress_->next->from) {
      byte_ = progress_->next->to;
      if (progress_->next->is_string) progress_->long_string = progress_->next;
      ++progress_->next;
    }
    progress_->reached = byte_;
    return *this;
  }
  VisibleByte operator++(int) {
    VisibleByte before = *this;
    ++*this;
    return before;
  }
  bool operator==(const VisibleByte& other) const { return byte_ == other.byte_; }

 private:
  const char* byte_;
  Progress* progress_;
};

// Decodes the inside of a string literal, by the same rules as the parser's.
class StringDecoder {
 public:
  StringDecoder(std::string_view source, const char* text) : source_(source), text_(text) {}

  /// Returns a view of the literal if it has no escapes, else of `buffer`.
  std::string_view decode(std::string_view literal, std::string& buffer) const {
    const bool escapes = literal.find('\\') != std::string_view::npos;
    if (escapes) buffer.reserve(literal.size());
    for (std::size_t at = 0; at < literal.size();) {
      const char byte = literal[at];
      if (byte == '\\') {
        at += append_escape(literal.substr(at), buffer);
        continue;
      }
      std::size_t invalid = 0;
      const std::size_t length = static_cast<unsigned char>(byte) < 0x80 ? 1 : utf8_length(literal.substr(at), invalid);
      if (length == 0) fail(literal.data() + at, "ill-formed UTF-8 in a string");
      if (static_cast<unsigned char>(byte) < 0x20)
        fail(literal.data() + at, "a control character in a string must be escaped");
      if (escapes) buffer.append(literal, at, length);
      at += length;
    }
    return escapes ? std::string_view(buffer) : literal;
  }

 private:
  [[noreturn]] void fail(const char* at, const char* why) const {
    refuse(source_, static_cast<std::uint64_t>(at - text_), why);
  }

  // Four hexadecimal digits after "\u" at the front, or nothing.
  static std::optional<unsigned> code_unit(std::string_view text) {
    if (text.size() < 6 || text[0] != '\\' || text[1] != 'u') return std::nullopt;
    unsigned value = 0;
    for (const char digit : text.substr(2, 4)) {
      const char* known = std::strchr("0123456789abcdef", digit >= 'A' && digit <= 'F' ? digit + 32 : digit);
      if (known == nullptr || digit == '\0') return std::nullopt;
      value = value * 16 + static_cast<unsigned>(known - "0123456789abcdef");
    }
    return value;
  }

  // Returns the length of the escape.
  std::size_t append_escape(std::string_view text, std::string& out) const {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    const std::size_t letter = text.size() > 1 ? kLetters.find(text[1]) : std::string_view::npos;
    if (letter != std::string_view::npos) {
      out += kMeanings[letter];
      return 2;
    }
    const std::optional<unsigned> first = code_unit(text);
    if (!first) fail(text.data(), "an unknown escape in a string");
    if (*first < 0xD800 || *first > 0xDFFF) {
      append_utf8(out, *first);
      return 6;
    }
    const std::optional<unsigned> second = code_unit(text.substr(6));
    if (*first > 0xDBFF || !second || *second < 0xDC00 || *second > 0xDFFF)
      fail(text.data(), "half a surrogate pair in a string");
    append_utf8(out, 0x10000 + ((*first - 0xD800) << 10) + (*second - 0xDC00));
    return 12;
  }

  std::string_view source_;
  const char* text_;
};

// From the parser's interface to ours. What the parser calls a bad number or a bad string ends in parse_error().
class EventAdapter {
 public:
  using number_integer_t = std::int64_t;
  using number_unsigned_t = std::uint64_t;
  using number_float_t = double;
  using string_t = std::string;
  using binary_t = nlohmann::json::binary_t;

  EventAdapter(JsonHandler& handler, std::string_view source, std::string_view text, Progress& progress)
      : handler_(handler), source_(source), text_(text), progress_(progress) {}

  bool null() { return handler_.null(), true; }
  bool boolean(bool value) { return handler_.boolean(value), true; }
  bool number_integer(number_integer_t value) { return handler_.integer(value), true; }
  bool number_unsigned(number_unsigned_t value) {
    if (value > static_cast<number_unsigned_t>(INT64_MAX))
      return handler_.large_integer(std::to_string(value), static_cast<double>(value)), true;
    return handler_.integer(static_cast<std::int64_t>(value)), true;
  }
  bool number_float(number_float_t value, const string_t& text) {
    if (text.find_first_not_of("-0123456789") == string_t::npos) return handler_.large_integer(text, value), true;
    return handler_.real(value), true;
  }
  bool string(string_t& value) {
    std::string buffer;
    return handler_.string(whole(value, buffer)), true;
  }
  bool key(string_t& value) {
    std::string buffer;
    return handler_.key(whole(value, buffer)), true;
  }
  bool binary(binary_t&) { return false; }
  bool start_object(std::size_t) { return enter(), handler_.begin_object(), true; }
  bool end_object() { return --depth_, handler_.end_object(), true; }
  bool start_array(std::size_t) { return enter(), handler_.begin_array(), true; }
  bool end_array() { return --depth_, handler_.end_array(), true; }

  [[noreturn]] bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception& error) {
    const std::string_view rest = text_.substr(std::min<std::size_t>(offset(), text_.size()));
    const bool is_python = rest.starts_with("NaN") || rest.starts_with("Infinity");
    refuse(source_, offset(),
           is_python ? "NaN and Infinity are not JSON, though Python writes them; put a number or null there"
                     : reason(error.what()));
  }

 private:
  // The string that the parser read, or the long one that was hidden from it.
  std::string_view whole(const std::string& seen, std::string& buffer) {
    const Skip* hidden = std::exchange(progress_.long_string, nullptr);
    if (hidden == nullptr) return seen;
    const std::string_view literal(hidden->from, static_cast<std::size_t>(hidden->to - hidden->from));
    return StringDecoder(source_, text_.data()).decode(literal, buffer);
  }

  std::uint64_t offset() const {
    const auto bytes = static_cast<std::uint64_t>(progress_.reached - text_.data());
    return bytes == 0 ? 0 : bytes - 1;  // the byte just read is the offending one
  }

  void enter() {
    if (++depth_ > kMaxDepth) refuse(source_, offset(), "nested deeper than " + std::to_string(kMaxDepth));
  }

  // "[json.exception.parse_error.101] parse error at line 1, column 2: syntax error ... - invalid literal; last read: '...'"
  // becomes its middle: we add the place and the text ourselves.
  static std::string reason(std::string_view text) {
    const std::size_t place = text.find(": ");
    if (text.find("number overflow") != std::string_view::npos) return "a number beyond the range of a double";
    if (place != std::string_view::npos) text.remove_prefix(place + 2);
    const std::size_t quoted = text.find("; last read");
    if (quoted != std::string_view::npos) return std::string(text.substr(0, quoted));
    return std::string(text.substr(0, 200));
  }

  JsonHandler& handler_;
  std::string_view source_;
  std::string_view text_;
  Progress& progress_;
  int depth_ = 0;
};

}  // namespace

void parse_json_events(std::string_view text, std::string_view source, JsonHandler& handler) {
  // The parser takes a NUL for the end of the text and would ignore what follows.
  const std::size_t nul = text.find('\0');
  if (nul != std::string_view::npos) refuse(source, nul, "a NUL byte");
  const std::vector<Skip> skips = find_long_tokens(text, source);
  Progress progress{.reached = text.data(), .next = skips.data()};
  EventAdapter adapter(handler, source, text, progress);
  const VisibleByte begin(text.data(), &progress);
  const VisibleByte end(text.data() + text.size(), &progress);
  if (!nlohmann::json::sax_parse(begin, end, &adapter)) refuse(source, 0, "not a JSON document");
}

}  // namespace lm
