// A Jinja template cut into its parts, and the code of its tags into tokens.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lm {

struct JinjaToken {
  enum class Kind { name, string, number, symbol };
  Kind kind = Kind::symbol;
  std::string text;  // of a string: what it stands for
};

struct JinjaPart {
  enum class Kind { text, output, statement };
  Kind kind = Kind::text;
  std::string text = {};  // to be written, less the white space that transformers have Jinja leave out
  std::vector<JinjaToken> tokens = {};
};

/// Cuts a template; comments are left out. Throws Error, saying what is not understood.
std::vector<JinjaPart> jinja_parts(std::string_view text);

}  // namespace lm
