#include "text/unicode.h"

#include <doctest/doctest.h>

#include <string>

namespace {

lm::DecodedChar decode(std::string_view text) { return lm::decode_utf8(text.data(), text.data() + text.size()); }

std::string encode(std::uint32_t c) {
  if (c < 0x80) return {static_cast<char>(c)};
  const auto tail = [c](int shift) { return static_cast<char>(0x80 | ((c >> shift) & 0x3F)); };
  if (c < 0x800) return {static_cast<char>(0xC0 | (c >> 6)), tail(0)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | (c >> 12)), tail(6), tail(0)};
  return {static_cast<char>(0xF0 | (c >> 18)), tail(12), tail(6), tail(0)};
}

}  // namespace

TEST_CASE("every code point but the surrogates decodes to itself") {
  std::int64_t wrong = 0;
  for (std::uint32_t c = 0; c < 0x110000; ++c) {
    const std::string bytes = encode(c);
    const lm::DecodedChar decoded = decode(bytes);
    const bool surrogate = c >= 0xD800 && c < 0xE000;
    if (surrogate)
      wrong += decoded.code_point != lm::kInvalidCodePoint || decoded.length != 1;
    else
      wrong += decoded.code_point != c || decoded.length != bytes.size();
  }
  CHECK(wrong == 0);
}

TEST_CASE("an invalid part is as long as the longest beginning of a character") {
  // From Unicode 16.0, section 3.9, "U+FFFD substitution of maximal subparts".
  CHECK(decode("\xF1\x80\x80\xE1").length == 3);
  CHECK(decode("\xE1\x80\xC2").length == 2);
  CHECK(decode("\xC2").length == 1);
  CHECK(decode("\x80\x80").length == 1);
  CHECK(decode("\xC0\xAF").length == 1);
  CHECK(decode("\xE0\x80\xAF").length == 1);
  CHECK(decode("\xED\xA0\x80").length == 1);
  CHECK(decode("\xF4\x90\x80\x80").length == 1);
  CHECK(decode("\xF5\x80").length == 1);
  CHECK(decode("\xFF").length == 1);
  CHECK(decode("\xF4\x8F\xBF").length == 3);
  CHECK(decode("\xF1\x80\x80\xE1").code_point == lm::kInvalidCodePoint);
}

TEST_CASE("an incomplete tail is what more bytes could complete") {
  for (std::uint32_t c : {0x41u, 0xE9u, 0x4E2Du, 0x1F642u}) {
    const std::string bytes = "x" + encode(c);
    CHECK(lm::incomplete_utf8_tail(bytes) == 0);
    for (std::size_t cut = 2; cut < bytes.size(); ++cut) CHECK(lm::incomplete_utf8_tail(bytes.substr(0, cut)) == cut - 1);
  }
  CHECK(lm::incomplete_utf8_tail("\xE0\x80") == 0);
  CHECK(lm::incomplete_utf8_tail("a\x80\x80\x80\x80") == 0);
  CHECK(lm::incomplete_utf8_tail("\xFF") == 0);
  CHECK(lm::incomplete_utf8_tail("") == 0);
}

TEST_CASE("classes are those of Unicode 16.0") {
  using lm::CharClass;
  const lm::UnicodeClasses& classes = lm::UnicodeClasses::get();
  CHECK(classes.of('A') == CharClass::upper);
  CHECK(classes.of('z') == CharClass::lower);
  CHECK(classes.of('7') == CharClass::number);
  CHECK(classes.of('\n') == CharClass::space);
  CHECK(classes.of(0x01C5) == CharClass::upper);   // a title-case letter
  CHECK(classes.of(0x4E2D) == CharClass::letter);  // Han: neither case
  CHECK(classes.of(0x0301) == CharClass::mark);
  CHECK(classes.of(0x0660) == CharClass::number);
  CHECK(classes.of(0x1C89) == CharClass::upper);  // new in 16.0
  for (const std::uint32_t space : {0x85u, 0xA0u, 0x1680u, 0x2000u, 0x200Au, 0x2028u, 0x2029u, 0x202Fu, 0x205Fu, 0x3000u}) {
    CHECK(classes.of(space) == CharClass::space);
  }
  for (const std::uint32_t other : {0x200Bu, 0x180Eu, 0xFEFFu, 0x1Cu, 0x1Fu, 0x1F642u, 0xFFFFFFFFu}) {
    CHECK(classes.of(other) == CharClass::other);
  }
}
