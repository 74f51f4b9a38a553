#include "tasks/prompt/jinja_parts.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>
#include <utility>

#include "base/json.h"

namespace lm {
namespace {

constexpr std::string_view kBlanks = " \t\r\n\v\f";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

/// Cuts a template once.
class Cutter {
 public:
  explicit Cutter(std::string_view text) : text_(text) {
    if (text_.ends_with('\n')) text_.remove_suffix(1);
  }

  JinjaTemplate cut() {
    while (at_ < text_.size()) {
      const std::size_t tag = std::min({find("{{"), find("{%"), find("{#")});
      take_text(text_.substr(at_, tag - at_), tag);
      at_ = tag;
      if (at_ < text_.size()) take_tag();
    }
    return std::move(result_);
  }

 private:
  std::size_t find(std::string_view what) const { return std::min(text_.find(what, at_), text_.size()); }
  char char_at(std::size_t at) const { return at < text_.size() ? text_[at] : '\0'; }

  /// Takes the text up to a tag: before "{%-" without blanks, before "{%" at the start of a line without those of the line.
  void take_text(std::string_view text, std::size_t tag) {
    const char kind = char_at(tag + 1), sign = char_at(tag + 2);
    if (sign == '-') {
      text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
    } else if (tag < text_.size() && kind != '{' && sign != '+') {
      const std::size_t line = text.find_last_not_of(" \t") + 1;
      if (line > 0 ? text[line - 1] == '\n' : starts_line_) text = text.substr(0, line);
    }
    if (!text.empty()) result_.parts.push_back({.text = std::string(text)});
  }

  void take_tag() {
    const char kind = text_[at_ + 1];
    const std::string_view closing = kind == '{' ? "}}" : kind == '%' ? "%}" : "#}";
    at_ += 2;
    const std::size_t begin = at_;
    if (char_at(at_) == '-' || (kind != '{' && char_at(at_) == '+')) ++at_;
    if (kind == '#') {
      at_ = find(closing);
      sign_ = char_at(at_ - 1);
    } else {
      JinjaPart& part =
          result_.parts.emplace_back(JinjaPart{.kind = kind == '{' ? JinjaPart::Kind::output : JinjaPart::Kind::statement});
      take_tokens(part.tokens, closing);
      part.code = text_.substr(begin, at_ - begin);
    }
    if (at_ >= text_.size()) return note("has a tag without an end");
    at_ += 2;
    skip_behind(kind);
  }

  /// Keeps the first fault.
  void note(const std::string& fault) {
    if (result_.fault.empty()) result_.fault = fault;
  }

  /// Leaves out all blanks behind "-%}", and the newline behind "%}".
  void skip_behind(char kind) {
    const std::size_t before = at_;
    if (sign_ == '-') {
      at_ = std::min(text_.size(), text_.find_first_not_of(kBlanks, at_));
    } else if (kind != '{' && sign_ != '+' && char_at(at_) == '\n') {
      ++at_;
    }
    starts_line_ = at_ > before && text_[at_ - 1] == '\n';
  }

  /// Takes tokens up to the end of a tag, where `at_` is then.
  void take_tokens(std::vector<JinjaToken>& tokens, std::string_view closing) {
    for (sign_ = '\0'; at_ < text_.size();) {
      const char c = text_[at_];
      const std::string_view rest = text_.substr(at_);
      if (rest.starts_with(closing)) return;
      if ((c == '-' || c == '+') && rest.substr(1).starts_with(closing)) {
        sign_ = c;
        ++at_;
      } else if (kBlanks.find(c) != kBlanks.npos) {
        ++at_;
      } else if (c == '\'' || c == '"') {
        tokens.push_back({.kind = JinjaToken::Kind::string, .text = take_string(c)});
      } else {
        tokens.push_back(take_token());
      }
    }
  }

  JinjaToken take_token() {
    const std::string_view rest = text_.substr(at_);
    const std::size_t word = static_cast<std::size_t>(std::find_if_not(rest.begin(), rest.end(), is_word) - rest.begin());
    constexpr std::array<std::string_view, 6> kDouble = {"==", "!=", "<=", ">=", "//", "**"};
    const bool is_double =
        std::any_of(kDouble.begin(), kDouble.end(), [&](std::string_view each) { return rest.starts_with(each); });
    const std::size_t size = word > 0 ? word : is_double ? 2 : 1;
    at_ += size;
    const bool is_number = std::isdigit(static_cast<unsigned char>(rest[0])) != 0;
    return {.kind = is_number  ? JinjaToken::Kind::number
                    : word > 0 ? JinjaToken::Kind::name
                               : JinjaToken::Kind::symbol,
            .text = std::string(rest.substr(0, size))};
  }

  std::string take_string(char quote) {
    std::string text;
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] != '\\') {
        text += text_[at_];
        continue;
      }
      constexpr std::string_view kLetters = "ntr\\'\"", kMeanings = "\n\t\r\\'\"";
      if (++at_ >= text_.size()) break;
      const std::size_t found = kLetters.find(text_[at_]);
      if (found == kLetters.npos) note("has a string with the escape " + json_quote(text_.substr(at_ - 1, 2)));
      text += found == kLetters.npos ? text_[at_] : kMeanings[found];
    }
    if (at_ < text_.size()) ++at_;
    return text;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  char sign_ = '\0';         // before the end of the last tag
  bool starts_line_ = true;  // at the template's start, and behind a tag that took the newline
  JinjaTemplate result_;
};

}  // namespace

JinjaTemplate cut_jinja(std::string_view text) { return Cutter(text).cut(); }

}  // namespace lm
