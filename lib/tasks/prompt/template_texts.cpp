#include "tasks/prompt/template_texts.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace lm {
namespace {

/// Returns what an escape in a string stands for.
char escaped(char letter) {
  constexpr std::array<std::pair<char, char>, 3> kEscapes = {{{'n', '\n'}, {'t', '\t'}, {'r', '\r'}}};
  const auto found =
      std::find_if(kEscapes.begin(), kEscapes.end(), [&](const auto& escape) { return escape.first == letter; });
  return found == kEscapes.end() ? letter : found->second;
}

constexpr std::string_view kBlanks = " \t\r\n\v\f";

/// Returns whether a string behind this code is written: not an index, a key, an argument, or part of a comparison.
bool writes(std::string_view code) {
  const std::string_view before = code.substr(0, code.find_last_not_of(kBlanks) + 1);
  constexpr std::array<std::string_view, 8> kOthers = {"[", "(", ",", "==", "!=", " in", "<", ">"};
  return std::none_of(kOthers.begin(), kOthers.end(), [&](std::string_view end) { return before.ends_with(end); });
}

/// Reads a template once.
class TemplateReader {
 public:
  explicit TemplateReader(std::string_view text) : text_(text) {}

  TemplateTexts read() {
    while (at_ < text_.size()) {
      const std::size_t tag = std::min({find("{{"), find("{%"), find("{#")});
      take_outside(text_.substr(at_, tag - at_));
      at_ = tag;
      if (at_ < text_.size()) read_tag();
    }
    return std::move(result_);
  }

 private:
  std::size_t find(std::string_view what) const { return std::min(text_.find(what, at_), text_.size()); }

  void add(std::string text) {
    if (!text.empty()) (in_prompt_ ? result_.generation_prompt : result_.everywhere).push_back(std::move(text));
  }

  /// Takes text outside of tags, less what Jinja leaves out as transformers ask it to: blanks beside "-", the newline behind a
  /// tag that writes nothing, and the blanks of a line before one.
  void take_outside(std::string_view text) {
    const char before = tag_, after = at_ + text.size() + 1 < text_.size() ? text_[at_ + text.size() + 1] : '\0';
    const bool trims_after = at_ + text.size() + 2 < text_.size() && text_[at_ + text.size() + 2] == '-';
    if (trims_) {
      text.remove_prefix(std::min(text.size(), text.find_first_not_of(kBlanks)));
    } else if (before != '{' && before != '\0' && text.starts_with('\n')) {
      text.remove_prefix(1);
    }
    if (after == '\0') {
      if (text.ends_with('\n')) text.remove_suffix(1);  // the template's last
    } else if (trims_after) {
      text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
    } else if (after != '{') {
      const std::size_t line = text.substr(0, text.find_last_not_of(" \t") + 1).size();
      if (line == 0 || text[line - 1] == '\n') text = text.substr(0, line);
    }
    if (!text.empty() && text.find_first_not_of(kBlanks) == text.npos) result_.writes_blanks = true;
    add(std::string(text));
  }

  void read_tag() {
    const char kind = tag_ = text_[at_ + 1];
    const std::string_view closing = kind == '{' ? "}}" : kind == '%' ? "%}" : "#}";
    const std::size_t start = at_ + 2;
    at_ = start;
    if (kind == '#') {
      at_ = find(closing);
    } else {
      read_code(kind == '{', closing);
    }
    trims_ = at_ > start && text_[at_ - 1] == '-';
    at_ = std::min(text_.size(), at_ + closing.size());
  }

  /// Reads to the end of a tag; `at_` is then where that begins.
  void read_code(bool is_output, std::string_view closing) {
    std::string code;
    std::vector<std::string> strings;
    while (at_ < text_.size() && !text_.substr(at_).starts_with(closing)) {
      const char c = text_[at_];
      if (c == '\'' || c == '"') {
        const bool written = writes(code);
        const std::size_t begin = at_;
        std::string text = read_string(c);
        code.append(text_.substr(begin, at_ - begin));
        if (written) strings.push_back(std::move(text));
      } else {
        code += c;
        ++at_;
      }
    }
    result_.code.append(code).append("\n");
    const bool sets = !is_output && code.find_first_not_of("-+ \t\r\n") == code.find("set ") && code.find('=') != code.npos;
    const bool says = code.find("raise_exception") == std::string::npos;
    if (says && (is_output || sets)) {
      for (std::string& text : strings) add(std::move(text));
    }
    if (!is_output && code.find("add_generation_prompt") != std::string::npos) begin_prompt();
  }

  std::string read_string(char quote) {
    std::string text;
    for (++at_; at_ < text_.size() && text_[at_] != quote; ++at_) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) {
        text += escaped(text_[++at_]);
      } else {
        text += text_[at_];
      }
    }
    at_ = std::min(text_.size(), at_ + 1);
    return text;
  }

  /// What was taken for the prompt's end before is not, if the words come again.
  void begin_prompt() {
    std::vector<std::string>& earlier = result_.generation_prompt;
    result_.everywhere.insert(result_.everywhere.end(), earlier.begin(), earlier.end());
    earlier.clear();
    in_prompt_ = true;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  char tag_ = '\0';     // second character of the last tag
  bool trims_ = false;  // that ends with "-"
  bool in_prompt_ = false;
  TemplateTexts result_;
};

}  // namespace

TemplateTexts template_texts(std::string_view chat_template) { return TemplateReader(chat_template).read(); }

}  // namespace lm
