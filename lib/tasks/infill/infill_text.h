// The text around a middle: where it is cut, and where what was written begins to repeat what follows.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/choice.h"

namespace lm {

/// What is before and after the middle: parts of a text that outlives them.
struct InfillText {
  std::string_view prefix, suffix;
};

/// Cuts at the marker, which belongs to neither part; an empty text needs none. Throws Error if it is missing or appears
/// twice.
InfillText split_at_marker(std::string_view text, std::string_view marker, std::string_view source);

/// What a column counts: bytes; code points; or units of UTF-16, as editors' protocols do. Each maximal part that is not
/// UTF-8 counts as one character.
enum class CursorUnit { byte, character, utf16 };
template <>
inline constexpr auto kChoices<CursorUnit> = choice_table<CursorUnit>("unit of columns", {{"byte", CursorUnit::byte},
                                                                                          {"char", CursorUnit::character},
                                                                                          {"utf16", CursorUnit::utf16}});

/// A place before a column, as editors show it: both count from 1.
struct Cursor {
  std::int64_t line = 1, column = 1;
  CursorUnit unit = CursorUnit::character;
};

/// Returns the cursor that "12:3" names, a line and a column; nothing if the text is not of this form.
std::optional<Cursor> parse_cursor(std::string_view text);

/// Cuts at the cursor. Lines end with a newline, or a carriage return and a newline; after the last newline there is one
/// more line, which is empty. Throws Error if the text has no such line, the line no such column, or it is inside a
/// character.
InfillText split_at_cursor(std::string_view text, const Cursor& cursor, std::string_view source);

/// Takes a middle as it is written and hands on what is certainly not the suffix once more: what may yet turn out to be its
/// beginning is held back.
class OverlapTrimmer {
 public:
  using Write = std::function<void(std::string_view text)>;
  /// The most bytes of a suffix that a middle is compared with.
  static constexpr std::size_t kCompared = 4096;
  OverlapTrimmer(std::string_view suffix, Write write);

  /// Returns false once the middle has run on into the suffix: its first lines (up to the line that holds their eighth byte
  /// that is no white space) have been written again, and nothing more is taken.
  bool feed(std::string_view text);

  /// How the middle ended: on its own, or broken off.
  enum class End { complete, broken_off };
  /// Drops the longest end of the middle that the suffix begins with, and hands on the rest. Of a complete middle only an
  /// end of eight bytes or more that are no white space is dropped: "f(g(x)" before ")" is meant.
  void finish(End end);

 private:
  std::size_t overlap() const;

  std::string suffix_;      // its beginning, as much as is compared
  std::size_t run_on_ = 0;  // length of its beginning that means that the middle ran on; 0: none does
  std::string held_;        // not handed on yet
  bool stopped_ = false;
  Write write_;
};

}  // namespace lm
