#include "tasks/infill/infill_text.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <vector>

#include "base/error.h"

using namespace lm;

namespace {

std::string prefix_at(std::string_view text, const Cursor& cursor) {
  const InfillText parts = split_at_cursor(text, cursor, "text");
  REQUIRE(std::string(parts.prefix) + std::string(parts.suffix) == text);
  return std::string(parts.prefix);
}

/// Returns the message, or nothing if there is no error.
std::string cursor_error(std::string_view text, const Cursor& cursor) {
  try {
    split_at_cursor(text, cursor, "text");
  } catch (const Error& error) {
    return error.what();
  }
  return {};
}

struct Trimmed {
  std::string text;
  bool ran_on = false;
};

Trimmed trim(const std::vector<std::string>& pieces, std::string_view suffix, OverlapTrimmer::End end) {
  Trimmed result;
  OverlapTrimmer trimmer(suffix, [&](std::string_view text) { result.text += text; });
  for (const std::string& piece : pieces) result.ran_on = !trimmer.feed(piece) || result.ran_on;
  trimmer.finish(end);
  return result;
}

std::vector<std::string> single_bytes(const std::string& text) {
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  return bytes;
}

constexpr auto kComplete = OverlapTrimmer::End::complete;
constexpr auto kBrokenOff = OverlapTrimmer::End::broken_off;

}  // namespace

TEST_CASE("the marker is in neither part, and all other bytes are in one") {
  const InfillText parts = split_at_marker("a\xFF[FIM]\r\n\xE2", "[FIM]", "text");
  CHECK(parts.prefix == "a\xFF");
  CHECK(parts.suffix == "\r\n\xE2");
  CHECK(split_at_marker("[FIM]", "[FIM]", "text").prefix.empty());
  CHECK(split_at_marker("", "[FIM]", "text").suffix.empty());
}

TEST_CASE("a missing marker and two of them are errors, also if they overlap") {
  CHECK_THROWS_WITH_AS(split_at_marker("no", "[FIM]", "text"), doctest::Contains("no marker '[FIM]' in 'text'"), Error);
  CHECK_THROWS_WITH_AS(split_at_marker("a[FIM]b[FIM]", "[FIM]", "text"), doctest::Contains("more than once"), Error);
  CHECK_THROWS_WITH_AS(split_at_marker("aXXXb", "XX", "text"), doctest::Contains("more than once"), Error);
}

TEST_CASE("the three units count an emoji, a combining character and what follows as they should") {
  // U+1F600 is 4 bytes and 2 units of UTF-16; e with U+0301 is two characters, of 1 and 2 bytes.
  const std::string line =
      "x\xF0\x9F\x98\x80"
      "e\xCC\x81!";
  const std::string text = "first\n" + line + "\nlast";
  struct Place {
    std::size_t offset;  // in the line
    std::int64_t byte, character, utf16;
  };
  for (const Place& place :
       std::vector<Place>{{0, 1, 1, 1}, {1, 2, 2, 2}, {5, 6, 3, 4}, {6, 7, 4, 5}, {8, 9, 5, 6}, {9, 10, 6, 7}}) {
    const std::string expected = "first\n" + line.substr(0, place.offset);
    CHECK(prefix_at(text, {.line = 2, .column = place.byte, .unit = CursorUnit::byte}) == expected);
    CHECK(prefix_at(text, {.line = 2, .column = place.character, .unit = CursorUnit::character}) == expected);
    CHECK(prefix_at(text, {.line = 2, .column = place.utf16, .unit = CursorUnit::utf16}) == expected);
  }
  for (const std::int64_t inside : {3, 4, 5, 8}) {
    CHECK(cursor_error(text, {.line = 2, .column = inside, .unit = CursorUnit::byte}).find("inside a character") !=
          std::string::npos);
  }
  CHECK(cursor_error(text, {.line = 2, .column = 3, .unit = CursorUnit::utf16}).find("inside a character") !=
        std::string::npos);
  CHECK(cursor_error(text, {.line = 2, .column = 7}).find("the line ends at column 6") != std::string::npos);
  CHECK(cursor_error(text, {.line = 2, .column = 8, .unit = CursorUnit::utf16}).find("column 7") != std::string::npos);
  CHECK(cursor_error(text, {.line = 2, .column = 11, .unit = CursorUnit::byte}).find("column 10") != std::string::npos);
}

