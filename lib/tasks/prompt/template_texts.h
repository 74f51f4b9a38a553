// What a chat template writes by itself: the constant texts of a Jinja template, without running it.
#pragma once

#include <string>
#include <vector>

#include "tasks/prompt/jinja_parts.h"

namespace lm {

/// The constant texts of a template in their order, escapes resolved: what is outside of tags, and the strings in "{{ }}" and
/// behind the "=" of "{% set %}", but not those that only select or compare (in brackets, or as arguments of a function).
/// Comments are none, and neither is what raise_exception() says.
struct TemplateTexts {
  std::vector<std::string> everywhere;         // except at the prompt's end
  std::vector<std::string> generation_prompt;  // behind the last "add_generation_prompt"
  std::string code;                            // of all tags, with their strings as they are written
  bool writes_blanks = false;                  // white space that is outside of tags
};
TemplateTexts template_texts(const JinjaTemplate& chat_template);

}  // namespace lm
