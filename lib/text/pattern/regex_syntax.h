// Reading a regular expression of Oniguruma's (Ruby's syntax) into sets of characters and what PCRE2 has between them; part of
// regex.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "text/unicode/code_points.h"

namespace lm {

/// A part of an expression: text as PCRE2 takes it, or if that is empty the set of that number.
struct RegexItem {
  std::string text;
  std::size_t set = 0;
};

struct RegexSyntax {
  std::vector<RegexItem> items;
  std::vector<CodePointSet> sets;  // distinct
  bool looks_around = false;       // has anchors, boundaries or lookarounds
};

/// Reads an expression. Throws Error, naming `source`, if it is invalid or has what we cannot have exactly.
RegexSyntax parse_regex(std::string_view expression, std::string_view source);

/// Reads the bracketed class whose '[' is before `at`, and moves `at` behind its ']'. Throws Error that says what is
/// wrong with "it", the expression.
CodePointSet parse_regex_class(std::string_view expression, std::size_t& at);
/// Reads the escape whose '\' is before `at`, and moves `at` behind it: one character, or a set such as \s.
CodePointSet parse_regex_escape(std::string_view expression, std::size_t& at, bool in_class);

}  // namespace lm
