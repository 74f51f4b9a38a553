#include "base/printable.h"

#include <doctest/doctest.h>

#include <string>

using namespace lm;

TEST_CASE("nothing that a terminal obeys is left in printable text") {
  CHECK(printable("plain \\ text, \xC3\xA9t\xC3\xA9 \xE4\xB8\xAD") == "plain \\ text, \xC3\xA9t\xC3\xA9 \xE4\xB8\xAD");
  CHECK(printable("a\x1B[31mb\a\x7F") == "a\\x1b[31mb\\x07\\x7f");
  CHECK(printable("\x1B]0;title\x1B\\") == "\\x1b]0;title\\x1b\\");
  CHECK(printable("a\nb\rc\td") == "a\\nb\\rc\\td");
  CHECK(printable(std::string("\0", 1)) == "\\x00");
  CHECK(printable("\xC2\x9B"
                  "31m\xC2\x85") == "\\u009b31m\\u0085");
  CHECK(printable("\xE2\x80\xAE"
                  "x\xE2\x80\xA8") == "\\u202ex\\u2028");
  CHECK(printable("\x9B"
                  "x\xFF\xE4\xB8") == "\\x9bx\\xff\\xe4\\xb8");
  for (int byte = 0; byte < 256; ++byte) {
    for (const char c : printable(std::string(1, static_cast<char>(byte)) + "\xC2" + static_cast<char>(byte))) {
      if (byte >= 0xA0 && byte < 0xC0) continue;  // U+00A0 to U+00BF
      CHECK(c >= 0x20);
      CHECK(c < 0x7F);
    }
  }
}

TEST_CASE("wide characters take two columns and combining ones none") {
  CHECK(display_width("abc") == 3);
  CHECK(display_width("\xC3\xA9") == 1);
  CHECK(display_width("e\xCC\x81") == 1);                             // e and a combining acute
  CHECK(display_width("\xE6\x9C\xBA\xE5\x99\xA8") == 4);              // two Chinese characters
  CHECK(display_width("\xED\x95\x9C\xEF\xBC\xA1") == 4);              // Hangul, fullwidth A
  CHECK(display_width("\xF0\x9F\x98\x80") == 2);                      // an emoji
  CHECK(display_width("\xE2\x80\x8B\xE2\x80\x8D\xEF\xB8\x8F") == 0);  // no-width space, joiner, variation selector
  CHECK(display_width("\xE2\x96\x88\xEF\xBF\xBD") == 2);              // full block, U+FFFD
  CHECK(display_width("\xFF\xE4\xB8") == 3);
}

TEST_CASE("text is cut and padded at columns, never inside a character") {
  CHECK(clip_to_columns("abc", 5) == "abc");
  CHECK(clip_to_columns("abc", 2) == "ab");
  CHECK(clip_to_columns("a\xE6\x9C\xBA\xE5\x99\xA8", 4) == "a\xE6\x9C\xBA");
  CHECK(clip_to_columns("e\xCC\x81x", 1) == "e\xCC\x81");
  CHECK(clip_to_columns("\xE6\x9C\xBA", 1).empty());
  CHECK(pad_to_columns("\xE6\x9C\xBA", 4) == "\xE6\x9C\xBA  ");
  CHECK(pad_to_columns("abcde", 4) == "abcde");
}

TEST_CASE("columns begin at one place whatever their cells hold") {
  const std::vector<std::string> lines =
      align_tabs({"# a comment longer than a cell", "a\tb\t1", "\xE6\x9C\xBA\xE5\x99\xA8\t\t2"});
  CHECK(lines[0] == "# a comment longer than a cell");
  CHECK(lines[1] == "a     b  1");
  CHECK(lines[2] == "\xE6\x9C\xBA\xE5\x99\xA8     2");
}
