#include "base/utf8.h"

#include <doctest/doctest.h>

#include <cstdint>
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

TEST_CASE("every code point except the surrogates decodes to itself") {
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

TEST_CASE("text is UTF-8 if all of it is well-formed") {
  CHECK(lm::is_utf8(""));
  CHECK(lm::is_utf8("caf\xC3\xA9 \xF0\x9F\x99\x82"));
  CHECK_FALSE(lm::is_utf8("caf\xC3"));
  CHECK_FALSE(lm::is_utf8("\xED\xA0\x80"));
  std::size_t invalid = 0;
  CHECK(lm::utf8_length("\xC3\xA9x", invalid) == 2);
  CHECK(lm::utf8_length("\xF1\x80\x80\xE1", invalid) == 0);
  CHECK(invalid == 3);
}
