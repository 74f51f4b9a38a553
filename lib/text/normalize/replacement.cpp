#include "text/normalize/replacement.h"

#include <algorithm>
#include <cstdint>
#include <limits>

#include "base/error.h"
#include "text/normalize/characters.h"
#include "text/normalize/growth.h"
#include "text/unicode/unicode.h"

namespace lm {

namespace {

constexpr std::size_t kNoMaximum = std::numeric_limits<std::size_t>::max();

std::size_t character_length(std::string_view text, std::size_t at) {
  return decode_utf8(text.data() + at, text.data() + text.size()).length;
}

/// Returns the length of the White_Space character at the front of the text's rest, or 0.
std::size_t space_length(std::string_view text, std::size_t at) {
  const DecodedChar character = decode_utf8(text.data() + at, text.data() + text.size());
  return UnicodeClasses::get().of(character.code_point) == CharClass::space ? character.length : 0;
}

/// Reads "+", "{2,}", "{2}", "{2,5}" or nothing; returns false for anything else.
bool parse_quantifier(std::string_view text, std::size_t& minimum, std::size_t& maximum) {
  minimum = maximum = 1;
  if (text.empty()) return true;
  if (text == "+") {
    maximum = kNoMaximum;
    return true;
  }
  if (text.size() < 3 || text.front() != '{' || text.back() != '}') return false;
  text = text.substr(1, text.size() - 2);
  const auto number = [&](std::string_view digits, std::size_t& value) {
    value = 0;
    for (const char digit : digits) {
      if (digit < '0' || digit > '9') return false;
      value = 10 * value + static_cast<std::size_t>(digit - '0');
    }
    return !digits.empty() && digits.size() <= 4;
  };
  const std::size_t comma = text.find(',');
  if (!number(text.substr(0, comma), minimum) || minimum == 0) return false;
  maximum = minimum;
  if (comma == std::string_view::npos) return true;
  if (comma + 1 < text.size()) return number(text.substr(comma + 1), maximum) && maximum >= minimum;
  maximum = kNoMaximum;
  return true;
}

/// Reads a character that stands for itself, escaped if it need be; returns false for anything else.
bool parse_plain(std::string_view& expression, std::string& character) {
  if (expression.empty()) return false;
  const bool is_escaped = expression[0] == '\\';
  if (is_escaped) expression.remove_prefix(1);
  if (expression.empty()) return false;
  const std::size_t length = character_length(expression, 0);
  const char first = expression[0];
  const bool is_special = std::string_view("\\.+*?()|[]{}^$").find(first) != std::string_view::npos;
  const bool is_word = (first >= 'a' && first <= 'z') || (first >= 'A' && first <= 'Z') || (first >= '0' && first <= '9');
  if (is_escaped ? is_word || length > 1 : is_special) return false;
  character = expression.substr(0, length);
  expression.remove_prefix(length);
  return true;
}

}  // namespace

Replacement Replacement::from_json(const JsonValue& value, std::string_view source, const MatchFinderFactory& factory) {
  Replacement replacement;
  replacement.content_ = value.string_at("content", source);
  const JsonValue* pattern = value.find("pattern");
  const JsonValue* literal = pattern == nullptr ? nullptr : pattern->find("String");
  const JsonValue* regex = pattern == nullptr ? nullptr : pattern->find("Regex");
  if (literal != nullptr && literal->if_string() != nullptr) {
    replacement.literal_ = *literal->if_string();
    return replacement;
  }
  if (regex == nullptr || regex->if_string() == nullptr) {
    throw Error("expected a 'pattern' that is a String or a Regex for Replace in '" + std::string(source) + "'");
  }
  const std::string& expression = *regex->if_string();
  if (replacement.parse_run(expression)) return replacement;
  if (!factory) {
    throw Error("the expression " + json_quote(expression.substr(0, 200)) + " of Replace in '" + std::string(source) +
                "' is not supported; known are plain text, and one character or \\s with + or {2,}");
  }
  replacement.find_ = factory(expression);
  return replacement;
}

Replacement Replacement::of_literal(std::string_view literal, std::string_view content) {
  Replacement replacement;
  replacement.literal_ = literal;
  replacement.content_ = content;
  return replacement;
}

bool Replacement::parse_run(std::string_view expression) {
  std::string_view rest = expression;
  std::string character;
  if (rest.starts_with("\\s")) {
    rest.remove_prefix(2);
  } else if (!parse_plain(rest, character)) {
    return false;
  }
  if (parse_quantifier(rest, minimum_, maximum_)) {
    literal_ = character;
    return true;
  }
  minimum_ = maximum_ = 0;
  std::string plain = character;
  while (!character.empty() && !rest.empty() && parse_plain(rest, character)) plain += character;
  if (!rest.empty() || character.empty()) return false;
  literal_ = plain;
  return true;
}

bool Replacement::is_run_of_spaces() const {
  if (!is_run()) return false;
  return literal_.empty() || space_length(literal_, 0) > 0;
}

void Replacement::append(std::string_view text, std::string& out) const {
  if (text.empty()) return;
  if (find_) return append_found(text, out);
  if (minimum_ > 0) return append_run(text, out);
  return literal_.empty() ? append_around_all(text, out) : append_literal(text, out);
}

void Replacement::append_literal(std::string_view text, std::string& out) const {
  const std::size_t most = out.size() + growth_limit(text.size());
  std::size_t from = 0;
  for (std::size_t at = 0; (at = text.find(literal_, from)) != std::string_view::npos; from = at + literal_.size()) {
    out.append(text, from, at - from);
    out += content_;
    refuse_growth(out.size(), most);
  }
  out.append(text, from);
}

void Replacement::append_around_all(std::string_view text, std::string& out) const {
  const std::size_t most = out.size() + growth_limit(text.size());
  for (std::size_t at = 0, length = 0; at < text.size(); at += length) {
    length = character_length(text, at);
    refuse_growth(out.size(), most);
    out += content_;
    out.append(text, at, length);
  }
  out += content_;
}

void Replacement::append_run(std::string_view text, std::string& out) const {
  const auto length_at = [&](std::size_t at) {
    if (literal_.empty()) return space_length(text, at);
    return text.substr(at).starts_with(literal_) ? literal_.size() : 0;
  };
  Rewriter rewriter(text, out);
  const std::size_t most = out.size() + growth_limit(text.size());
  for (std::size_t at = 0; at < text.size();) {
    refuse_growth(out.size(), most);
    if (!literal_.empty()) at = std::min(text.find(literal_, at), text.size());
    std::size_t count = 0, end = at;
    for (std::size_t length = 0; end < text.size() && count < maximum_ && (length = length_at(end)) > 0; end += length)
      ++count;
    if (count >= minimum_) rewriter.replace(text.data() + at, text.data() + end, content_);
    if (count > 0) {
      at = end;
    } else if (at < text.size()) {
      at += character_length(text, at);
    }
  }
  rewriter.finish();
}

void Replacement::append_found(std::string_view text, std::string& out) const {
  std::vector<std::pair<std::size_t, std::size_t>> matches;
  find_(text, matches);
  Rewriter rewriter(text, out);
  const std::size_t most = out.size() + growth_limit(text.size());
  for (const auto& [begin, end] : matches) {
    rewriter.replace(text.data() + begin, text.data() + end, content_);
    refuse_growth(out.size(), most);
  }
  rewriter.finish();
}

}  // namespace lm
