// Hugging Face's Precompiled: SentencePiece's map applied to whole grapheme clusters, else to their characters.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "text/normalize/before_cut.h"
#include "text/normalize/charsmap.h"

namespace lm {

class Precompiled {
 public:
  explicit Precompiled(CharsMap map);

  /// Appends `text` with its clusters of at most 5 bytes replaced if the map has a key at their front, for which the whole
  /// cluster then goes; characters of other clusters are replaced one by one.
  void append(std::string_view text, std::string& out) const;
  /// Returns whether a replaced cluster could contain the space behind a letter, or a character of `before` becomes something
  /// that does not end with one.
  bool spans_cut(BeforeCut before) const;

 private:
  CharsMap map_;
  std::array<bool, 128> is_changed_{};  // ASCII characters that the map replaces
};

}  // namespace lm
