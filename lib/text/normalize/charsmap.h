// SentencePiece's compiled map of character sequences to their replacements: a double array and the replacements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "text/normalize/before_cut.h"

namespace lm {

class CharsMap {
 public:
  /// Takes the bytes of a precompiled_charsmap: the size of the double array in 4 bytes, the array, and strings that end with
  /// a zero byte. Throws Error naming `source`.
  static CharsMap parse(std::string_view bytes, std::string_view source);

  struct Match {
    std::size_t length;
    std::string_view replacement;
  };
  /// Returns the shortest key at the front of `text`, as Hugging Face takes it, or the longest, as SentencePiece does.
  std::optional<Match> shortest(std::string_view text) const;
  std::optional<Match> longest(std::string_view text) const;
  /// Returns whether some key contains a space or a line feed behind its first byte, or one that ends with a character of `before` becomes
  /// something that does not.
  bool spans_cut(BeforeCut before) const;
  /// Returns whether no key is a character, or begins with it and another one, of ASCII.
  bool leaves_ascii(char character) const;

 private:
  /// Calls found(length, value) for each key at the front of `text`, shortest first, until it returns false.
  template <class Found>
  void search(std::string_view text, Found found) const;
  std::string_view replacement_at(std::uint32_t value) const;

  std::vector<std::uint32_t> units_;
  std::string replacements_;
};

}  // namespace lm
