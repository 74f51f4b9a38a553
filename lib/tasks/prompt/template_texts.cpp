#include "tasks/prompt/template_texts.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

namespace lm {
namespace {

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// Returns whether the string at a place is written: not an index, a key, an argument, or part of a comparison.
bool writes(const std::vector<JinjaToken>& tokens, std::size_t at) {
  constexpr std::array<std::string_view, 8> kOthers = {"[", "(", ",", "==", "!=", "in", "<", ">"};
  return at == 0 || tokens[at - 1].kind == JinjaToken::Kind::string ||
         std::find(kOthers.begin(), kOthers.end(), tokens[at - 1].text) == kOthers.end();
}

/// Reads a template once.
class TemplateReader {
 public:
  TemplateTexts read(const JinjaTemplate& chat_template) {
    for (const JinjaPart& part : chat_template.parts) {
      if (part.kind == JinjaPart::Kind::text) {
        if (part.text.find_first_not_of(" \t\r\n\v\f") == std::string::npos) result_.writes_blanks = true;
        add(part.text);
      } else {
        read_tag(part);
      }
    }
    return std::move(result_);
  }

 private:
  void add(const std::string& text) {
    if (!text.empty()) (in_prompt_ ? result_.generation_prompt : result_.everywhere).push_back(text);
  }

  void read_tag(const JinjaPart& part) {
    result_.code.append(part.code).append("\n");
    const bool is_output = part.kind == JinjaPart::Kind::output;
    const bool sets = !is_output && !part.tokens.empty() && part.tokens.front().is(JinjaToken::Kind::name, "set") &&
                      contains(part.code, "=");
    if (!contains(part.code, "raise_exception") && (is_output || sets)) {
      for (std::size_t i = 0; i < part.tokens.size(); ++i) {
        if (part.tokens[i].kind == JinjaToken::Kind::string && writes(part.tokens, i)) add(part.tokens[i].text);
      }
    }
    if (!is_output && contains(part.code, "add_generation_prompt")) begin_prompt();
  }

  /// What was taken for the prompt's end before is not, if the words come again.
  void begin_prompt() {
    std::vector<std::string>& earlier = result_.generation_prompt;
    result_.everywhere.insert(result_.everywhere.end(), earlier.begin(), earlier.end());
    earlier.clear();
    in_prompt_ = true;
  }

  bool in_prompt_ = false;
  TemplateTexts result_;
};

}  // namespace

TemplateTexts template_texts(const JinjaTemplate& chat_template) { return TemplateReader().read(chat_template); }

}  // namespace lm
