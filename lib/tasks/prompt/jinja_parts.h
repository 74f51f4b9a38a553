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

  bool is(Kind which, std::string_view what) const { return kind == which && text == what; }
};

struct JinjaPart {
  enum class Kind { text, output, statement };
  Kind kind = Kind::text;
  std::string text = {};  // to be written, less the white space that transformers have Jinja leave out
  std::string code = {};  // of a tag, as it is written
  std::vector<JinjaToken> tokens = {};
};

struct JinjaTemplate {
  std::vector<JinjaPart> parts;  // without comments
  std::string fault;             // why it cannot be run, a predicate; empty: nothing was found
};

/// Cuts any text.
JinjaTemplate cut_jinja(std::string_view text);

}  // namespace lm