TEST_CASE("a cursor may be at every end of a line, and not past it") {
  CHECK(prefix_at("ab\ncd\n", {.line = 1, .column = 3}) == "ab");
  CHECK(prefix_at("ab\ncd\n", {.line = 3, .column = 1}) == "ab\ncd\n");
  CHECK(prefix_at("ab\r\ncd", {.line = 1, .column = 3}) == "ab");
  CHECK(prefix_at("ab\r\ncd", {.line = 2, .column = 1}) == "ab\r\n");
  CHECK(prefix_at("", {.line = 1, .column = 1}).empty());
  CHECK(cursor_error("ab\r\ncd", {.line = 1, .column = 4}).find("the line ends at column 3") != std::string::npos);
  CHECK(cursor_error("ab\ncd\n", {.line = 4, .column = 1}).find("the last line is 3") != std::string::npos);
  CHECK(cursor_error("", {.line = 1, .column = 2}).find("the line ends at column 1") != std::string::npos);
}

TEST_CASE("bytes that are not UTF-8 are places of their own, and one character each maximal part") {
  const std::string text = "\xFF\xE2\x82z";  // two maximal parts
  CHECK(prefix_at(text, {.column = 2, .unit = CursorUnit::byte}) == "\xFF");
  CHECK(prefix_at(text, {.column = 3, .unit = CursorUnit::byte}) == "\xFF\xE2");
  CHECK(prefix_at(text, {.column = 3}) == "\xFF\xE2\x82");
  CHECK(prefix_at(text, {.column = 3, .unit = CursorUnit::utf16}) == "\xFF\xE2\x82");
}

TEST_CASE("a middle that runs on into the suffix ends before it, wherever its pieces are cut") {
  const std::string suffix = ")\n    return total\nmore\n";
  const std::string middle = "a, b)\n    return total\nand on\n";
  for (std::size_t cut = 0; cut <= middle.size(); ++cut) {
    const Trimmed result = trim({middle.substr(0, cut), middle.substr(cut)}, suffix, kComplete);
    REQUIRE(result.ran_on);
    REQUIRE(result.text == "a, b");
  }
  // Only ")\n" comes again: that is no running on.
  CHECK(trim(single_bytes("f(a)\n    x = b"), suffix, kComplete).text == "f(a)\n    x = b");
  CHECK_FALSE(trim(single_bytes("f(a)\n    x = b"), suffix, kComplete).ran_on);
}

TEST_CASE("the longest end that the suffix begins with is dropped where the middle is broken off") {
  for (const auto& pieces : {single_bytes("x = (a)\n    ret"), std::vector<std::string>{"x = (a)\n", "    ret"}}) {
    CHECK(trim(pieces, ")\n    return x\n", kBrokenOff).text == "x = (a");
  }
  CHECK(trim(single_bytes("aab"), "aabaab and more", kBrokenOff).text.empty());
  CHECK(trim(single_bytes("xaaba"), "aabaab and more", kBrokenOff).text == "x");
  CHECK(trim(single_bytes("xyz"), "", kBrokenOff).text == "xyz");
  CHECK(trim(single_bytes("f(x)"), ")", kBrokenOff).text == "f(x");
}

TEST_CASE("of a middle that ended by itself only an overlap that is no accident is dropped") {
  CHECK(trim(single_bytes("g(x)"), ")\n    return x\n", kComplete).text == "g(x)");
  CHECK(trim(single_bytes("b):\n return a + b"), " return a + b", kComplete).text == "b):\n");
  CHECK(trim(single_bytes("b return"), " return a + b", kComplete).text == "b return");
  CHECK(trim(single_bytes("x\n    return total"), "    return total_of(a)\n", kComplete).text == "x\n");
}
