// What separates words: ASCII whitespace.
#pragma once

namespace lm {

constexpr bool is_white_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

}  // namespace lm
